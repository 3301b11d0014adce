"""Support access: without a company's grant not one row, under it reading alone, and each look in the company's own trace."""

import os
import subprocess

import httpx
from core import CannotRun, Check, item
from document import SOME_UUID, operations, sample
from staff import ALL, Staff, add_staff, filled, give, tenant_of, views
from world import Person, World, create_tenant, furnish, ids, needed
from world import filled as tenants_path

MARK, OTHER = "Supported-4711", "Neighbour-4711"
# Of the tenants' document, what no grant ever shows.
NEVER = ("exports", "users", "sessions", "routes", "api-tokens", "webhooks", "imports", "jobs", "audit-entries", "roles", "erasures", "support-grants", "files", "me", "transactional-sends")


def closed(check: Check, where: str, answer: httpx.Response, mark: str = MARK) -> None:
    """Refused, and nothing of the company in the refusal."""
    check.that(answer.status_code in (403, 404), where, f"answered {answer.status_code}: {answer.text[:120]}")
    check.that(mark not in answer.text, where, f"shows the company's data: {answer.text[:150]}")


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        closed(check, "canary", client.get("/things/1"), "Tenant-B-marker")


@item("operator.support", "no grant, no data; revoked and over ends the next look; each look is noted; nothing is changed or exported", canary, aside=True)
def attack(world: World, check: Check) -> None:
    owner, neighbour = create_tenant(world.product, MARK), create_tenant(world.product, OTHER)
    furnish(owner, MARK)
    furnish(neighbour, OTHER)
    staff = add_staff(world)
    tenant, known = tenant_of(owner), ids(owner)
    check.that(len(known) > 12, "the company", f"has too few things: {sorted(known)}")
    ungranted(check, staff, tenant, known)
    looks(world, check, staff, owner, known)
    writes(world, check, staff, tenant, known)
    borders(world, check, staff, owner, neighbour)
    scopes(check, staff, owner)
    ended(world, check, staff, owner)
    by_database(world, check, owner)


def ask(staff: Staff, base: str, known: dict[str, str], method: str = "GET", **options) -> list[tuple[str, httpx.Response]]:
    """Every look that there is, under a support session of whatever kind."""
    found = []
    for operation in views():
        staff.path(operation, known)  # The log-in may have to be renewed.
        found.append((operation.id, staff.client.request(method, filled(operation, known, base), **options)))
    return found


def ungranted(check: Check, staff: Staff, tenant: str, known: dict[str, str]) -> None:
    for support in (SOME_UUID, tenant, "0", "..", "null"):
        for name, answer in ask(staff, f"/v1/support/{tenant}/{support}", known):
            closed(check, f"{name} under {support} without a grant", answer)
    for method, path in (("GET", f"/v1/tenants/{tenant}"), ("GET", "/v1/tenants?q=Supported"), ("GET", f"/v1/tenants/{tenant}/support-grants"), ("GET", f"/v1/audit?tenant_id={tenant}")):
        answer = staff.client.request(method, path)
        check.that(answer.status_code == 200, path, f"answered {answer.status_code}")
        # Name and numbers are to be seen; addresses and ids of things are not.
        shown = [value for value in known.values() if value in answer.text]
        check.that("@example.jp" not in answer.text and not shown, path, f"shows more than name and numbers: {answer.text[:200]}")
    for grant in (SOME_UUID, tenant):
        answer = staff.client.post(f"/v1/tenants/{tenant}/support-sessions", json={"grant_id": grant})
        closed(check, "a grant that nobody gave", answer)
    for path in ("/v1/support-grants", f"/v1/tenants/{tenant}/support-grants"):
        answer = staff.client.post(path, json={"reason": "x", "permissions": ["contacts.read"], "hours": 1})
        check.that(answer.status_code in (404, 405), f"POST {path}", f"staff grant themselves: {answer.status_code}")


def noted(world: World, tenant: str) -> int:
    return int(world.sql(f"SELECT count(*) FROM audit_entry WHERE tenant_id = '{tenant}' AND action = 'support.viewed' AND actor_kind = 'operator'"))


