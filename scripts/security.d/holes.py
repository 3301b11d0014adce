"""Other known holes: what the peers of this product have had, listmonk, Mautic, Plunk, Postal, phpList, Mailpit.

Most stand as items of their own (stored scripts, SQL through sort and filter,
ids inside bodies, CSV formulas, SMTP smuggling, sessions after a password
change). Here are the rest.
"""

import contextlib
import itertools
import os
import secrets
import time

import httpx
from canary import ASKED
from core import Check, item
from document import operations
from local import held_still, running
from sink import open_sink
from world import Person, World, create_tenant, filled, needed, until

TEMPLATES = (
    "{{ env }}", "{{ env.PATH }}", "{{ Env('PATH') }}", '{{ env "PATH" }}', "{{ get_env(name='PATH') }}", "{{ config }}", "{{ self }}", "{{ this }}",
    "{{ debug() }}", "{{ settings }}", "{{ ''.__class__.__mro__ }}", "{{ [].constructor.constructor('return process')() }}", "{% include '/etc/passwd' %}",
    "{% import '/etc/passwd' as x %}{{ x }}", "{% extends '/etc/passwd' %}", "{{ '/etc/passwd' | read }}", "{% raw %}{% endraw %}{{ namespace() }}",
    "{{ lipsum.__globals__ }}", "${7*7}", "<%= 7*7 %>", "#{7*7}", "{{= 7*7 }}", "@(7*7)", "{php}echo 1;{/php}", "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
)  # fmt: skip
EXPENSIVE = (
    "{% for a in range(1000000000) %}x{% endfor %}", "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}",
    "{{ 'a' * 1000000000 }}", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x ~ x ~ x ~ x ~ x ~ x ~ x ~ x %}" * 30 + "{{ x }}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "{% if true %}" * 3000 + "x" + "{% endif %}" * 3000, "{{ range(1000000000) | list }}", "{{ 9 ** 9 ** 9 ** 9 }}",
)  # fmt: skip


def signs() -> tuple[str, ...]:
    path = os.environ.get("PATH", "/usr/bin")
    return ("root:x:", path, needed("KIKUBARI_SECRET_KEY_FILE"), needed("KIKUBARI_DATABASE_URL"), "uid=0", "kikubari_app", "<class", "__globals__':")


def rendered(check: Check, where: str, text: str) -> None:
    found = [sign for sign in signs() if sign in text]
    check.that(not found, where, f"shows its surroundings: {found}")


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        text = client.get("/render", params={"t": "{{ env }} {{7*7}}"}).text
        check.that("49" not in text, "canary", "a template in data was run")
        rendered(check, "canary", text.replace("PATH=/usr/bin", os.environ.get("PATH", "/usr/bin")))
        client.get("/asked-4711")
        if "/asked-4711" not in ASKED:
            check.findings.clear()  # What calls the canary app has to be seen.


@item("other-known-holes", "templates that read the environment or never end, loose comparison, drafts, unsigned hooks, inside addresses", canary)
def attack(world: World, check: Check) -> None:
    templates(world, check)
    loose(world, check)
    previews(world, check)
    guessed(world, check)
    open_routes(world, check)
    inside_addresses(world, check)


def templates(world: World, check: Check) -> None:
    owner = world.owner
    mail = owner.all("/v1/mails")[0]["id"]
    contact = owner.call("POST", "/v1/contacts", {"email": f"t{secrets.token_hex(5)}@example.jp", "name": "{{7*7}} {{ env }}"})["id"]

    def preview(**body) -> httpx.Response:
        return owner.client.post(f"/v1/mails/{mail}/preview", json={"text_mode": "manual", "text": "x", "subject": "x", **body})

    for template in TEMPLATES:
        for field in ("subject", "text", "html", "preheader"):
            answer = preview(**{field: template})
            check.that(answer.status_code in (200, 422), f"{field} {template[:40]}", f"answered {answer.status_code}")
            # An error may quote the template; what counts is what it was turned into.
            rendered(check, f"{field} {template[:40]}", answer.text)
            if answer.status_code == 200 and field != "preheader":
                check.that("49" not in (answer.json().get(field) or ""), f"{field} {template[:40]}", "was run by another language")
    for template in EXPENSIVE:
        # What has no end is slow each time; on a busy machine anything may be once.
        for _ in range(3):
            begin = time.monotonic()
            answer = preview(text=template, subject=template[:900])
            took = time.monotonic() - begin
            if took < 5:
                break
        check.that(answer.status_code < 500 and took < 5, f"endless {template[:40]}", f"{answer.status_code} after {took:.1f} s")
        check.that(len(answer.content) < 4_000_000, f"endless {template[:40]}", f"{len(answer.content)} bytes")
    answer = preview(contact_id=contact, subject="{{ name }}", text="{{ name }}", html="<p>{{ name }}</p>")
    check.that(answer.json().get("subject", "").startswith("{{7*7}} {{ env }}"), "a name that is a template", f"became {answer.text[:200]}")
    check.that("{{7*7}}" in (answer.json().get("html") or ""), "a name that is a template, in HTML", f"became {answer.text[:200]}")


