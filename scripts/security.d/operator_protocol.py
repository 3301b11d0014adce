"""The console's protocol: headers of every status, Host, methods, requests of other sites, bodies that are none, fields that nobody declared."""

import time

import httpx
from core import Check, item
from csrf import KINDS, by_cookie
from document import SOME_UUID, resolved, sample
from files import walk
from guessing import guesses_until_wait
from headers import examine, hosts
from operator_access import elsewhere
from protocol import broken_lines, trace
from raw import answers_in, exchange_all, status_of
from staff import COOKIE, OURS, Staff, add_staff, console_operations, filled, guarded, tenant_of
from world import Target, World, create_tenant, needed

JSON = {"Content-Type": "application/json"}
# Those of every other item are told for the tenants' host; these are all that the console gives.
STATUSES = {200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429}


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        examine(check, "canary /", client.get("/"), False)
    trace(check, "canary", world.canary, world.canary.host)
    by_cookie(check, "canary", world.canary, "/transfer", {"session": "canary"}, world.canary.url)
    if len({finding.split(":")[0] for finding in check.findings}) < 3:
        check.findings.clear()  # Each way of looking has to find it.


@item("operator.protocol", "the console: headers of every status, Host, methods, other sites, kinds of bodies, unknown fields, files", canary, aside=True)
def attack(world: World, check: Check) -> None:
    staff = add_staff(world)
    statuses(world, check, staff)
    for name, target in (("console direct", world.console_direct), ("console door", world.console)):
        hosts(check, name, target, target.host)
        trace(check, name, target, target.host)
        for kind, answer in exchange_all(target, broken_lines(target.host), 1.5):
            good = status_of(answer) == 0 or status_of(answer) >= 400 or b"\r\n\r\n" not in answer
            # For a host that no site has Caddy answers an empty 200: nothing of ours.
            good = good or (kind in ("absolute foreign", "HTTP/2 preface") and answer.partition(b"\r\n\r\n")[2].strip() == b"")
            check.that(good and answers_in(answer) <= 1, f"{name}: {kind}", f"answered {answer[:120]!r}")
    methods(check, staff)
    other_sites(world, check, staff)
    bodies(check, staff)
    walk(check, "console", world.console, world.console.host)
    plain_http(check)


def every_status(world: World, staff: Staff) -> list[tuple[str, httpx.Response]]:
    tenant = tenant_of(create_tenant(world.product, f"見出し {time.time()}"))
    one, client, nobody = f"/v1/tenants/{tenant}", staff.client, world.console.client()
    new = {"name": "見出し", "owner_login_id": world.owner.login_id, "owner_name": "x", "owner_email": "x@example.jp"}
    found = [
        ("200 page", nobody.get("/")), ("200 json", client.get("/v1/me")), ("200 detail", client.get(one)),
        ("200 put", client.put(f"{one}/quotas", json={"contacts": 5})), ("201", client.post("/v1/tenants", json={**new, "owner_login_id": f"h{time.time_ns()}"})),
        ("400", nobody.post("/v1/auth/login", content=b"{", headers=JSON)), ("401", nobody.get("/v1/me")),
        ("403 no grant", client.get(f"/v1/support/{tenant}/{SOME_UUID}/contacts")), ("404 api", client.get("/v1/nothing")),
        ("404 thing", client.get(f"/v1/tenants/{SOME_UUID}")), ("404 file", nobody.get("/assets/nothing.js")), ("404 inside", nobody.get("/metrics")),
        ("404 health", nobody.get("/health/ready")), ("404 bare", nobody.get("/health")), ("405", nobody.put("/v1/tenants")), ("409", client.post("/v1/tenants", json=new)), ("409 state", client.post(f"{one}/resume")),
        ("413", client.post("/v1/tenants", content=b'{"name":"' + b"a" * 5_000_000 + b'"}', headers=JSON)),
        ("415", nobody.post("/v1/auth/login", content=b"a=b", headers={"Content-Type": "text/plain"})), ("422", client.post("/v1/tenants", json={"name": ""})),
        ("422 query", client.get("/v1/tenants?limit=0")), ("200 suspended", client.post(f"{one}/suspend", json={"reason": "見出し"})), ("202", client.post(f"{one}/erasure", json={})), ("204", client.delete(f"{one}/erasure")),
    ]  # fmt: skip
    with elsewhere(world.console) as outside:
        found += [("403 page", outside.get("/")), ("403 api", outside.get("/v1/me"))]
    with world.guessing:
        wrong = {"login_id": f"nobody-{time.time_ns()}", "password": "wrong-wrong-wrong"}
        waits = guesses_until_wait(lambda _: nobody.post("/v1/auth/login", json=wrong))[-1]
    return [*found, ("429", waits)]


