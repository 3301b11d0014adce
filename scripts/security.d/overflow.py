"""Buffer overflow: sizes that nobody should send. Refused, with flat memory, by the same process as before."""

import re
import socket
from pathlib import Path

import httpx
from core import CannotRun, Check, item
from document import kind, leaves, operations, placed, sample
from raw import TO_THE_END, exchange, exchange_all, status_of
from world import Target, World, filled, needed

# What one refused request may cost at most, in kB: the largest body that is taken, some times over.
ROOM = 200_000


def memory(pid: str) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


def heads(own: str) -> dict[str, bytes]:
    line = f"GET /v1/me HTTP/1.1\r\nHost: {own}\r\n".encode()
    return {
        "1 MB header": line + b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\n",
        "1 MB cookie": line + b"Cookie: " + b"a=b; " * 200_000 + b"\r\n\r\n",
        "1 MB header name": line + b"X" * 1_000_000 + b": a\r\n\r\n",
        "100000 headers": line + b"".join(b"X-%d: a\r\n" % n for n in range(100_000)) + b"\r\n",
        "1 MB path": b"GET /" + b"a" * 1_000_000 + f" HTTP/1.1\r\nHost: {own}\r\n\r\n".encode(),
        "1 MB method": b"A" * 1_000_000 + f" / HTTP/1.1\r\nHost: {own}\r\n\r\n".encode(),
        "1 MB without an end": b"GET / HTTP/1.1\r\nX-A: " + b"a" * 1_000_000,
    }


def large_heads(check: Check, name: str, target: Target, own: str) -> None:
    for kind_of, answer in exchange_all(target, heads(own), TO_THE_END):
        # 431 is the word for it; a server that hangs up in the middle of it is safe too, one that obeys is not.
        allowed = (400, 414, 431, 0) if kind_of != "1 MB header" or name == "direct" else (431,)
        check.note(f"{name}: {kind_of}: {status_of(answer) or 'closed'}")
        check.that(status_of(answer) in allowed, f"{name}: {kind_of}", f"answered {status_of(answer)}")


def cancel_path() -> str:
    """The page behind a mail of the demo company's first campaign: its link is all that one needs to send a form."""
    for file in Path(needed("KIKUBARI_E2E_INBOX_DIR")).glob("*.eml"):
        if found := re.search(r"^List-Unsubscribe: <https?://[^/]+(/p/cancel/[\w-]+)>", file.read_text(errors="replace"), re.I | re.M):
            return found.group(1)
    raise CannotRun("no mail of the demo company has a link to cancel")


def forms(own: str, path: str) -> dict[str, bytes]:
    """What anybody with a mail may send to its page, with nothing in it that looks like a large value."""
    part = b"--x\r\nContent-Disposition: form-data; name=\"%b\"\r\n%b\r\n%b\r\n"
    bodies = {
        "parts without content": (part % (b"a", b"", b"")) * 200_000,
        "a name": part % (b"a" * 10_000_000, b"", b""),
        "a header": part % (b"a", b"X-A: " + b"a" * 10_000_000 + b"\r\n", b""),
        "what stands before the first part": b"\r\n" * 5_000_000,
    }
    head = f"POST {path} HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    return {name: f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for name, body in bodies.items()}


def public_forms(check: Check, name: str, target: Target, own: str) -> None:
    for kind_of, answer in exchange_all(target, forms(own, cancel_path()), 3):
        check.note(f"{name}: form of 10 MB, {kind_of}: {status_of(answer) or 'closed'}")
        # The door stops in the middle of it, at a bound of its own: what the api had to say may be lost by then (502).
        check.that(status_of(answer) in (413, 502, 0), f"{name}: form of 10 MB, {kind_of}", f"answered {status_of(answer)}")


def canary(world: World, check: Check) -> None:
    own = httpx.URL(world.canary.url).netloc.decode()
    # Python's server has a limit for a line, none for how much of a body it takes.
    with world.canary.client() as client:
        answer = client.post("/things/1", json={"name": "a" * 6_000_000})
        check.that(answer.status_code == 413, "canary: 6 MB body", f"answered {answer.status_code}")
    data = b"GET / HTTP/1.1\r\nHost: " + own.encode() + b"\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"a" * 20_000) for n in range(60)) + b"\r\n"
    check.that(status_of(exchange(world.canary, data)) in (400, 431), "canary: 1 MB of headers", "taken")