def loose(world: World, check: Check) -> None:
    """phpList: hashes that look like numbers; passwords that are no strings."""
    for password in ("240610708", "QNKCDZO", "0e462097431906509019562988736854", "0", ""):
        with world.anonymous() as client:
            answer = client.post("/v1/auth/login", json={"login_id": f"loose-{secrets.token_hex(4)}", "password": password})
            check.that(answer.status_code in (401, 422), f"password {password!r}", f"answered {answer.status_code}")
    for odd in (True, 0, None, [], {}, ["a"], {"$ne": None}, {"$gt": ""}, 1.5):
        with world.anonymous() as client:
            answer = client.post("/v1/auth/login", json={"login_id": world.owner.login_id, "password": odd})
            check.that(answer.status_code in (400, 422), f"password {odd!r}", f"answered {answer.status_code}")
            answer = client.post("/v1/auth/login", json={"login_id": odd, "password": "wrong-wrong-wrong"})
            check.that(answer.status_code in (400, 422), f"login id {odd!r}", f"answered {answer.status_code}")


def previews(world: World, check: Check) -> None:
    """listmonk: scripts through preview and archive. The sandbox has to be a header, so that the address alone is harmless."""
    owner = world.owner
    mail = owner.all("/v1/mails")[0]["id"]
    shown = owner.call("POST", f"/v1/mails/{mail}/preview", {"html": "<script>alert(1)</script><p onclick=alert(1)>x</p>", "text": "x", "text_mode": "manual"})
    with world.anonymous() as client:
        page = client.get(shown["frame_url"])
        policy = page.headers.get("content-security-policy", "")
        check.that(page.status_code == 200, "preview", f"answered {page.status_code}")
        check.that("sandbox" in policy and "allow-scripts" not in policy and "allow-same-origin" not in policy, "preview", f"policy {policy}")
        head, token = shown["frame_url"].rsplit("/", 1)
        for n in range(0, len(token) - 2, 3):
            wrong = token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :]
            check.that(client.get(f"{head}/{wrong}").status_code == 404, f"preview token, character {n}", "another one is answered")
    # Drafts are nobody's but the company's.
    with world.anonymous() as client:
        for path in (f"/p/mail/{mail}", f"/p/archive/{mail}", f"/archive/{mail}", f"/p/preview/{mail}", f"/v1/mails/{mail}", f"/p/view/{mail}"):
            answer = client.get(path)
            check.that(answer.status_code in (401, 404) or b'id="root"' in answer.content, path, f"answered {answer.status_code}")


def guessed(world: World, check: Check) -> None:
    """Mautic: ids that can be guessed. Those that the API tells open nothing that a link in a mail opens, and are none that count up."""
    known = {**world.ids_of_a, **{f"{name} of another": value for name, value in world.ids_of_b.items()}}
    with world.anonymous() as client:
        for (name, value), path in itertools.product(known.items(), ("/p/cancel", "/p/confirm", "/p/preview", "/t/c")):
            check.that(not value.isdigit() and len(value) == 36, name, f"counts up: {value}")
            answer = client.get(f"{path}/{value}")
            check.that(answer.status_code in (404, 429), f"{path} with an id of {name}", f"answered {answer.status_code}")
            if answer.status_code == 429:
                check.note(f"from {path} with an id of {name} on, guessing had to wait")
                break


