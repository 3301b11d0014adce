"""Cross-site request forgery: nothing that a page of another site can make a browser send changes anything."""

import time

import httpx
from core import Check, item
from document import operations
from world import Target, World, filled, until

KINDS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "text/plain; application/json", "")


def origins(own: str) -> dict[str, str | None]:
    host = httpx.URL(own).netloc.decode()
    return {
        "missing": None, "null": "null", "foreign": "https://evil.example", "suffix": f"{own}.evil.example", "user": f"https://{host}@evil.example",
        "http": own.replace("https:", "http:"), "other port": "https://localhost:1", "upper": own.upper(), "two": f"{own}, https://evil.example",
        "slash": f"{own}/", "inside": f"https://evil.example/{host}",
    }  # fmt: skip


def by_cookie(check: Check, name: str, target: Target, path: str, cookie: dict[str, str], own: str) -> None:
    """A request that has the victim's cookie and comes from elsewhere."""
    for kind, origin in origins(own).items():
        headers = {"X-Kikubari-Client": "web"} | ({"Origin": origin} if origin else {})
        with target.client(cookies=cookie) as client:
            answer = client.post(path, headers=headers)
        check.that(answer.status_code == 403, f"{name} {path}: Origin {kind}", f"answered {answer.status_code}")
        check.that("access-control-allow-origin" not in answer.headers, f"{name} {path}: Origin {kind}", "opens itself to other sites")


def canary(world: World, check: Check) -> None:
    by_cookie(check, "canary", world.canary, "/transfer", {"session": "canary"}, world.canary.url)


@item("csrf", "requests of another site: origin, custom header, form bodies, cookie alone, state by GET", canary)
def attack(world: World, check: Check) -> None:
    cookie = {c.name: c.value or "" for c in world.a["editor"].log_in().cookies.jar}
    own = world.product.url
    for path in ("/v1/auth/refresh", "/v1/auth/logout"):
        by_cookie(check, "product", world.product, path, cookie, own)
        with world.anonymous(cookies=cookie) as client:
            answer = client.post(path, headers={"Origin": own})
            check.that(answer.status_code == 403, f"{path}: no custom header", f"answered {answer.status_code}")
            for method in ("GET", "HEAD"):
                answer = client.request(method, path, headers={"Origin": own, "X-Kikubari-Client": "web"})
                check.that(answer.status_code == 405, f"{method} {path}", f"answered {answer.status_code}")
    with world.anonymous(cookies=cookie) as client:
        answer = client.post("/v1/auth/refresh", headers={"Origin": own, "X-Kikubari-Client": "web"})
        check.that(answer.status_code == 200, "the page itself", f"is refused too, so that nothing above was proven: {answer.status_code}")
    for operation in operations():
        path = filled(operation, world.ids_of_a if operation.method == "GET" else {})
        if operation.path.startswith("/v1/") and not operation.public and not operation.by_cookie:
            with world.anonymous(cookies=cookie, headers={"Origin": own}) as client:
                answer = client.request(operation.method, path, params={"seconds": 0} if operation.id == "stream_events" else None)
            check.that(answer.status_code == 401, f"{operation.id}: cookie alone", f"answered {answer.status_code}")
        if operation.body and operation.media == "application/json":
            for kind in KINDS:
                body = b'{"name":"x"}' if "form" not in kind else b"name=x&login_id=x"
                with world.anonymous(headers={"Authorization": f"Bearer {world.owner.bearer()}"}) as client:
                    headers = {"If-Match": '"1"'} | ({"Content-Type": kind} if kind else {})
                    answer = client.request(operation.method, path, content=body, headers=headers)
                check.that(answer.status_code == 415, f"{operation.id}: body as {kind or 'nothing'}", f"answered {answer.status_code}")
    by_get(world, check)


def by_get(world: World, check: Check) -> None:
    """No GET changes a row: what the database counts before and after is the same."""
    tenant = world.owner.call("GET", "/v1/tenant")["id"]
    # Of this company alone: items about others run meanwhile.
    counted = (
        "SELECT string_agg(relname || '=' || (xpath('/row/c/text()', query_to_xml('SELECT count(*) || ''/'' || coalesce(sum(hashtext(t::text)::bigint), 0) AS c FROM ' "
        f"|| quote_ident(relname) || ' t WHERE ' || CASE relname WHEN 'tenant' THEN 'id' ELSE 'tenant_id' END || ' = ''{tenant}''', false, true, '')))[1]::text, ' ' ORDER BY relname) "
        "FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname = 'public' "
        "AND relname IN ('contact', 'list', 'mail', 'template', 'block', 'folder', 'route', 'send_limit', 'suppression', 'sender_domain', "
        "'contact_field', 'consent', 'date_mail', 'sequence', 'signup_address', 'user_account', 'tenant', 'role')"
    )
    world.owner.fresh()  # A log-in in the middle would change the person's row.
    # What earlier items set going (bounces, an import) has to be over, or it would be taken for the work of a GET.
    before = until(lambda: unchanged(world, counted), 30, "a second in which nothing changes by itself")
    check.that("tenant=" in before and "contact=" in before, "count", f"nothing was counted: {before[:200]}")
    for operation in operations():
        if operation.method == "GET" and operation.path.startswith(("/v1/", "/p/", "/t/")):
            params = {"seconds": 0} if operation.id == "stream_events" else {"action": "delete", "confirm": "1", "_method": "POST"}
            for method in ("GET", "HEAD"):
                world.owner.client.request(method, filled(operation, world.ids_of_a), params=params)
    after = world.sql(counted)
    changed = [f"{a} → {b}" for a, b in zip(before.split(), after.split(), strict=False) if a != b]
    check.that(before == after, "GET", f"changed rows: {changed}")


def unchanged(world: World, counted: str) -> str | None:
    first = world.sql(counted)
    time.sleep(1)
    return first if world.sql(counted) == first else None
