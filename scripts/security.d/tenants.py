"""Parameter tampering: another company's ids in paths, queries and bodies; fields and roles that are not one's own."""

import json

from core import Check, item
from document import kind, leaves, operations, placed, resolved, sample
from world import World, filled, ids

MARK = "Tenant-B-marker"
# Property of a body or a query → the collection that its id is one of.
PLACES = {
    "folder_id": "folders", "list_id": "lists", "list_ids": "lists", "exclude_list_ids": "lists", "mail_id": "mails", "route_id": "routes",
    "contact_id": "contacts", "contact_ids": "contacts", "user_ids": "users", "from_template_id": "templates", "parent_id": "folders",
    "date_mail_id": "date-mails", "campaign_id": "campaigns", "step_id": "sequences", "mail_ids": "mails", "user_id": "users",
    "subject_id": "contacts", "actor_id": "users", "role_id": "roles",
}  # fmt: skip


def no_trace(check: Check, where: str, answer, foreign: set[str]) -> None:
    check.that(MARK not in answer.text, where, f"shows the other company's data: {answer.status_code} {answer.text[:200]}")
    told = answer.json() if "json" in answer.headers.get("content-type", "") and answer.content else {}
    if answer.status_code < 300:
        ids = {v for v in foreign if f'"id":"{v}"' in json.dumps(told, separators=(",", ":"))}
        check.that(not ids, where, f"answers with the other company's ids {ids}")


def paths(world: World, check: Check) -> None:
    """Every operation with ids of the other company in its path."""
    theirs = world.ids_of_b
    for operation in operations():
        if "{" not in operation.path or not operation.path.startswith("/v1/"):
            continue
        path = filled(operation, theirs)
        if path == filled(operation, {}):
            check.note(f"no id of the other company for {operation.path}")
            continue
        for role, person in world.a.items():
            body = sample(operation.body) if operation.body and operation.media == "application/json" else None
            answer = person.client.request(operation.method, path, json=body, headers={"If-Match": '"1"'})
            where = f"{operation.id} as {role}"
            check.that(answer.status_code in (403, 404, 422), where, f"answered {answer.status_code}: {answer.text[:150]}")
            no_trace(check, where, answer, set(theirs.values()))
            # Exactly as for an id that nobody has: the answer must not tell that the thing is there.
            nobody = person.client.request(operation.method, filled(operation, {}), json=body, headers={"If-Match": '"1"'})
            check.that(nobody.status_code == answer.status_code, where, f"{answer.status_code} for theirs, {nobody.status_code} for nobody's")


def bodies(world: World, check: Check) -> None:
    """Every id inside a body, and in a query, one at a time."""
    theirs, ours = world.ids_of_b, world.ids_of_a
    tried = 0
    for operation in operations():
        for parameter in operation.named("query"):
            if (place := PLACES.get(parameter["name"])) and place in theirs:
                answer = world.owner.client.request(operation.method, filled(operation, ours), params={parameter["name"]: theirs[place]})
                no_trace(check, f"{operation.id} ?{parameter['name']}", answer, set(theirs.values()))
        if not operation.body or operation.media != "application/json" or not operation.path.startswith("/v1/"):
            continue
        base = sample(operation.body)
        for path, _ in leaves(operation.body):
            name = next((p for p in reversed(path) if isinstance(p, str)), "")
            place = PLACES.get(name)
            if not place or place not in theirs:
                continue
            tried += 1
            for body in kinds(operation.body, placed(base, path, theirs[place]), path):
                where = f"{operation.id} {'/'.join(map(str, path))}"
                answer = world.owner.client.request(operation.method, filled(operation, ours), json=body, headers={"If-Match": '"1"'})
                # An id that belongs to another kind of thing may be left aside, but never kept.
                kept = theirs[place] in answer.text
                check.that(answer.status_code >= 400 or not kept, where, f"takes the other company's {place}: {answer.status_code} {answer.text[:150]}")
                no_trace(check, where, answer, set(theirs.values()))
    check.that(tried >= 15, "ids in bodies", f"only {tried} places were found")


