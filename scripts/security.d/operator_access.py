"""The console's door: who is not on the list gets nothing, whatever they say of themselves; and the two sides share nothing."""

import itertools

import httpx
from core import ROOT, Check, item
from document import operations, sample
from staff import COOKIE, OURS, add_staff, console_operations, filled, guarded
from world import LIMITS, Target, World
from world import filled as tenants_path

# Not on the list, which holds 127.0.0.1; as a trusted proxy would name them.
OUTSIDE = ("203.0.113.7", "10.0.0.1", "127.0.0.2", "::1", "::ffff:203.0.113.7", "2001:db8::1", "203.0.113.7:4711", "unknown", "127.0.0.1, 203.0.113.7", "127.0.0.1/32")
FORGED = (
    {}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "127.0.0.1, 127.0.0.1"}, {"X-Forwarded-For": "127.0.0.2, 127.0.0.1"}, {"X-Forwarded-For": ""},
    {"X-Forwarded-For": "x"}, {"X-Real-IP": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"True-Client-IP": "127.0.0.1"}, {"CF-Connecting-IP": "127.0.0.1"},
    {"X-Client-IP": "127.0.0.1"}, {"X_Forwarded_For": "127.0.0.1"}, {"X-Forwarded-Host": "127.0.0.1"}, {"Via": "1.1 127.0.0.1"}, {"Connection": "X-Forwarded-For", "X-Forwarded-For": "127.0.0.1"},
)  # fmt: skip
SIGNS = ('id="root"', "<script", '"items"', '"ticket"', '"access_token"', '"name"')


def refused(check: Check, name: str, client: httpx.Client, asked: list[tuple[str, str]], **options) -> None:
    for method, path in asked:
        answer = client.request(method, path, **options)
        told = [sign for sign in SIGNS if sign in answer.text]
        check.that(answer.status_code in (403, 404) and not told, f"{name}: {method} {path}", f"answered {answer.status_code} {told}")


def everything() -> list[tuple[str, str]]:
    built = ROOT / "frontend/dist-operator"
    pages = ["/", "/operator.html", "/journal", *(f"/assets/{file.name}" for file in itertools.islice((built / "assets").glob("*.js"), 3))]
    return [("GET", path) for path in pages] + [(o.method, filled(o, {})) for o in console_operations() if not o.path.startswith("/health/")]


def elsewhere(target: Target) -> httpx.Client:
    """From another address of this machine, which really is the other end of the line."""
    return httpx.Client(base_url=target.url, transport=httpx.HTTPTransport(verify=target.verify, local_address="127.0.0.2", limits=LIMITS), timeout=120)


def canary(world: World, check: Check) -> None:
    with elsewhere(world.canary) as client:
        refused(check, "canary", client, [("GET", "/"), ("GET", "/things/1")])


@item("operator.access", "the console's allow-list with forged addresses; neither side serves the other's routes or takes its tokens", canary, aside=True)
def attack(world: World, check: Check) -> None:
    inside(world, check)
    asked = everything()
    with world.console_direct.client() as client:
        for address in OUTSIDE:
            refused(check, f"as {address}", client, asked, headers={"X-Forwarded-For": address})
    for name, target in (("door", world.console), ("direct", world.console_direct)):
        with elsewhere(target) as client:
            for forged in FORGED:
                refused(check, f"{name} {forged}", client, asked if len(forged) == 0 else asked[:8], headers=forged)
            twice = [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "127.0.0.1")]
            refused(check, f"{name} twice", client, asked[:8], headers=twice)
            # What monitoring asks says nothing, and nothing of it is to be had through the door.
            alive = client.get("/health/ready").status_code
            check.that(alive == (404 if name == "door" else 200), f"{name} /health/ready", f"answered {alive}")
            for path in ("/health/../v1/tenants", "/health//v1/me", "/health/%2e%2e/v1/me", "/health/ready/../../v1/me", "/health/"):
                check.that(client.get(path).status_code in (400, 403, 404), f"{name} {path}", "is let in")
    routes(world, check)
    tokens(world, check)