def open_routes(world: World, check: Check) -> None:
    """Everything below /v1 but the log-in asks who it is; no hook of a provider, no set-up, no upgrade is open."""
    with world.anonymous() as client:
        for operation in operations():
            if operation.path.startswith("/v1/") and not operation.by_cookie and not operation.public:
                answer = client.request(operation.method, filled(operation, world.ids_of_a), json={} if operation.body else None)
                check.that(answer.status_code == 401, operation.id, f"answered {answer.status_code} to nobody")
        for path in ("/webhooks/sns", "/webhooks/incoming/sns", "/v1/webhooks/ses", "/webhooks/service/ses", "/v1/hooks", "/mailer/callback", "/s/upgrade", "/upgrade", "/install",
                     "/setup", "/api/upgrade", "/v1/install", "/v1/setup", "/v1/debug", "/v1/admin", "/graphql", "/v1/tenants", "/v1/impersonate"):  # fmt: skip
            body = {"Type": "SubscriptionConfirmation", "SubscribeURL": f"{world.canary.url}/subscribe-4711"}
            answer = client.post(path, json=body)
            check.that(answer.status_code in (401, 404, 405), f"POST {path}", f"answered {answer.status_code}")
    check.that("/subscribe-4711" not in ASKED, "SubscribeURL", "was called")


# Each leads to this very machine, in a disguise.
INSIDE = ("127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "0.0.0.0", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "::")


@contextlib.contextmanager
def strict_mailer(world: World, **more: str):
    """A mailer of its own with other settings; the installation's own one holds still meanwhile. KIKUBARI_RELAY_INSIDE is as in production: one relay."""
    environment = {k: v for k, v in os.environ.items() if k != "KIKUBARI_INBOUND_LISTEN"}
    environment |= {"KIKUBARI_RELAY_INSIDE": needed("KIKUBARI_E2E_SMTP"), "KIKUBARI_JOURNAL_DIR": str(world.work / "journal"), **more}
    mailer = [f"{needed('KIKUBARI_BIN')}/kikubari-mailer", "run"]
    with held_still(world, int(needed("KIKUBARI_E2E_MAILER_PID"))), running(mailer, environment, world.work / "mailer-strict.log"):
        yield


def inside_addresses(world: World, check: Check) -> None:
    """Mautic, Plunk, Mailpit: a way out that leads to the inside network. A company for each address, since ways out stand for one another.

    The relay that the operator named takes its mail; the same one under each other name, and another port beside it, are refused."""
    with open_sink() as relay, open_sink() as silent, open_sink(named=False) as beside, strict_mailer(world, KIKUBARI_RELAY_INSIDE=f"127.0.0.1:{relay.port},127.0.0.1:{silent.port}"):
        waiting = []
        for n, (address, port) in enumerate([("127.0.0.1", relay.port), ("127.0.0.1", beside.port), *((a, silent.port) for a in INSIDE if a != "127.0.0.1")]):
            owner = create_tenant(world.product, f"inside {n}")
            route = {"name": address, "host": address, "port": port, "security": "none", "sign": False}
            domain = f"inside{secrets.token_hex(4)}.example.jp"
            owner.call("POST", "/v1/sender-domains", {"domain": domain})
            made = owner.client.post("/v1/routes", json=route)
            if made.status_code == 422:
                continue
            body = {"name": "x", "subject": "s", "text": "t", "text_mode": "manual", "sender_name": "x", "sender_address": f"news@{domain}"}
            mail = owner.call("POST", "/v1/mails", body)["id"]
            sent = owner.client.post("/v1/transactional-sends", json={"mail_id": mail, "email": "inside@example.com"})
            check.note(f"{address}: route {made.status_code}, mail {sent.status_code} {sent.text[:200] if sent.status_code >= 400 else ''}")
            if sent.status_code < 300:
                waiting.append((f"{address}:{port}", owner))
        check.that(len(waiting) > 3, "ways inside", f"only {len(waiting)} were taken, so that nothing was tried")
        for address, owner in waiting:
            told = until(lambda o=owner: tried(o), 60, f"a try of {address}")
            check.note(f"{address}: {told}")
        # A mail that is on its way is one that was tried.
        until(lambda: relay.mails, 60, "the mail by the relay that is named")
        check.that(len(relay.mails) == 1, "the relay that is named", f"got {len(relay.mails)} mails, so that the others prove nothing")
        for sink in (silent, beside):
            check.that(not sink.commands, "mailer", f"spoke to an inside address: {sink.commands[:4]}")


def tried(owner: Person) -> dict | None:
    found = owner.all("/v1/transactional-sends")
    one = found[0] if found else {}
    return one if one.get("attempts") or one.get("state") not in (None, "queued", "waiting") or one.get("answer") or one.get("reply") else None