def looks(world: World, check: Check, staff: Staff, owner: Person, known: dict[str, str]) -> None:
    tenant = tenant_of(owner)
    staff.look_under(tenant, give(owner))
    seen = 0
    for operation in views():
        before = noted(world, tenant)
        answer = staff.client.get(staff.path(operation, known))
        seen += answer.status_code == 200
        check.that(answer.status_code in (200, 404), operation.id, f"answered {answer.status_code}: {answer.text[:150]}")
        check.that(noted(world, tenant) == before + 1, operation.id, "is not in the company's trace, or more than once")
    check.that(seen > 15, "looks", f"only {seen} showed anything: nothing was proven")
    last = world.sql(f"SELECT after->>'operator' || ' ' || (after->>'operation') FROM audit_entry WHERE tenant_id = '{tenant}' AND action = 'support.viewed' ORDER BY id DESC LIMIT 1")
    check.that(last == f"山田 太郎 {views()[-1].id}", "the trace", f"says {last}")
    counted = owner.all("/v1/support-grants")[0]["looks"]
    check.that(counted == len(views()), "the company's page", f"tells {counted} looks of {len(views())}")


def contents(world: World, tenant: str) -> str:
    tables = ("contact", "list", "mail", "campaign", "sequence", "suppression", "sender_domain", "route", "contact_export", "user_account")
    return world.sql("SELECT " + " || '/' || ".join(f"(SELECT count(*) || ':' || coalesce(sum(hashtext(t::text)::bigint), 0) FROM {t} t WHERE tenant_id = '{tenant}')" for t in tables))


def writes(world: World, check: Check, staff: Staff, tenant: str, known: dict[str, str]) -> None:
    before = contents(world, tenant)
    theirs = {o.path: o for o in operations() if o.method in ("POST", "PATCH", "PUT") and o.media == "application/json"}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for operation in views():
            body = theirs.get("/v1" + operation.path.removeprefix("/v1/support/{tenant}/{support}"))
            answer = staff.client.request(method, staff.path(operation, known), json=sample(body.body) if body else {}, headers={"If-Match": '"1"'})
            check.that(answer.status_code in (403, 404, 405), f"{method} {operation.id}", f"answered {answer.status_code}")
        answer = staff.client.get(staff.path(views()[0], known), headers={"X-HTTP-Method-Override": method})
        check.that(answer.status_code == 200, f"override by {method}", f"is heeded: {answer.status_code}")
    # All that the tenants' own API has and support has not: exports, people, secrets, and everything that writes.
    offered = {o.path.removeprefix("/v1/support/{tenant}/{support}") for o in views()}
    for operation in operations():
        inside = operation.path.removeprefix("/v1")
        if operation.path.startswith("/v1/") and (operation.method != "GET" or inside not in offered):
            staff.path(views()[0], known)
            path = staff.base + tenants_path(operation, known).removeprefix("/v1")
            answer = staff.client.request(operation.method, path, json=sample(operation.body) if operation.media == "application/json" else None)
            check.that(answer.status_code in (403, 404, 405), f"{operation.id} under a grant", f"answered {answer.status_code}: {answer.text[:120]}")
    for name in NEVER:
        closed(check, name, staff.client.get(f"{staff.base}/{name}"))
    check.that(contents(world, tenant) == before, "afterwards", "the company's rows are not what they were")


def borders(world: World, check: Check, staff: Staff, owner: Person, neighbour: Person) -> None:
    """Another company, another person, another log-in."""
    tenant, next_door = tenant_of(owner), tenant_of(neighbour)
    foreign = ids(neighbour)
    for name, answer in ask(staff, staff.base, foreign):
        check.that(OTHER not in answer.text, f"{name} with the neighbour's id", f"shows it: {answer.text[:150]}")
    support = staff.base.rsplit("/", 1)[1]
    for name, answer in ask(staff, f"/v1/support/{next_door}/{support}", foreign):
        closed(check, f"{name} of the neighbour under this session", answer, OTHER)
    answer = staff.client.post(f"/v1/tenants/{next_door}/support-sessions", json={"grant_id": staff.grant[1]})
    closed(check, "the grant at the neighbour's", answer, OTHER)
    colleague = add_staff(world)
    again = staff.log_in().json()["access_token"]
    with world.console.client(again) as other_log_in:
        for who, client in (("a colleague", colleague.client), ("another log-in", other_log_in)):
            for path in ("contacts", "mails", "tenant"):
                closed(check, f"{path} by {who}", client.get(f"/v1/support/{tenant}/{support}/{path}"))
            closed(check, f"closing by {who}", client.delete(f"/v1/tenants/{tenant}/support-sessions/{support}"))


