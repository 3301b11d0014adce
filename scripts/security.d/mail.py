"""Header and command injection in mails: CR and LF in every field that reaches a header, and what then stands in the captured mail."""

import re
import secrets
import select
import smtplib
import socket
from concurrent.futures import ThreadPoolExecutor

from core import Check, item
from sink import Mail, Sink, open_sink
from world import Person, World, needed, until

BREAKS = ("\r\nBcc: evil@example.com", "\nBcc: evil@example.com", "\rBcc: evil@example.com", "\r\n\r\nBody", "\u2028Bcc: evil@example.com", "\u0085Bcc: e@x",
          "\x0bBcc: e@x", "\0Bcc: e@x", "=?utf-8?Q?=0D=0ABcc:_evil@example.com?=", "%0d%0aBcc: e@x", "嘊嘍Bcc: e@x")  # fmt: skip
# Everything a mail of ours may carry. Each stands there once.
EXPECTED = {
    "date", "from", "to", "subject", "message-id", "mime-version", "content-type", "content-transfer-encoding", "reply-to", "list-unsubscribe",
    "list-unsubscribe-post", "dkim-signature", "feedback-id", "list-id", "precedence", "auto-submitted", "sender", "x-campaign-id", "x-kikubari-delivery",
    "content-language", "in-reply-to", "references",
}  # fmt: skip
TWICE = {"dkim-signature"}


def examine(check: Check, where: str, mail: Mail) -> None:
    names = [name.lower() for name, _ in mail.headers()]
    check.that(set(names) <= EXPECTED, where, f"headers nobody expects: {sorted(set(names) - EXPECTED)}")
    twice = {n for n in names if names.count(n) > 1} - TWICE
    check.that(not twice, where, f"stand there twice: {twice}")
    bare = re.search(rb"(?<!\r)\n|\r(?!\n)", mail.data)
    check.that(bare is None, where, "a bare CR or LF is in the mail")
    check.that(b"\0" not in mail.data, where, "a NUL is in the mail")
    check.that(all(len(line) <= 998 for line in mail.data.split(b"\r\n")), where, "a line is over 998 bytes")
    check.that(all(b >= 32 or b in (9, 10, 13) for b in mail.head), where, "control characters in the head")
    check.that(len(mail.recipients) == 1, where, f"goes to {mail.recipients}")


def canary(world: World, check: Check) -> None:
    """A program that writes headers by hand."""
    with open_sink() as sink:
        with smtplib.SMTP("127.0.0.1", sink.port) as server:
            subject = "x" + BREAKS[0]
            server.sendmail("a@example.jp", ["b@example.jp"], f"From: a@example.jp\r\nSubject: {subject}\r\nX-Other: 1\r\n\r\nhello")
        for mail in sink.mails:
            examine(check, "canary", mail)


def ready(world: World, sink: Sink) -> tuple[Person, str]:
    """The demo company with its way out leading to the sink; a sender address of its domain."""
    owner = world.owner
    for route in owner.all("/v1/routes"):
        if route["enabled"] and route["kind"] == "relay" and route.get("port") != 9:
            change = {"host": "127.0.0.1", "port": sink.port, **({"password": "p"} if route["has_password"] else {})}
            owner.call("PATCH", f"/v1/routes/{route['id']}", change, headers={"If-Match": f'"{route["version"]}"'})
    domain = next(d["domain"] for d in owner.all("/v1/sender-domains") if d["domain"].startswith("demo"))
    return owner, f"news@{domain}"


def send(owner: Person, mail_id: str, **whom) -> str:
    return owner.call("POST", "/v1/transactional-sends", {"mail_id": mail_id, **whom})["id"]


def wait_for(sink: Sink, address: str) -> Mail:
    return until(lambda: next(iter(sink.to(address)), None), 60, f"the mail to {address}")


@item("header-injection", "CR, LF and relatives in every field that reaches a header; captured mails read byte for byte", canary)
def attack(world: World, check: Check) -> None:
    with open_sink() as sink:
        owner, sender = ready(world, sink)
        refused(owner, check)
        values(owner, sender, sink, check)
        check.that(len(sink.mails) >= 3, "mails", f"only {len(sink.mails)} arrived")
        for mail in sink.mails:
            examine(check, f"mail to {mail.recipients}", mail)
            check.that(not any("evil@example.com" in r for r in mail.recipients), "recipients", f"{mail.recipients}")
        smuggled = [c for c in sink.commands if "smuggled" in c]
        check.that(not smuggled, "SMTP", f"commands from inside a mail: {smuggled}")


