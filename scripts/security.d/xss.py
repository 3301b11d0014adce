"""Cross-site scripting by what comes straight back. What is stored first is opened in a browser: see hostile.py."""

import httpx
from core import QUICK, Check, item
from document import operations
from world import Target, World, filled

PAYLOADS = (
    "<script>alert(4711)</script>", "\"><img src=x onerror=alert(4711)>", "'><svg/onload=alert(4711)>", "</title><script>alert(4711)</script>",
    "javascript:alert(4711)", "<iframe srcdoc='<script>alert(4711)</script>'>", "{{7*7}}${7*7}<%= 7*7 %>#{7*7}", "<a href=javascript:alert(4711)>x</a>",
    "\u003cscript\u003ealert(4711)\u003c/script\u003e", "+ADw-script+AD4-alert(4711)+ADw-/script+AD4-", "<math><mi//xlink:href='data:x,<script>alert(4711)</script>'>",
)  # fmt: skip
LIVE = ("<script>alert(4711)", "onerror=alert(4711)>", "onload=alert(4711)>", "<iframe srcdoc=", "href=javascript:", "href=\"javascript:", "<math><mi")


def examine(check: Check, where: str, answer: httpx.Response, payload: str) -> None:
    kind = answer.headers.get("content-type", "")
    if "html" in kind or "svg" in kind or not kind:
        alive = [sign for sign in LIVE if sign in answer.text]
        sandboxed = "sandbox" in answer.headers.get("content-security-policy", "").split(";")[0].split()[:1]
        check.that(not alive or sandboxed, where, f"{payload[:30]!r} comes back alive in {kind}: {alive}")
    else:
        check.that(answer.headers.get("x-content-type-options") == "nosniff", where, f"{kind} may be taken for a page")
    check.that("4711" not in answer.headers.get("location", ""), where, f"leads to {answer.headers.get('location')}")


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        for payload in PAYLOADS[:3]:
            examine(check, "canary ?q", client.get("/search", params={"q": payload}), payload)
            examine(check, "canary ?url", client.get("/go", params={"url": payload}), payload)


@item("xss", "payloads in every parameter, path, header and body that is answered straight away", canary)
def attack(world: World, check: Check) -> None:
    public(check, world.product)
    client = world.owner.client
    for operation in operations():
        if operation.id in ("stream_events", "end_all_sessions") or operation.path.startswith("/health"):
            continue
        path = filled(operation, world.ids_of_a if operation.method == "GET" else {})
        for payload in PAYLOADS if world.level != QUICK else PAYLOADS[:3]:
            query = {p["name"]: payload for p in operation.named("query")}
            answer = client.request(operation.method, path, params=query or {"x": payload}, headers={"If-Match": '"1"'})
            examine(check, f"{operation.id} query", answer, payload)
            if operation.named("path"):
                inside = httpx.URL("http://x/", params={"a": payload}).query.decode()[2:].replace("+", "%20")
                answer = client.request(operation.method, operation.at({p["name"]: inside for p in operation.named("path")}))
                examine(check, f"{operation.id} path", answer, payload)
            if operation.body and operation.media == "application/json":
                answer = client.request(operation.method, path, json={payload: payload}, headers={"If-Match": '"1"'})
                examine(check, f"{operation.id} body", answer, payload)


def public(check: Check, target: Target) -> None:
    """The pages that anybody reaches, by every way that a value could get in."""
    with target.client() as client:
        for payload in PAYLOADS:
            inside = httpx.URL("http://x/", params={"a": payload}).query.decode()[2:].replace("+", "%20")
            for path in ("/{}", "/p/cancel/{}", "/p/confirm/{}", "/p/preview/{}", "/t/c/{}", "/t/o/{}", "/docs/{}", "/assets/{}", "/login?next={}", "/docs/?url={}",
                         "/docs/?configUrl={}", "/p/cancel/x?lang={}", "/v1/{}"):  # fmt: skip
                answer = client.get(path.format(inside), headers={"User-Agent": payload.encode(), "Referer": payload.encode(), "Accept-Language": payload.encode()})
                examine(check, f"GET {path}", answer, payload)
            for path in ("/p/cancel/x", "/p/confirm/x"):
                answer = client.post(path, data={"List-Unsubscribe": payload, "reason": payload, "action": payload})
                examine(check, f"POST {path}", answer, payload)