def scopes(check: Check, staff: Staff, owner: Person) -> None:
    """Each permission alone opens something, and nothing of the others."""
    tenant, known = tenant_of(owner), ids(owner)
    opened: dict[str, set[str]] = {}
    for permission in ALL:
        staff.look_under(tenant, give(owner, (permission,)))
        # Each path by itself: with a new log-in the support session is another one.
        told = [(one.id, staff.client.get(staff.path(one, known))) for one in views()]
        opened[permission] = {name for name, answer in told if answer.status_code in (200, 404)}
        check.that(0 < len(opened[permission]) < len(views()), f"a grant of {permission}", f"opens {len(opened[permission])} looks")
        for name, answer in told:
            if name not in opened[permission]:
                closed(check, f"{name} under {permission}", answer)
    for name in ("list_contacts", "get_contact", "list_suppressions"):
        check.that([p for p in ALL if name in opened[p]] == ["contacts.read"], name, f"is opened by {[p for p in ALL if name in opened[p]]}")


def ended(world: World, check: Check, staff: Staff, owner: Person) -> None:
    tenant = tenant_of(owner)
    for how in ("revoked", "over", "closed"):
        grant = give(owner)
        base = staff.look_under(tenant, grant)
        check.that(staff.client.get(f"{base}/contacts").status_code == 200, f"before it was {how}", "nothing is shown")
        match how:
            case "revoked":
                owner.call("POST", f"/v1/support-grants/{grant}/revoke")
            case "over":
                world.sql(f"UPDATE support_grant SET created_at = created_at - interval '2 hours', expires_at = expires_at - interval '2 hours' WHERE id = '{grant}'")
            case "closed":
                staff.call("DELETE", base.replace(f"/support/{tenant}/", f"/tenants/{tenant}/support-sessions/"))
        before = noted(world, tenant)
        for name, answer in ask(staff, base, ids(owner)):
            closed(check, f"{name}, {how}", answer)
        check.that(noted(world, tenant) == before, how, "looks that were refused stand in the trace as looks")
        if how != "closed":
            closed(check, f"a new session, {how}", staff.client.post(f"/v1/tenants/{tenant}/support-sessions", json={"grant_id": grant}))
    staff.grant = None


def by_database(world: World, check: Check, owner: Person) -> None:
    """The console's role, whatever its program does: of a company nothing without a session under a grant that lasts."""
    tenant = tenant_of(owner)
    ended = "s.ended_at IS NOT NULL", "g.revoked_at IS NOT NULL", "g.expires_at < now()"
    over = [world.sql(f"SELECT s.id FROM support_session s JOIN support_grant g ON g.id = s.grant_id WHERE s.tenant_id = '{tenant}' AND {how} LIMIT 1") for how in ended]
    check.that(all(over), "sessions that ended", f"are not all there: {over}")

    def told(statement: str, support: str = "") -> str:
        settings = f"SELECT set_config('kikubari.tenant', '{tenant}', false), set_config('kikubari.support', '{support}', false);"
        done = subprocess.run([needed("KIKUBARI_SECURITY_PSQL"), "-X", "-q", "-At", "-d", needed("KIKUBARI_OPERATOR_DATABASE_URL"), "-c", settings + statement],
                              capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))  # fmt: skip
        return "refused" if "permission denied" in done.stderr or "row-level security" in done.stderr else (done.stdout.strip().splitlines() or [done.stderr])[-1]

    if told("SELECT count(*) FROM support_grant") in ("0", "refused"):
        raise CannotRun("the console's role sees no grants: nothing below would be proven")
    for support in ("", SOME_UUID, *over):
        for table in ("contact", "mail", "campaign", "list", "delivery", "suppression"):
            check.that(told(f"SELECT count(*) FROM {table}", support) == "0", f"{table} with support {support or 'none'}", "rows are to be seen")
    for statement in (
        "SELECT password_hash FROM user_account", "SELECT count(*) FROM session", "SELECT count(*) FROM refresh_token", "SELECT password_sealed FROM route", "SELECT count(*) FROM api_token", "SELECT secret_sealed FROM webhook",
        "SELECT count(*) FROM contact_export", "SELECT count(*) FROM file", "SELECT count(*) FROM totp_seed", "SELECT private_key_sealed FROM dkim_key",
        "UPDATE support_grant SET expires_at = now() + interval '1 day'", "UPDATE support_grant SET revoked_at = NULL", "DELETE FROM audit_entry", "DELETE FROM operator_audit", "UPDATE operator_audit SET action = 'x'",
        f"INSERT INTO contact (tenant_id, id) VALUES ('{tenant}', '{SOME_UUID}')", "DELETE FROM contact", "UPDATE mail SET name = 'x'", "CREATE TABLE x (a int)", "SET ROLE kikubari_app", "SET ROLE kikubari_owner",
    ):  # fmt: skip
        word = told(statement)
        check.that(word == "refused", statement, f"the console's role may: {word}")