def refused(owner: Person, check: Check) -> None:
    """Fields that are headers themselves: a line break in them is an error of the input."""
    domain = "demo.example.jp"
    mail = {"name": "h", "subject": "s", "text": "t", "text_mode": "manual", "sender_name": "n", "sender_address": f"news@{domain}"}
    me = owner.call("GET", "/v1/me")
    for value in BREAKS[:8]:
        places = {
            "mail subject": ("POST", "/v1/mails", {**mail, "subject": "x" + value}),
            "mail sender name": ("POST", "/v1/mails", {**mail, "sender_name": "x" + value}),
            "mail sender address": ("POST", "/v1/mails", {**mail, "sender_address": f"news@{domain}{value}"}),
            "mail reply-to": ("POST", "/v1/mails", {**mail, "reply_to": f"a@{domain}{value}"}),
            "contact address": ("POST", "/v1/contacts", {"email": f"a{secrets.token_hex(3)}@example.jp{value}"}),
            "user address": ("POST", "/v1/users", {"login_id": f"h{secrets.token_hex(4)}", "display_name": "x", "email": f"a@example.jp{value}", "role": "viewer", "password": secrets.token_urlsafe(20)}),
            "route host": ("POST", "/v1/routes", {"name": "x", "host": f"relay.example.jp{value}", "port": 25}),
            "route helo": ("POST", "/v1/routes", {"name": "x", "kind": "direct", "helo": f"mx.example.jp{value}"}),
            "route user": ("POST", "/v1/routes", {"name": "x", "host": "relay.example.jp", "port": 465, "security": "tls", "auth": "plain", "username": f"u{value}", "password": "p"}),
            "sender domain": ("POST", "/v1/sender-domains", {"domain": f"h{secrets.token_hex(3)}.example.jp{value}"}),
            "transactional address": ("POST", "/v1/transactional-sends", {"mail_id": owner.all("/v1/mails")[0]["id"], "email": f"a@example.jp{value}"}),
        }  # fmt: skip
        for name, (method, path, body) in places.items():
            answer = owner.client.request(method, path, json=body)
            # What is taken must have been made harmless: it comes back without the break.
            made = answer.json() if answer.status_code < 300 else {}
            kept = any(isinstance(v, str) and any(c in v for c in "\r\n\0") for v in made.values())
            check.that(400 <= answer.status_code < 500 or not kept, f"{name} with {value[:12]!r}", f"taken: {answer.status_code}")
    check.that(owner.call("GET", "/v1/me") == me, "oneself", "was changed")


SMUGGLED = ("\r\n.\r\nMAIL FROM:<smuggled@example.com>\r\n", "\n.\nMAIL FROM:<smuggled@example.com>\n", "\r.\rMAIL FROM:<smuggled@example.com>\r",
            "\n.\r\nMAIL FROM:<smuggled@example.com>\r\n", "\r\n.\nMAIL FROM:<smuggled@example.com>\n", "\r\n\0.\r\nMAIL FROM:<smuggled@example.com>\r\n")  # fmt: skip


def values(owner: Person, sender: str, sink: Sink, check: Check) -> None:
    """Values of a person, merged into the subject, the names and the text."""
    key = f"h{secrets.token_hex(4)}"
    body = {"name": key, "subject": "{{ name }} {{ extra }}", "text": "{{ name }} {{ extra }}", "html": "<p>{{ name }} {{ extra }}</p>", "text_mode": "manual",
            "sender_name": "気配り", "sender_address": sender}  # fmt: skip
    mail = owner.call("POST", "/v1/mails", body)["id"]
    for n, value in enumerate(BREAKS + SMUGGLED):
        address = f"{key}-{n}@example.jp"
        made = owner.client.post("/v1/transactional-sends", json={"mail_id": mail, "email": address, "values": {"name": "太郎" + value, "extra": value}})
        if made.status_code < 300:
            arrived = until(lambda a=address: next(iter(sink.to(a)), None) or failed(owner, a), 60, f"the mail to {address}")
            if isinstance(arrived, Mail):
                examine(check, f"value {value[:20]!r}", arrived)
        else:
            check.that(made.status_code == 422, f"value {value[:20]!r}", f"answered {made.status_code}: {made.text[:100]}")
    # The name of a contact, which is in To as well.
    for n, value in enumerate(BREAKS[:4]):
        address = f"{key}-contact-{n}@example.jp"
        made = owner.client.post("/v1/contacts", json={"email": address, "name": f"太郎{value}"})
        if made.status_code < 300:
            sent = owner.client.post("/v1/transactional-sends", json={"mail_id": mail, "contact_id": made.json()["id"], "values": {"extra": ""}})
            if sent.status_code >= 300:
                check.that(sent.status_code == 422, f"contact's name {value[:20]!r}", f"answered {sent.status_code}")
                continue
            arrived = until(lambda a=address: next(iter(sink.to(a)), None) or failed(owner, a), 60, f"the mail to {address}")
            if isinstance(arrived, Mail):
                examine(check, f"contact's name {value[:20]!r}", arrived)


