"""Insecure cookies: every Set-Cookie line that any answer of the run carried."""

import httpx
from core import Check, item
from world import COOKIE_LINES, World


def examine(check: Check, where: str, line: str) -> None:
    pair, *attributes = [part.strip() for part in line.split(";")]
    names = {a.split("=", 1)[0].lower() for a in attributes}
    check.that(pair.startswith("__Host-"), where, f"no __Host- prefix: {pair.split('=')[0]}")
    check.that("secure" in names, where, "not Secure")
    check.that("httponly" in names, where, "open to scripts")
    check.that("samesite=strict" in (a.lower() for a in attributes), where, "not SameSite=Strict")
    check.that("path=/" in (a.lower() for a in attributes), where, "no Path=/")
    check.that("domain" not in names, where, "for a whole domain")


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        client.get("/cookie")
    for one in [one for one in COOKIE_LINES if one[0] == "GET /cookie"]:
        examine(check, f"canary {one[0]}", one[1])
        COOKIE_LINES.remove(one)


@item("insecure-cookies", "every Set-Cookie of the run, the console's too; none where nobody logs in", canary, last=True)
def attack(world: World, check: Check) -> None:
    headers = {"Origin": world.product.url, "X-Kikubari-Client": "web"}
    with world.anonymous() as client:
        logged = client.post("/v1/auth/login", json={"login_id": world.owner.login_id, "password": world.owner.password})
        check.that(logged.status_code == 200 and "set-cookie" in logged.headers, "log-in", "gives no cookie")
        check.that("refresh" not in logged.text.lower(), "log-in", "shows the refresh token in the body")
        renewed = client.post("/v1/auth/refresh", headers=headers)
        check.that(renewed.status_code == 200 and "set-cookie" in renewed.headers, "refresh", "does not change the cookie")
        gone = client.post("/v1/auth/logout", headers=headers)
        check.that("Max-Age=0" in gone.headers.get("set-cookie", ""), "log-out", "leaves the cookie")
        check.that("clear-site-data" in gone.headers, "log-out", "no Clear-Site-Data")
    with world.anonymous() as client:
        for path in ("/", "/login", "/t/o/x", "/t/c/x", "/p/cancel/x", "/p/confirm/x", "/v1/me", "/docs/", "/openapi.json"):
            answer: httpx.Response = client.get(path)
            check.that("set-cookie" not in answer.headers, path, "sets a cookie on somebody who is not logged in")
    for where, line in COOKIE_LINES:
        examine(check, where, line)
    check.note(f"{len(COOKIE_LINES)} Set-Cookie lines were read")
    check.that(len(COOKIE_LINES) >= 3, "cookies", "too few seen")