def deep(depth: int, opening: bytes, closing: bytes) -> bytes:
    return opening * depth + closing * depth


def bodies() -> dict[str, bytes]:
    return {
        "deep arrays": b'{"name":' + deep(100_000, b"[", b"]") + b"}",
        "deep objects": b'{"name":' + deep(100_000, b'{"a":', b"}").replace(b":}", b":1}", 1) + b"}",
        "number without end": b'{"name":"x","position":' + b"9" * 1_000_000 + b"}",
        "exponent": b'{"name":"x","position":1e999999999}',
        "one key a million times": b"{" + b'"name":"x",' * 300_000 + b'"name":"y"}',
        "string of 4 MB": b'{"name":"' + b"a" * 4_000_000 + b'"}',
        "body over the limit": b'{"name":"' + b"a" * 5_000_000 + b'"}',
        "escapes": b'{"name":"' + b"\\u0000" * 300_000 + b'"}',
        "lone surrogate": b'{"name":"\\ud800"}',
        "not UTF-8": b'{"name":"\xff\xfe\xc0\xaf"}',
    }


@item("buffer-overflow", "headers, bodies, fields and depths over every limit; memory stays flat, nothing restarts", canary)
def attack(world: World, check: Check) -> None:
    pid = needed("KIKUBARI_E2E_API_PID")
    before = memory(pid)
    large_heads(check, "direct", world.direct, httpx.URL(world.direct.url).netloc.decode())
    large_heads(check, "door", world.product, world.host)
    public_forms(check, "direct", world.direct, httpx.URL(world.direct.url).netloc.decode())
    public_forms(check, "door", world.product, world.host)
    client = world.owner.client
    for name, body in bodies().items():
        answer = client.post("/v1/lists", content=body, headers={"Content-Type": "application/json"})
        check.that(400 <= answer.status_code < 500, f"body: {name}", f"answered {answer.status_code}")
    with_length = b"POST /v1/auth/login HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{" % world.host.encode()
    check.that(status_of(exchange(world.product, with_length, wait=1)) in (0, 400, 408, 413), "promised 100 GB", "taken")
    fields(world, check)
    grown = memory(pid) - before
    check.note(f"memory of the api grew by {grown} kB")
    check.that(grown < ROOM, "memory", f"grew by {grown} kB")
    check.that(world.owner.client.get("/v1/me").status_code == 200, "afterwards", "the api does not answer")
    host, port = needed("KIKUBARI_E2E_API").split(":")
    with socket.create_connection((host, int(port)), timeout=60):
        check.that(Path(f"/proc/{pid}").exists(), "process", "the api was restarted or is gone")


def fields(world: World, check: Check) -> None:
    """Every text field that says how long it may be, one character longer and much longer; every number beyond its end."""
    for operation in operations():
        if not operation.body or operation.media != "application/json" or operation.public:
            continue
        base = sample(operation.body)
        for path, schema in leaves(operation.body):
            values = []
            if kind(schema) == "string" and schema.get("maxLength", 10**9) <= 1_048_576:
                values = ["a" * (schema["maxLength"] + 1), "\U0001f600" * (schema["maxLength"] + 1)]
            elif kind(schema) == "string":
                values = ["a" * 1_100_000]
            elif kind(schema) == "integer":
                values = [2**63, -(2**63) - 1, 2**31, 1e308]
            for value in values:
                where = f"{operation.method} {operation.path} {'/'.join(map(str, path))}"
                answer = world.owner.client.request(
                    operation.method, filled(operation, {}), json=placed(base, path, value), headers={"If-Match": '"1"'}
                )
                # What belongs to another kind of thing may be left aside, but never kept.
                ignored = answer.status_code < 300 and str(value) not in answer.text
                check.that(400 <= answer.status_code < 500 or ignored, where, f"{str(value)[:20]}…: answered {answer.status_code}")
                if ignored:
                    check.note(f"{where}: {str(value)[:20]}… was left aside ({answer.status_code})")