def inside(world: World, check: Check) -> None:
    """From the address on the list all of it answers, or nothing below is proven; a forged header changes nothing at the door."""
    for name, target, headers in (("door", world.console, {"X-Forwarded-For": "203.0.113.7"}), ("direct", world.console_direct, {"X-Forwarded-For": "127.0.0.1"})):
        with target.client(headers=headers) as client:
            told = [client.get(path).status_code for path in ("/", "/v1/me")]
            check.that(told == [200, 401], f"{name} from the list", f"answered {told}")


def routes(world: World, check: Check) -> None:
    """A host serves what is its own, with a token of either side and without."""
    staff, owner = add_staff(world), world.aside
    ours, theirs = {(o.method, o.path) for o in operations()}, {(o.method, o.path) for o in console_operations()}
    foreign = (
        ("the tenants' host", world.product, [(o, filled(o, {})) for o in console_operations() if (o.method, o.path) not in ours]),
        ("the console's host", world.console, [(o, tenants_path(o, world.ids_of_aside)) for o in operations() if (o.method, o.path) not in theirs]),
    )
    for name, target, asked in foreign:
        check.that(len(asked) > 30, name, f"only {len(asked)} routes were asked for")
        for token in (staff.bearer(), owner.bearer(), None):
            with target.client(token) as client:
                for operation, path in asked:
                    answer = client.request(operation.method, path, json=sample(operation.body) if operation.body else None)
                    # A screen of the SPA may have the name of a route; then its page comes.
                    page = answer.status_code == 200 and not path.startswith(("/v1/", "/p/", "/t/")) and 'id="root"' in answer.text
                    check.that(answer.status_code in (401, 404, 405) or page, f"{name}: {operation.method} {path}", f"answered {answer.status_code}: {answer.text[:100]}")
    files = {"dist": world.console, "dist-operator": world.product}
    for folder, target in files.items():
        own = {file.name for file in (ROOT / "frontend" / ("dist" if folder != "dist" else "dist-operator") / "assets").iterdir()}
        with target.client() as client:
            for file in sorted((ROOT / "frontend" / folder).rglob("*")):
                if file.suffix in (".html", ".js") and file.name not in own:
                    path = "/" + str(file.relative_to(ROOT / "frontend" / folder))
                    answer = client.get(path)
                    check.that(answer.status_code == 404, f"{target.host}: {path}", f"answered {answer.status_code}")


def tokens(world: World, check: Check) -> None:
    staff, owner = add_staff(world), world.aside
    with world.console.client(owner.bearer()) as client:
        for operation in guarded():
            answer = client.request(operation.method, filled(operation, {}), json=sample(operation.body) if operation.body else None)
            check.that(answer.status_code == 401, f"{operation.id} with a tenant's token", f"answered {answer.status_code}")
    with world.product.client(staff.bearer()) as client:
        for operation in operations():
            if operation.path.startswith("/v1/") and not operation.public and not operation.by_cookie:
                body = sample(operation.body) if operation.media == "application/json" else None
                answer = client.request(operation.method, tenants_path(operation, world.ids_of_aside), json=body, headers={"If-Match": '"1"'})
                check.that(answer.status_code == 401, f"{operation.id} with a token of staff", f"answered {answer.status_code}")
    cookies = {COOKIE: staff.log_in().cookies.get(COOKIE), "__Host-kikubari_refresh": owner.log_in().cookies.get("__Host-kikubari_refresh")}
    for target in (world.console, world.product):
        own = COOKIE if target is world.console else "__Host-kikubari_refresh"
        foreign = next(value for name, value in cookies.items() if name != own)
        for name in cookies:
            with target.client(cookies={name: foreign}) as client:
                answer = client.post("/v1/auth/refresh", headers={**OURS, "Origin": target.url})
                check.that(answer.status_code == 401, f"{target.host}: the other side's cookie as {name}", f"answered {answer.status_code}")
    for target, person in ((world.console, owner), (world.product, staff)):
        with target.client() as client:
            answer = client.post("/v1/auth/login", json={"login_id": person.login_id, "password": person.password})
            check.that(answer.status_code == 401, f"{target.host}: password of the other side", f"answered {answer.status_code}")