def kinds(schema: dict, body, path: tuple) -> list:
    """The body once for each `kind` of the object that the value stands in, since each looks at other fields."""
    parent = resolved(schema)
    for part in path[:-1]:
        parent = resolved(parent.get("items", {}) if part == 0 else parent.get("properties", {}).get(part, {}))
    choices = resolved(parent.get("properties", {}).get("kind", {})).get("enum")
    return [placed(body, (*path[:-1], "kind"), choice) for choice in choices] if choices else [body]


def unknown_fields(world: World, check: Check) -> None:
    """`deny_unknown_fields` on every body, and on the objects inside."""
    for operation in operations():
        if not operation.body or operation.media != "application/json":
            continue
        base = sample(operation.body)
        if not isinstance(base, dict):
            continue
        for name, value in {"tenant_id": world.ids_of_b["lists"], "is_admin": True, "role_id": "owner", "version": 9, "__proto__": {"a": 1}}.items():
            if name in resolved(operation.body).get("properties", {}):
                continue
            answer = world.owner.client.request(
                operation.method, filled(operation, world.ids_of_a), json={**base, name: value}, headers={"If-Match": '"1"'}
            )
            told = answer.text if answer.status_code == 422 else ""
            stale = answer.status_code in (401, 404, 409, 412, 429)
            check.that(name in told or stale or answer.status_code == 422, f"{operation.id} + {name}", f"taken: {answer.status_code} {answer.text[:120]}")
        for path, schema in leaves(operation.body):
            if len(path) == 2 and isinstance(path[1], str) and kind(schema) == "string":
                body = placed(base, (path[0], "is_admin"), True)
                answer = world.owner.client.request(operation.method, filled(operation, world.ids_of_a), json=body, headers={"If-Match": '"1"'})
                check.that(answer.status_code >= 400, f"{operation.id} {path[0]}/is_admin", f"taken: {answer.status_code}")


def roles(world: World, check: Check) -> None:
    """A viewer changes nothing, and nobody gives themselves another role."""
    own = ("/v1/auth/", "/v1/me", "/v1/sessions")
    viewer = world.a["viewer"]
    for operation in operations():
        if operation.method == "GET" or operation.path.startswith(own) or not operation.path.startswith("/v1/"):
            continue
        body = sample(operation.body) if operation.body and operation.media == "application/json" else None
        answer = viewer.client.request(operation.method, filled(operation, world.ids_of_a), json=body, headers={"If-Match": '"1"'})
        # The order of checks may tell first that the input is wrong; success it must never be.
        read_only = operation.id in ("preview_mail",)
        check.that(answer.status_code in (403, 404, 412, 415, 422) or read_only, f"{operation.id} as viewer", f"answered {answer.status_code}")
    for role, person in world.a.items():
        if role == "owner":
            continue
        mine = person.call("GET", "/v1/me")
        for body in ({"role": "owner"}, {"permissions": ["users.manage"]}, {"tenant_id": "x"}, {"email": "x@evil.example"}):
            answer = person.client.patch("/v1/me", json=body)
            check.that(answer.status_code == 422, f"{role}: {body}", f"answered {answer.status_code}")
        check.that(person.call("GET", "/v1/me") == mine, role, "changed after all")


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        answer = client.get("/things/77")
        check.that(answer.status_code == 404, "canary: another's id", f"answered {answer.status_code}")
        no_trace(check, "canary: another's id", answer, set())
        check.that(client.post("/things/1", json={"is_admin": True}).status_code == 422, "canary: unknown field", "taken")


@item("parameter-tampering", "ids of another company everywhere, unknown fields, roles", canary)
def attack(world: World, check: Check) -> None:
    check.that(len(world.ids_of_b) >= 15, "the other company", f"has too few things: {sorted(world.ids_of_b)}")
    check.that(not set(world.ids_of_a.values()) & set(world.ids_of_b.values()), "ids", "are shared")
    paths(world, check)
    bodies(world, check)
    unknown_fields(world, check)
    roles(world, check)
    check.that(world.other.all("/v1/lists")[0]["name"] == MARK, "afterwards", "the other company's list was changed")
    # Of these the newest comes first, and looking makes new ones.
    moving = ("sessions", "audit-entries")
    before, after = ({k: v for k, v in found.items() if k not in moving} for found in (world.ids_of_b, ids(world.other)))
    check.that(before == after, "afterwards", f"the other company's things are not what they were: {before} {after}")
