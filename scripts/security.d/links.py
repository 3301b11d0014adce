"""Open redirect: links in mails lead where their writer said, and nowhere else."""

import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from core import Check, item
from mail import ready, send, wait_for
from raw import TO_THE_END, exchange
from sink import open_sink
from world import Target, World, needed

ELSEWHERE = ("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "javascript:alert(1)", "https://localhost@evil.example",
             "%2f%2fevil.example", "/%09/evil.example", "http:///evil.example", "data:text/html,x")  # fmt: skip
NAMES = ("url", "u", "to", "next", "redirect", "redirect_uri", "return", "returnTo", "dest", "target", "continue", "goto", "link")


def ask(target: Target, path: str) -> str:
    """Where an answer leads, read from the bytes: clients stumble over addresses as odd as these."""
    own = httpx.URL(target.url).netloc.decode()
    answer = exchange(target, f"GET {path} HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n".encode(), wait=TO_THE_END)
    found = re.search(rb"^location: *([^\r\n]*)", answer, re.I | re.M)
    return found.group(1).decode("latin-1") if found else ""


def leads_out(check: Check, where: str, to: str) -> None:
    check.that("evil" not in to and not to.startswith(("javascript:", "data:")), where, f"leads to {to}")


def walk(check: Check, name: str, target: Target, paths: tuple[str, ...]) -> None:
    for path in paths:
        for there in ELSEWHERE:
            leads_out(check, f"{name} {path}", ask(target, path + "?" + str(httpx.QueryParams(dict.fromkeys(NAMES, there)))))
    for there in ELSEWHERE:
        leads_out(check, f"{name} path", ask(target, "/" + there))


def canary(world: World, check: Check) -> None:
    walk(check, "canary", world.canary, ("/go",))


@item("open-redirect", "tracking links: every changed character is 404; no target from outside", canary)
def attack(world: World, check: Check) -> None:
    with open_sink() as sink:
        owner, sender = ready(world, sink)
        wanted = "https://shop.example.jp/a?b=1"
        body = {"name": "links", "subject": "s", "html": f'<p><a href="{wanted}">x</a></p>', "text": "x", "text_mode": "manual", "sender_name": "x",
                "sender_address": sender}  # fmt: skip
        campaign_mail = owner.call("POST", "/v1/mails", body)["id"]
        address = f"links-{secrets.token_hex(4)}@example.jp"
        send(owner, campaign_mail, email=address)
        told = wait_for(sink, address).data.decode("utf-8", "replace")
    found = sorted(set(re.findall(r"https://[^\s\"'<>]+/t/[co]/[^\s\"'<>=]+", told.replace("=\r\n", ""))))
    clicks = [urlsplit(link).path for link in found if "/t/c/" in link]
    walk(check, "product", world.product, ("/", "/login", "/docs/", "/p/cancel/x", "/p/confirm/x", "/t/c/x", "/t/o/x", *clicks[:1]))
    if not clicks:
        check.note("transactional mails count no clicks: a campaign's link of the demo is taken")
        clicks = [urlsplit(link).path for link in demo_links(world)]
    check.that(bool(clicks), "links", f"none in the mail: {told[:300]}")
    with world.anonymous() as client:
        good = client.get(clicks[0])
        check.that(good.status_code == 302, clicks[0], f"the true link answers {good.status_code}")
        head, token = clicks[0].rsplit("/", 1)
        for n, character in enumerate(token):
            wrong = token[:n] + ("A" if character != "A" else "B") + token[n + 1 :]
            answer = client.get(f"{head}/{wrong}")
            # The last character of base64 has bits that mean nothing; no other may be changed.
            same = n == len(token) - 1 and answer.headers.get("location") == good.headers.get("location")
            check.that(answer.status_code in (404, 429) or same, f"character {n}", f"answered {answer.status_code}")
            leads_out(check, f"character {n}", answer.headers.get("location", ""))
        for wrong in (token[:-1], token + "A", token[::-1], token.upper(), "", "." * 40, token + "/../../x"):
            answer = client.get(f"{head}/{wrong}")
            check.that("location" not in answer.headers or answer.headers["location"].startswith("/"), f"token {wrong[:20]}", "leads somewhere")
            check.that(answer.status_code != 302, f"token {wrong[:20]!r}", "redirects")
    schemes(world, check)


def demo_links(world: World) -> list[str]:
    """Click links in the mails that the demo company's first campaign sent."""
    found = []
    for file in Path(needed("KIKUBARI_E2E_INBOX_DIR")).glob("*.eml"):
        text = file.read_text(errors="replace").replace("=\n", "").replace("=\r\n", "").replace("=3D", "=")
        found += re.findall(r"https://[^\s\"'<>]+/t/c/[^\s\"'<>]+", text)
    return found


def schemes(world: World, check: Check) -> None:
    """A preview keeps no link that is no web address."""
    owner = world.owner
    mail = owner.all("/v1/mails")[0]["id"]
    for there in ("javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "vbscript:x", " javascript:alert(1)", "&#106;avascript:alert(1)"):
        shown = owner.call("POST", f"/v1/mails/{mail}/preview", {"html": f'<a href="{there}">x</a>', "text": "x", "text_mode": "manual"})
        page = owner.client.get(shown["frame_url"])
        policy = page.headers.get("content-security-policy", "")
        check.that(policy.startswith("sandbox") and "allow-scripts" not in policy, f"preview of {there!r}", f"policy {policy}")
