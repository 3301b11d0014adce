"""Misconfiguration: the headers of every status that there is, and no word about the software."""

import re
import time
from urllib.parse import urlsplit

import httpx
from core import Check, item
from document import SOME_UUID
from guessing import guesses_until_wait
from raw import TO_THE_END, exchange, status_of
from world import Target, World

YEAR = 31_536_000
# A version, or the name of a product, is a hint for whoever looks for holes.
TELLING = ("server", "x-powered-by", "via", "x-aspnet-version", "x-runtime", "x-generator")


def directives(policy: str) -> dict[str, list[str]]:
    parts = [part.split() for part in policy.split(";") if part.strip()]
    return {name: values for name, *values in parts}


def examine(check: Check, where: str, answer: httpx.Response, is_https: bool) -> None:
    headers = answer.headers
    if is_https:
        age = re.search(r"max-age=(\d+)", headers.get("strict-transport-security", ""))
        check.that(bool(age) and int(age.group(1)) >= YEAR, where, "no HSTS of a year")
    check.that(headers.get("x-content-type-options") == "nosniff", where, "no nosniff")
    for name in TELLING:
        check.that(name not in headers, where, f"tells {name}: {headers.get(name)}")
    if urlsplit(str(answer.request.url)).path.startswith("/assets/"):
        return
    policy = directives(headers.get("content-security-policy", ""))
    check.that(bool(policy), where, "no Content-Security-Policy")
    scripts = policy.get("script-src", policy.get("default-src", ["*"]))
    check.that(not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:", "https:"} & set(scripts), where, f"scripts from {scripts}")
    check.that("frame-ancestors" in policy, where, "may be framed")
    # Where scripts run at all, but for the reader of the API's document.
    if scripts != ["'none'"] and not urlsplit(str(answer.request.url)).path.startswith("/docs"):
        check.that(policy.get("require-trusted-types-for") == ["'script'"] and policy.get("trusted-types") == ["default"], where, "text becomes markup")
    check.that(headers.get("referrer-policy") in ("no-referrer", "same-origin", "strict-origin"), where, "no Referrer-Policy")
    check.that("cache-control" in headers, where, "nothing said about caches")
    if "json" in headers.get("content-type", ""):
        check.that("no-store" in headers.get("cache-control", ""), where, f"may be cached: {headers.get('cache-control')}")


def every_status(world: World) -> list[tuple[str, httpx.Response]]:
    """An answer of each status that the product gives."""
    owner, viewer, anonymous = world.owner, world.a["viewer"], world.anonymous()
    # From an address of its own: that of the other items may have tried too many links by now.
    elsewhere = world.anonymous(local_address="127.0.0.77")
    mail = owner.all("/v1/mails")[0]["id"]
    name = f"headers {time.time()}"
    made = owner.client.post("/v1/lists", json={"name": name}, headers={"Idempotency-Key": "headers-1"})
    one = f"/v1/lists/{made.json()['id']}"
    found = [
        ("200 page", anonymous.get("/")),
        ("200 json", owner.client.get("/v1/me")),
        ("200 docs", anonymous.get("/docs/")),
        ("200 document", anonymous.get("/openapi.json")),
        ("201", made),
        ("304 or 200", anonymous.get("/", headers={"If-Modified-Since": "Fri, 31 Dec 2099 23:59:59 GMT"})),
        ("400", anonymous.post("/v1/auth/login", content=b"{", headers={"Content-Type": "application/json"})),
        ("401", anonymous.get("/v1/me")),
        ("403", viewer.client.post("/v1/lists", json={"name": "x"})),
        ("404 api", anonymous.get("/v1/nothing")),
        ("404 thing", owner.client.get(f"/v1/lists/{SOME_UUID}")),
        ("404 page", elsewhere.get("/p/cancel/nothing")),
        ("404 link", elsewhere.get("/t/c/nothing")),
        ("404 file", anonymous.get("/assets/nothing.js")),
        ("405", anonymous.put("/v1/lists")),
        ("409", owner.client.post("/v1/lists", json={"name": name})),
        ("412", owner.client.patch(one, json={"description": "y"}, headers={"If-Match": '"99"'})),
        ("413", owner.client.post("/v1/mails", content=b'{"name":"' + b"a" * 5_000_000 + b'"}', headers={"Content-Type": "application/json"})),
        ("415", anonymous.post("/v1/auth/login", content=b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"})),
        ("422", owner.client.post("/v1/lists", json={"name": ""})),
        ("428", owner.client.patch(one, json={"description": "y"})),
        ("preview page", anonymous.get(preview_path(owner, mail))),
    ]
    found.append(("204", owner.client.delete(one, headers={"If-Match": made.headers["etag"]})))
    with world.anonymous() as client:
        wrong = {"login_id": "headers-nobody", "password": "wrong-wrong-wrong"}
        found.append(("429", guesses_until_wait(lambda _: client.post("/v1/auth/login", json=wrong))[-1]))
    return found


def preview_path(owner, mail: str) -> str:
    made = owner.call("POST", f"/v1/mails/{mail}/preview", {"html": "<p>x</p>"})
    return made["frame_url"]


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        examine(check, "canary /", client.get("/"), False)


@item("misconfiguration", "headers of every status, no names of software, strict Host, no cross-origin access", canary, guesses=True)
def attack(world: World, check: Check) -> None:
    expected = {int(n) for n in "200 201 204 400 401 403 404 405 409 412 413 415 422 428 429".split()}
    seen = set()
    for name, answer in every_status(world):
        seen.add(answer.status_code)
        shown = dict(sorted(answer.headers.items()))
        check.note(f"{name}: {answer.status_code} {shown}")
        wanted = re.match(r"\d+", name)
        if wanted and "or" not in name:
            check.that(answer.status_code == int(wanted.group()), name, f"answered {answer.status_code}: {answer.text[:200]}")
        examine(check, f"{name} ({answer.status_code})", answer, True)
    check.that(expected <= seen, "statuses", f"not seen: {sorted(expected - seen)}")
    hosts(check, "direct", world.direct, httpx.URL(world.direct.url).netloc.decode())
    hosts(check, "door", world.product, world.host)
    with world.anonymous(headers={"Origin": "https://evil.example"}) as client:
        for method, path in (("GET", "/v1/me"), ("OPTIONS", "/v1/me"), ("OPTIONS", "/v1/auth/refresh"), ("GET", "/openapi.json")):
            answer = client.request(method, path, headers={"Access-Control-Request-Method": "POST"})
            check.that("access-control-allow-origin" not in answer.headers, f"{method} {path}", "opens itself to other sites")


def hosts(check: Check, name: str, target: Target, own: str) -> None:
    """Only our own Host is answered: links and the check of Origin rely on it."""
    wrong = {
        "foreign": b"Host: evil.example\r\n",
        "none": b"",
        "two": b"Host: " + own.encode() + b"\r\nHost: evil.example\r\n",
        "with user": b"Host: evil.example@" + own.encode() + b"\r\n",
        "other port": b"Host: localhost:1\r\n",
        "suffix": b"Host: " + own.encode() + b".evil.example\r\n",
    }
    for kind, lines in wrong.items():
        answer = exchange(target, b"GET /v1/me HTTP/1.1\r\n" + lines + b"Connection: close\r\n\r\n", wait=TO_THE_END)
        status = status_of(answer)
        # Caddy answers an empty 200 for a host that no site has: nothing of ours.
        body = answer.partition(b"\r\n\r\n")[2]
        check.that(status in (400, 404, 421) or (status == 200 and body in (b"", b"0\r\n\r\n")), f"{name}: Host {kind}", f"answered {status}")
    forwarded = exchange(target, b"GET /v1/me HTTP/1.1\r\nHost: " + own.encode() + b"\r\nX-Forwarded-Host: evil.example\r\nX-Original-URL: /v1/users\r\nConnection: close\r\n\r\n", wait=TO_THE_END)
    check.that(status_of(forwarded) == 401 and b"evil.example" not in forwarded, f"{name}: X-Forwarded-Host", "is heeded")