def statuses(world: World, check: Check, staff: Staff) -> None:
    seen = set()
    for name, answer in every_status(world, staff):
        seen.add(answer.status_code)
        check.note(f"{name}: {answer.status_code} {dict(sorted(answer.headers.items()))}")
        check.that(answer.status_code == int(name[:3]), name, f"answered {answer.status_code}: {answer.text[:200]}")
        examine(check, f"{name} ({answer.status_code})", answer, True)
    check.that(seen >= STATUSES, "statuses", f"not seen: {sorted(STATUSES - seen)}")
    with world.console.client(headers={"Origin": "https://evil.example"}) as client:
        for method, path in (("GET", "/v1/me"), ("OPTIONS", "/v1/me"), ("OPTIONS", "/v1/auth/refresh"), ("GET", "/")):
            answer = client.request(method, path, headers={"Access-Control-Request-Method": "POST"})
            check.that("access-control-allow-origin" not in answer.headers, f"{method} {path}", "opens itself to other sites")


def methods(check: Check, staff: Staff) -> None:
    declared: dict[str, set[str]] = {}
    for operation in console_operations():
        declared.setdefault(operation.path, set()).add(operation.method)
    for operation in {o.path: o for o in guarded()}.values():
        if operation.path.startswith("/v1/support/"):
            continue  # Without a grant all of it is refused: the item operator.support asks under one.
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - declared[operation.path]:
            answer = staff.client.request(method, staff.path(operation, {}))
            allow = {m.strip() for m in answer.headers.get("allow", "").split(",")}
            check.that(answer.status_code == 405 and declared[operation.path] <= allow, f"{method} {operation.path}", f"{answer.status_code}, Allow {sorted(allow)}")
    for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        answer = staff.client.post("/v1/me", headers={header: "GET"}, json={})
        check.that(answer.status_code == 405, header, f"is heeded: {answer.status_code}")


def other_sites(world: World, check: Check, staff: Staff) -> None:
    cookie, own = {COOKIE: staff.log_in().cookies.get(COOKIE) or ""}, world.console.url
    for path in ("/v1/auth/refresh", "/v1/auth/logout"):
        by_cookie(check, "console", world.console, path, cookie, own)
        with world.console.client(cookies=cookie) as client:
            for origin in (world.product.url, own):
                answer = client.post(path, headers={"Origin": origin} | (OURS if origin != own else {}))
                check.that(answer.status_code == 403, f"{path} from {origin}", f"answered {answer.status_code}")
            for method in ("GET", "HEAD"):
                answer = client.request(method, path, headers={**OURS, "Origin": own})
                check.that(answer.status_code == 405, f"{method} {path}", f"answered {answer.status_code}")
    with world.console.client(cookies=cookie) as client:
        check.that(client.post("/v1/auth/refresh", headers={**OURS, "Origin": own}).status_code == 200, "the page itself", "is refused too, so that nothing above was proven")
    with world.console.client(cookies=cookie, headers={"Origin": own, **OURS}) as client:
        for operation in guarded():
            answer = client.request(operation.method, filled(operation, {}), json=sample(operation.body) if operation.body else None)
            check.that(answer.status_code == 401, f"{operation.id}: cookie alone", f"answered {answer.status_code}")


def bodies(check: Check, staff: Staff) -> None:
    for operation in console_operations():
        if not operation.body:
            continue
        for kind in KINDS:
            body = b'{"name":"x"}' if "form" not in kind else b"name=x&login_id=x"
            answer = staff.client.request(operation.method, staff.path(operation, {}), content=body, headers={"Content-Type": kind} if kind else {})
            check.that(answer.status_code == 415, f"{operation.id}: body as {kind or 'nothing'}", f"answered {answer.status_code}")
        base = sample(operation.body)
        for name, value in {"tenant_id": SOME_UUID, "is_admin": True, "role": "owner", "permissions": ["contacts.export"], "__proto__": {"a": 1}}.items():
            if name not in resolved(operation.body).get("properties", {}):
                answer = staff.client.request(operation.method, staff.path(operation, {}), json={**base, name: value})
                check.that(answer.status_code == 422 and name in answer.text, f"{operation.id} + {name}", f"taken: {answer.status_code} {answer.text[:120]}")
    for operation in guarded():
        if operation.method == "GET":
            answer = staff.client.get(staff.path(operation, {}), params={"tenant": SOME_UUID, "admin": "1"})
            check.that(answer.status_code != 500, f"{operation.id} ?admin", f"answered {answer.status_code}")


def plain_http(check: Check) -> None:
    """Staff's browsers are led to HTTPS; nothing is answered in the clear."""
    port = needed("KIKUBARI_E2E_HTTP_PORT")
    with Target(f"http://operator.localhost:{port}").client() as client:
        for path in ("/", "/v1/me", "/v1/auth/login", "/health/ready"):
            answer = client.get(path)
            to = answer.headers.get("location", "")
            check.that(answer.status_code in (301, 308) and to.startswith("https://operator.localhost"), f"http {path}", f"{answer.status_code} to {to!r}")
