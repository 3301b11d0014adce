"""Requests to the inside: webhooks whose address, or the name in it, leads to this very machine or its network."""

import contextlib
import secrets
import socket
import socketserver
import threading

from core import Check, item
from holes import strict_mailer
from world import KNOWN_SECRETS, Person, World, create_tenant, until

# One of this machine's own, where nothing else listens; a port that webhooks may name.
HERE, PORT = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 2}.{secrets.randbelow(250) + 2}", 8443

WRITTEN = ("http://{h}:{p}/", "https://{h}:{p}/", "https://localhost:{p}/", "https://[::1]:{p}/", "https://2130706433:{p}/", "https://0x7f.1:{p}/", "https://0177.0.0.1/",
           "https://169.254.169.254/latest/meta-data/", "https://[::ffff:127.0.0.1]:{p}/", "https://[64:ff9b::7f00:1]:{p}/", "https://[2002:7f00:1::]/", "https://10.0.0.1/",
           "https://user:pass@{h}:{p}/", "file:///etc/passwd", "gopher://{h}:{p}/", "https://example.jp:5432/", "https://{h}%2eexample.jp@localhost/")  # fmt: skip
# What names lead to: (type of record, address).
NAMES = {
    "plain": (1, HERE), "mapped": (28, f"::ffff:{HERE}"), "loop6": (28, "::1"), "metadata": (1, "169.254.169.254"), "private": (1, "10.0.0.1"),
    "nat64": (28, "64:ff9b::7f00:1"), "any": (1, "0.0.0.0"), "ula": (28, "fd00::1"),
}  # fmt: skip
ZONE = "inside.example.jp"


def resolve(query: bytes) -> bytes:
    """The answer to a question for one of the names (RFC 1035)."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1").lower())
        at += 1 + query[at]
    kind = int.from_bytes(query[at + 1 : at + 3])
    question = query[12 : at + 5]
    known = NAMES.get(labels[0]) if ".".join(labels[1:]) == ZONE else None
    answer = b""
    if known and known[0] == kind:
        data = socket.inet_pton(socket.AF_INET if kind == 1 else socket.AF_INET6, known[1])
        answer = b"\xc0\x0c" + kind.to_bytes(2) + b"\0\x01" + b"\0\0\0\0" + len(data).to_bytes(2) + data
    return query[:2] + b"\x84\0" + b"\0\x01" + bytes([0, 1 if answer else 0]) + b"\0\0\0\0" + question + answer


class Names(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        with contextlib.suppress(IndexError, ValueError):
            sock.sendto(resolve(data), self.client_address)


@contextlib.contextmanager
def name_server():
    server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Names)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def listening():
    """Whoever connects here came in from where they should not: a list that grows."""
    came: list[str] = []
    server = socket.create_server((HERE, PORT))

    def accept():
        with contextlib.suppress(OSError):
            while True:
                line, peer = server.accept()
                came.append(f"{peer}")
                line.close()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield came
    finally:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()


def canary(world: World, check: Check) -> None:
    """A client that asks for the name and goes where it leads."""
    with listening() as came, name_server() as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        host, _, port = server.partition(":")
        labels = b"".join(bytes([len(label)]) + label.encode() for label in f"plain.{ZONE}".split("."))
        asking.sendto(b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + labels + b"\0\0\x01\0\x01", (host, int(port)))
        address = socket.inet_ntoa(asking.recv(512)[-4:])
        socket.create_connection((address, PORT), 5).close()
        until(lambda: came, 60, "the connection")
        check.that(not came, "canary", f"goes wherever the name leads: {came}")


@item("egress", "webhooks to the inside network are refused when they are written, and never connect whatever their name leads to", canary)
def attack(world: World, check: Check) -> None:
    owner = create_tenant(world.product, "よそ見")  # A company may have ten: as many as are needed here.
    topics = {"events": ["contact.created"], "enabled": True}
    for pattern in WRITTEN:
        url = pattern.format(h=HERE, p=PORT)
        made = owner.client.post("/v1/webhooks", json={"url": url, **topics})
        check.that(made.status_code == 422, url, f"answered {made.status_code}")
    with listening() as came, name_server() as server, strict_mailer(world, KIKUBARI_DNS_SERVER=server):
        waiting = []
        for name in [*NAMES, "nowhere"]:
            waiting.append((name, test(world, owner, check, f"https://{name}.{ZONE}:{PORT}/", topics)))
        # Written before the rules were what they are, or past them: judged again when it is sent.
        waiting.append(("written past the check", test(world, owner, check, f"https://past.{ZONE}/", topics, instead=f"https://{HERE}:{PORT}/")))
        for name, (webhook, message) in waiting:
            one = f"/v1/webhooks/{webhook}/messages/{message}"
            told = until(lambda one=one: (m := owner.call("GET", one)) and m["attempts"] and m, 60, f"a try of {name}")
            check.note(f"{name}: {told['error']}")
            expected = "has no address" if name == "nowhere" else "none of the internet" if " " in name else "may not be asked"
            check.that(expected in (told["error"] or ""), name, f"failed for another reason, which proves nothing: {told['error']}")
        check.that(not came, "egress", f"reached the inside: {came[:3]}")


def test(world: World, owner: Person, check: Check, url: str, topics: dict, instead: str | None = None) -> tuple[str, str]:
    """A webhook, and the message of a test that is on its way to it."""
    made = owner.call("POST", "/v1/webhooks", {"url": url, **topics})
    KNOWN_SECRETS.append(("webhook secret", made["secret"]))
    shown = owner.client.get(f"/v1/webhooks/{made['id']}")
    check.that(shown.status_code == 200 and made["secret"] not in shown.text, url, "shows its secret again")
    if instead:
        world.sql(f"UPDATE webhook SET url = '{instead}' WHERE id = '{made['id']}'")
    return made["id"], owner.call("POST", f"/v1/webhooks/{made['id']}/test")["id"]
