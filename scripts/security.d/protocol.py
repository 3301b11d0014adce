"""Protocol use: methods that nobody declared, TRACE, redirect to HTTPS, broken request lines."""

import httpx
from core import Check, item
from document import operations
from raw import TO_THE_END, answers_in, exchange, exchange_all, status_of
from world import Target, World, filled, needed

ODD = ("TRACE", "TRACK", "DEBUG", "CONNECT", "PROPFIND", "MOVE", "PURGE", "FOO", "get")


def declared() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for operation in operations():
        found.setdefault(operation.path, set()).add(operation.method)
    return found


def trace(check: Check, name: str, target: Target, own: str) -> None:
    for method in ODD:
        request = f"{method} /v1/me HTTP/1.1\r\nHost: {own}\r\nX-Secret: canary-4711\r\nConnection: close\r\n\r\n"
        answer = exchange(target, request.encode(), wait=TO_THE_END)
        check.that(status_of(answer) in (400, 404, 405, 421, 501), f"{name}: {method}", f"answered {status_of(answer)}")
        check.that(b"canary-4711" not in answer, f"{name}: {method}", "gives the request's headers back")


def broken_lines(own: str) -> dict[str, bytes]:
    host = b"Host: " + own.encode() + b"\r\n"
    return {
        "HTTP/0.9": b"GET /\r\n",
        "no version": b"GET /v1/me\r\n" + host + b"\r\n",
        "version 3": b"GET / HTTP/3.7\r\n" + host + b"\r\n",
        "space in path": b"GET /v1/ me HTTP/1.1\r\n" + host + b"\r\n",
        "tab in line": b"GET\t/v1/me\tHTTP/1.1\r\n" + host + b"\r\n",
        "NUL in header": b"GET /v1/me HTTP/1.1\r\n" + host + b"X-A: b\0c\r\n\r\n",
        "NUL in path": b"GET /v1/\0me HTTP/1.1\r\n" + host + b"\r\n",
        "header without colon": b"GET /v1/me HTTP/1.1\r\n" + host + b"nonsense\r\n\r\n",
        "line feed in value": b"GET /v1/me HTTP/1.1\r\n" + host + b"X-A: b\rc\r\n\r\n",
        "binary": bytes(range(256)) * 4,
        "TLS inside": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "absolute foreign": b"GET http://evil.example/v1/me HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    }


def canary(world: World, check: Check) -> None:
    trace(check, "canary", world.canary, httpx.URL(world.canary.url).netloc.decode())


@item("protocol-use", "undeclared methods, TRACE, HTTPS only, broken request lines", canary, aside=True)
def attack(world: World, check: Check) -> None:
    direct = httpx.URL(world.direct.url).netloc.decode()
    trace(check, "direct", world.direct, direct)
    trace(check, "door", world.product, world.host)
    client = world.aside.client
    for path, methods in declared().items():
        if path == "/v1/events" or path.startswith("/health/"):
            continue  # The door answers 404 for what is for the inside: see the item unnecessary-files.
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            some = next(o for o in operations() if o.path == path)
            answer = client.request(method, filled(some, {}), headers={"If-Match": '"1"'})
            allow = {m.strip() for m in answer.headers.get("allow", "").split(",")}
            check.that(answer.status_code == 405 and methods <= allow, f"{method} {path}", f"{answer.status_code}, Allow {sorted(allow)}")
    for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        answer = client.post("/v1/me", headers={header: "PATCH"}, json={})
        check.that(answer.status_code == 405, header, f"is heeded: {answer.status_code}")
    answer = client.post("/v1/lists", params={"_method": "DELETE"}, json={"name": ""})
    check.that(answer.status_code == 422, "_method", f"is heeded: {answer.status_code}")
    for name, target, own in (("direct", world.direct, direct), ("door", world.product, world.host)):
        for kind, answer in exchange_all(target, broken_lines(own), 1.5):
            good = status_of(answer) == 0 or status_of(answer) >= 400 or b"\r\n\r\n" not in answer
            # For a host that no site has Caddy answers an empty 200: nothing of ours.
            good = good or (kind in ("absolute foreign", "HTTP/2 preface") and answer.partition(b"\r\n\r\n")[2].strip() == b"")
            check.that(good and answers_in(answer) <= 1, f"{name}: {kind}", f"answered {answer[:120]!r}")
    plain_http(world, check)


def plain_http(world: World, check: Check) -> None:
    """Nothing is answered without TLS: pages lead to HTTPS, programs are told, so that nobody's secret goes out in the clear unnoticed."""
    port = needed("KIKUBARI_E2E_HTTP_PORT")
    with httpx.Client(base_url=f"http://localhost:{port}", trust_env=False, timeout=10) as client:
        for path in ("/", "/t/c/x", "/p/cancel/x", "/health/ready"):
            answer = client.get(path)
            to = answer.headers.get("location", "")
            check.that(answer.status_code in (301, 308) and to.startswith("https://localhost"), f"http {path}", f"{answer.status_code} to {to!r}")
        for method, path in (("GET", "/v1/me"), ("POST", "/v1/auth/login"), ("POST", "/v1/auth/token"), ("GET", "/openapi.json")):
            answer = client.request(method, path, json={} if method == "POST" else None)
            told = answer.status_code == 403 and "location" not in answer.headers and "https" in answer.text
            check.that(told, f"http {method} {path}", f"is not refused: {answer.status_code} {answer.text[:100]}")
