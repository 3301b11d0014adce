"""Values that should not be: SQL, scripts, odd input, through every parameter of the console's document, under a grant that shows all."""

import itertools
import time

import httpx
from core import QUICK, Check, item
from document import kind, leaves, placed, sample
from errors import BROKEN, ODD_VALUES
from errors import examine as examine_error
from errors import is_problem
from sql import Place, canary_places, probe, values
from staff import ALL, VIEWS, Staff, add_staff, console_operations, filled, forget_guesses_of, give, tenant_of
from world import World, create_tenant, furnish, ids
from xss import PAYLOADS
from xss import examine as examine_script

LEFT_OUT = ("get_liveness", "get_readiness", "delete_operator_session", "refresh_operator_session")


def escaped(value: str) -> str:
    return httpx.URL("http://x/", params={"a": value}).query.decode()[2:].replace("+", "%20")


def places(staff: Staff, known: dict[str, str]) -> list[Place]:
    found = []
    for o in console_operations():
        if o.id in LEFT_OUT:
            continue
        reads, nobody = o.method == "GET", {} if o.method != "GET" else known
        for p in o.named("query"):
            found.append(Place(f"{o.id} ?{p['name']}", lambda c, v, o=o, p=p: c.request(o.method, staff.path(o, known), params={p["name"]: v}), reads))
        for p in o.named("path"):
            at = lambda v, o=o, p=p: in_path(staff, o, known, p["name"], v)  # noqa: E731
            found.append(Place(f"{o.id} /{p['name']}", lambda c, v, o=o, at=at: c.request(o.method, at(v), json=sample(o.body) if o.body else None), False))
        for where, schema in leaves(o.body) if o.body else ():
            if kind(schema) in ("string", "integer", ""):
                name = f"{o.id} {'/'.join(map(str, where))}"
                found.append(Place(name, lambda c, v, o=o, w=where, n=nobody: in_body(staff, c, o, n, w, v), False))
    for header in ("User-Agent", "X-Request-Id", "Accept-Language", "Referer", "X-Kikubari-Background", "Cookie"):
        found.append(Place(f"header {header}", lambda c, v, h=header: c.get("/v1/me", headers={h: v.replace("\0", "").encode()}), False))
    return found


def in_path(staff: Staff, operation, known: dict[str, str], name: str, value: str) -> str:
    staff.path(operation, known)  # The log-in may have to be renewed.
    if operation.path.startswith(VIEWS) and name in ("tenant", "support"):
        tenant, support = staff.base.split("/")[3:5]
        start = f"/v1/support/{escaped(value) if name == 'tenant' else tenant}/{escaped(value) if name == 'support' else support}"
        return filled(operation, known, start)
    return filled(operation, known, staff.base, {name: escaped(value)})


def in_body(staff: Staff, client: httpx.Client, operation, known: dict[str, str], where: tuple, value: str) -> httpx.Response:
    if operation.public:
        forget_guesses_of(staff.world, "")  # What no login id can be counts for nobody, who would soon have to wait.
    return client.request(operation.method, staff.path(operation, known), json=placed(sample(operation.body), where, value))


def scripts(check: Check, client: httpx.Client, found: list[Place], payloads: tuple[str, ...]) -> None:
    for place, payload in itertools.product(found, payloads):
        examine_script(check, place.name, place.ask(client, payload), payload)


def odd(check: Check, client: httpx.Client, found: list[Place], odd_values: tuple[str, ...]) -> None:
    for place, value in itertools.product(found, odd_values):
        examine_error(check, f"{place.name} {value[:20]!r}", place.ask(client, value))


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        seen = [check.findings[:]]
        for look in (
            lambda: probe(check, client, canary_places(), *values(world)),
            lambda: scripts(check, client, [Place("canary ?q", lambda c, v: c.get("/search", params={"q": v}), True)], PAYLOADS[:3]),
            lambda: odd(check, client, [Place("canary /error", lambda c, v: c.get("/error", params={"x": v}), True)], ("x",)),
        ):
            look()
            seen.append(check.findings[:])
    if any(len(after) == len(before) for before, after in itertools.pairwise(seen)):
        check.findings.clear()  # Each way of looking has to find it.


@item("operator.injection", "SQL, scripts and odd input through every parameter of the console's document", canary, aside=True)
def attack(world: World, check: Check) -> None:
    owner, staff = create_tenant(world.product, "支援先"), add_staff(world)
    furnish(owner, "支援先のもの")
    known = ids(owner)
    tenant = tenant_of(owner)
    staff.look_under(tenant, give(owner, ALL))
    found = places(staff, {**known, "tenants": tenant})
    check.that(len(found) > 90, "places", f"only {len(found)}")
    check.note(f"{len(found)} places")
    quick = world.level == QUICK
    probe(check, staff.client, found, *values(world))
    scripts(check, staff.client, found, PAYLOADS[:2] if quick else PAYLOADS)
    odd(check, staff.client, found, ODD_VALUES[:1] if quick else ODD_VALUES)
    for operation in console_operations():
        for body in BROKEN if operation.body else ():
            answer = staff.client.request(operation.method, staff.path(operation, {}), content=body, headers={"Content-Type": "application/json"})
            examine_error(check, f"{operation.id} body {body[:20]!r}", answer)
            if body not in (b"{}",):
                is_problem(check, f"{operation.id} body {body[:20]!r}", answer)
    begin = time.monotonic()
    check.that(staff.client.get(f"{staff.base}/contacts").status_code == 200, "afterwards", "the grant shows nothing: nothing above was proven")
    check.that(time.monotonic() - begin < 10, "afterwards", "the console hangs")