def failed(owner: Person, address: str):
    found = owner.client.get("/v1/transactional-sends", params={"email": address}).json().get("items", [])
    return found and found[0].get("state") in ("failed", "refused", "bounced")


def inbound_talk(data: bytes) -> list[bytes]:
    """One mail to our own listener, its end as the bytes say."""
    host, port = needed("KIKUBARI_INBOUND_LISTEN").split(":")
    return talk(host, int(port), data)


def talk(host: str, port: int, data: bytes) -> list[bytes]:
    """One mail, and behind it an end in any case and a farewell: the answers to it and to whatever is left of that, however long they take."""
    with socket.create_connection((host, port), timeout=180) as line, line.makefile("rb") as answers:
        whole = (answer for answer in answers if answer[3:4] != b"-")
        next(whole)
        for command in (b"EHLO x\r\n", b"MAIL FROM:<a@example.com>\r\n", b"RCPT TO:<%b>\r\n" % RECIPIENT.encode(), b"DATA\r\n"):
            line.sendall(command)
            got = next(whole)
        if not got.startswith(b"354"):
            return [got]
        line.sendall(data)
        # Who takes silence for an end has a second of it.
        select.select([line], [], [], 1)
        line.sendall(b"\r\n.\r\nQUIT\r\n")
        return list(whole)


def waited(answers: list[bytes]) -> bool:
    """Whether the mail went on to the end that is one: then nothing of that is left to be answered but the farewell."""
    mail = [answer for answer in answers if not answer.startswith(b"221")]
    return len(mail) == 1 and (mail[0].startswith(b"5") or answers[-1].startswith(b"221"))


RECIPIENT = "nobody@bounce.example.jp"


def smuggling_canary(world: World, check: Check) -> None:
    """Ends that are none, at a server that takes each line feed for an end: Python's old ways."""
    import socketserver
    import threading

    class Lenient(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 x\r\n")
            inside = False
            for line in self.rfile:
                bare = line.strip(b"\r\n")
                if inside and bare == b".":
                    inside = False
                elif inside:
                    continue
                elif bare == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                inside = inside or bare.upper() == b"DATA"
                self.wfile.write(b"354 go\r\n" if inside else b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Lenient) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ends(check, "canary", lambda data: talk("127.0.0.1", server.server_address[1], data))
        server.shutdown()


def ends(check: Check, name: str, ask) -> None:
    cases = {"LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n", "CR.CR": b"\r.\r", "CRLF.CR": b"\r\n.\r", "CR.CRLF": b"\r.\r\n"}
    with ThreadPoolExecutor(len(cases)) as pool:
        answers = list(pool.map(lambda end: ask(b"Subject: x\r\n\r\nhello" + end), cases.values()))
    for kind, got in zip(cases, answers, strict=True):
        check.that(waited(got), f"{name}: {kind}", f"ends the mail: {got}")


@item("smtp-smuggling", "our listener ends a mail at CRLF.CRLF only", smuggling_canary)
def smtp_smuggling(world: World, check: Check) -> None:
    global RECIPIENT
    # Somebody that the listener knows: a return path is asked at RCPT, so one of a mail that went out is taken.
    with open_sink() as sink:
        owner, sender = ready(world, sink)
        body = {"name": "smtp", "subject": "s", "text": "t", "text_mode": "manual", "sender_name": "x", "sender_address": sender}
        address = f"smtp-{secrets.token_hex(4)}@example.jp"
        send(owner, owner.call("POST", "/v1/mails", body)["id"], email=address)
        mail = wait_for(sink, address)
    RECIPIENT = re.search(r"<([^>]+)>", mail.sender).group(1)
    check.that(RECIPIENT.endswith("@bounce.example.jp"), "return path", f"is {RECIPIENT}")
    proper = inbound_talk(b"Subject: x\r\n\r\nhello\r\n.\r\n")
    check.that(proper[0].startswith(b"250") and not waited(proper), "CRLF.CRLF", f"is not taken either: {proper}")
    ends(check, "product", inbound_talk)
