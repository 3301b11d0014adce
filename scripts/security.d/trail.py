"""The trace: an entry that somebody changed or deleted behind the program's back is found; the program itself can do neither."""

from core import Check, item
from world import Person, World, add_person, create_tenant, until


def canary(world: World, check: Check) -> None:
    """A log without a chain: what was changed can't be told."""
    log = [{"n": 1, "what": "a"}, {"n": 2, "what": "b"}]
    changed = [{**log[0], "what": "x"}, log[1]]
    check.that([e["n"] for e in log] != [e["n"] for e in changed], "canary", "a change is not seen")


def faults(owner: Person) -> list[tuple[str, int]]:
    """What a verification names."""
    job = owner.call("POST", "/v1/audit-verifications")
    done = until(lambda: (j := owner.call("GET", f"/v1/jobs/{job['id']}")) and j["state"] in ("succeeded", "failed") and j, 60, "the verification")
    found = [(fault["kind"], fault["number"]) for fault in (done.get("result") or {"faults": []})["faults"]]
    return found if done["state"] == "succeeded" else [*found, (f"failed: {done.get('error')}", 0)]


@item("audit-chain", "an entry changed or deleted behind the program's back is found; the program's role can do neither", canary)
def attack(world: World, check: Check) -> None:
    owner: Person = create_tenant(world.product, "監査の会社")
    for _ in range(3):
        add_person(owner, "viewer")
    tenant = owner.call("GET", "/v1/tenant")["id"]
    before = faults(owner)
    check.that(before == [], "untouched", f"faults {before}")
    check.that(int(world.sql(f"SELECT count(*) FROM audit_link WHERE tenant_id = '{tenant}'")) > 6, "entries", "too few for anything to be proven")
    # Two different ones, so that each fault has a number of its own.
    changes = {
        "changed": (2, "UPDATE audit_entry SET action = action || 'x'"),
        "removed": (4, "DELETE FROM audit_entry"),
    }
    expected = []
    for kind, (number, change) in changes.items():
        entry = world.sql(f"SELECT entry_id FROM audit_link WHERE tenant_id = '{tenant}' AND number = {number}")
        where = f"WHERE tenant_id = '{tenant}' AND id = '{entry}'"
        told = world.sql(as_program(tenant, f"{change} {where}"))
        check.that(told == "refused", f"{kind} by the program's role", f"was {told}")
        world.sql(f"{change} {where}")
        expected.append((kind, number))
        after = faults(owner)
        check.that(after == expected, kind, f"is not found: {after}")
    for table in ("audit_link", "audit_head"):
        told = world.sql(as_program(tenant, f"UPDATE {table} SET hash = hash WHERE tenant_id = '{tenant}'"))
        check.that(told == "refused", f"{table} by the program's role", f"was {told}")


def as_program(tenant: str, change: str) -> str:
    """Tries it under the program's role, in the tenant that it may see; takes it back whatever came of it."""
    return (
        "CREATE TEMPORARY TABLE told (word text) ON COMMIT DROP; "
        "DO $do$ DECLARE word text := 'obeyed'; BEGIN BEGIN "
        f"SET LOCAL ROLE kikubari_app; PERFORM set_config('kikubari.tenant', '{tenant}', true); EXECUTE $q${change}$q$; "
        "RAISE EXCEPTION 'take it back'; "
        "EXCEPTION WHEN insufficient_privilege THEN word := 'refused'; WHEN raise_exception THEN word := 'obeyed'; END; "
        "INSERT INTO told VALUES (word); END $do$; SELECT word FROM told"
    )
