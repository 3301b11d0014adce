"""Request smuggling: no request that two parsers read differently gets through.

Two places are looked at. The api itself must never answer the request that
hides in the body of another. And what Caddy, with production's Caddyfile,
hands on to the program behind it must have one reading only: the corpus is
sent through a second Caddy to a recorder of bytes.
"""

import contextlib
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from core import Check, item
from local import held_port, running
from raw import TO_THE_END, answers_in, exchange, exchange_all
from world import Target, World, needed

INNER = b"GET /smuggled-4711 HTTP/1.1\r\nHost: %b\r\n\r\n"


def corpus(own: bytes) -> dict[str, bytes]:
    """Name → the bytes of one outer request whose body may be read as a second one."""
    head = b"POST /v1/auth/refresh HTTP/1.1\r\nHost: " + own + b"\r\nContent-Type: application/json\r\n"
    inner = INNER % own
    chunked = b"%x\r\n" % len(inner) + inner + b"\r\n0\r\n\r\n"
    end = b"0\r\n\r\n"
    cl = b"Content-Length: %d\r\n"
    te = b"Transfer-Encoding: chunked\r\n"
    found = {
        "CL.TE": head + cl % (len(end) + len(inner)) + te + b"\r\n" + end + inner,
        "TE.CL": head + te + cl % 4 + b"\r\n" + chunked,
        "CL.CL same": head + cl % len(inner) + cl % len(inner) + b"\r\n" + inner,
        "CL.CL different": head + cl % 0 + cl % len(inner) + b"\r\n" + inner,
        "CL list": head + b"Content-Length: 0, %d\r\n\r\n" % len(inner) + inner,
        "CL plus": head + b"Content-Length: +%d\r\n\r\n" % len(inner) + inner,
        "CL minus": head + b"Content-Length: -1\r\n\r\n" + inner,
        "CL hex": head + b"Content-Length: 0x0\r\n\r\n" + inner,
        "CL huge": head + b"Content-Length: 18446744073709551616\r\n\r\n" + inner,
        "CL space": head + b"Content-Length : %d\r\n\r\n" % len(inner) + inner,
        "CL underscore": head + b"Content_Length: %d\r\n\r\n" % len(inner) + inner,
        "TE space": head + b"Transfer-Encoding : chunked\r\n" + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "TE tab": head + b"Transfer-Encoding:\tchunked\r\n" + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "TE vertical tab": head + b"Transfer-Encoding: \x0bchunked\r\n" + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "TE xchunked": head + b"Transfer-Encoding: xchunked\r\n" + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "TE identity": head + b"Transfer-Encoding: identity\r\n" + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "TE twice": head + te + b"Transfer-Encoding: cow\r\n" + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "TE list": head + b"Transfer-Encoding: gzip, chunked\r\n" + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "TE quoted": head + b'Transfer-Encoding: "chunked"\r\n' + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "TE newline": head + b"Transfer-Encoding\r\n : chunked\r\n" + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "TE obs-fold": head + b"Transfer-Encoding:\r\n chunked\r\n" + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "CL obs-fold": head + b"Content-Length:\r\n %d\r\n\r\n" % len(inner) + inner,
        "obs-fold": head + b"X-A: b\r\n c: d\r\n" + cl % len(inner) + b"\r\n" + inner,
        "TE in HTTP/1.0": head.replace(b"1.1", b"1.0", 1) + te + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "bare LF line": head.replace(b"\r\n", b"\n") + cl.replace(b"\r\n", b"\n") % len(inner) + b"\n" + inner,
        "bare LF hides CL": head + b"X-A: b\nContent-Length: %d\r\n\r\n" % len(inner) + inner,
        "bare CR hides TE": head + b"X-A: b\rTransfer-Encoding: chunked\r\n" + cl % (len(end) + len(inner)) + b"\r\n" + end + inner,
        "GET with body": b"GET /v1/me HTTP/1.1\r\nHost: " + own + b"\r\n" + cl % len(inner) + b"\r\n" + inner,
        "chunk size plus": head + te + b"\r\n+%x\r\n" % len(inner) + inner + b"\r\n0\r\n\r\n",
        "chunk size 0x": head + te + b"\r\n0x%x\r\n" % len(inner) + inner + b"\r\n0\r\n\r\n",
        "chunk size huge": head + te + b"\r\nfffffffffffffffff\r\n" + inner + b"\r\n0\r\n\r\n",
        "chunk size negative": head + te + b"\r\n-1\r\n" + inner + b"\r\n0\r\n\r\n",
        "chunk bare LF": head + te + b"\r\n%x\n" % len(inner) + inner + b"\n0\n\n",
        "chunk extension LF": head + te + b"\r\n%x;a\nb\r\n" % len(inner) + inner + b"\r\n0\r\n\r\n",
        "chunk without CRLF": head + te + b"\r\n2\r\nxx0\r\n\r\n" + inner,
        "chunk trailer CL": head + te + b"\r\n0\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner,
    }
    return found


class Recorder:
    """Keeps every byte that reaches it and answers each request that begins, as a lenient server would."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.streams: list[bytearray] = []
        # Lines on which something may still come.
        self.open = 0
        self.changed = threading.Condition()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                line, _ = self.server.accept()
                stream = bytearray()
                with self.changed:
                    self.streams.append(stream)
                    self.open += 1
                threading.Thread(target=self.hear, args=(line, stream), daemon=True).start()

    def hear(self, line: socket.socket, stream: bytearray):
        with contextlib.suppress(OSError):
            line.settimeout(2)
            while chunk := line.recv(65536):
                stream += chunk
                if b"\r\n\r\n" in chunk or b"\n\n" in chunk:
                    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        line.close()
        with self.changed:
            self.open -= 1
            self.changed.notify_all()

    def take(self) -> list[bytes]:
        """What came, once all of it has: half a head is no finding."""
        with self.changed:
            self.changed.wait_for(lambda: self.open == 0, 60)
            taken, self.streams = [bytes(s) for s in self.streams], []
        return taken


def ambiguous(stream: bytes) -> str | None:
    """Why the bytes that reached the program behind could be read in two ways."""
    head, _, body = stream.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b""):
        return "a bare CR or LF in the head"
    names = [line.split(b":", 1)[0] for line in lines[1:]]
    if any(not re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) for name in names):
        return f"a header's name is none: {names}"
    lengths = [line for line in lines if line.lower().startswith(b"content-length:")]
    codings = [line for line in lines if line.lower().startswith(b"transfer-encoding:")]
    if len(lengths) + len(codings) > 1:
        return f"more than one length: {lengths + codings}"
    if codings and codings[0].split(b":", 1)[1].strip() != b"chunked":
        return f"a coding that is not plain: {codings}"
    if lengths and not re.fullmatch(rb"\d+", lengths[0].split(b":", 1)[1].strip()):
        return f"a length that is no number: {lengths}"
    if lengths and len(body) > int(lengths[0].split(b":", 1)[1]):
        return "more bytes than the length says"
    if codings and (trouble := chunks(body)):
        return trouble
    if not lengths and not codings and body:
        return "a body without a length"
    return None


def chunks(body: bytes) -> str | None:
    while body:
        size, found, rest = body.partition(b"\r\n")
        if not found or not re.fullmatch(rb"[0-9a-fA-F]{1,8}", size):
            return f"a chunk's size is none: {size[:40]!r}"
        count = int(size, 16)
        if count == 0:
            return None if rest == b"\r\n" else f"bytes after the last chunk: {rest[:60]!r}"
        if rest[count : count + 2] != b"\r\n":
            return None if len(rest) < count + 2 else "a chunk does not end where it says"
        body = rest[count + 2 :]
    return None


def all_at_once(target: Target, own: str, wait: float) -> list[tuple[str, bytes]]:
    """The whole corpus, each on a line of its own: (name, what came back)."""
    return exchange_all(target, corpus(own.encode()), wait)


def through(check: Check, name: str, door: Target, own: str, recorder: Recorder) -> None:
    recorder.take()
    for kind, answer in all_at_once(door, own, 1.5):
        check.that(answer.startswith(b"HTTP/") or answer == b"", f"{name}: {kind}", f"odd answer {answer[:80]!r}")
    streams = recorder.take()
    check.that(len(streams) >= 5, name, f"only {len(streams)} requests reached the recorder")
    for stream in streams:
        why = ambiguous(stream)
        check.that(why is None, f"{name}: {why}", f"handed on: {stream[:300]!r}")


@contextlib.contextmanager
def naive_proxy(port: int):
    """Hands bytes on as they are: what a front that does not parse would do."""
    server = socket.create_server(("127.0.0.1", 0))

    def pump(a: socket.socket, b: socket.socket):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)

    def run():
        with contextlib.suppress(OSError):
            while True:
                line, _ = server.accept()
                behind = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=pump, args=(line, behind), daemon=True).start()
                threading.Thread(target=pump, args=(behind, line), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def second_door(world: World, recorder: Recorder):
    """Production's Caddyfile once more, with the recorder behind it."""
    with held_port() as https, held_port() as http:
        config = world.work / "Caddyfile-recorder"
        config.write_text(recorded(https, http, recorder))
        environment = {"KIKUBARI_DOMAIN": "localhost", "KIKUBARI_OPERATOR_DOMAIN": "operator.localhost", "KIKUBARI_ACME_EMAIL": "nobody@example.jp", "HOME": str(world.work), "PATH": "/usr/bin:/bin"}
        program = Path(__file__).resolve().parents[2] / ".local/caddy/usr/bin/caddy"
        with running([program, "run", "--adapter", "caddyfile", "--config", config], environment, world.work / "caddy.log", lambda: is_open(https)):
            yield Target(f"https://localhost:{https}", world.product.verify), f"localhost:{https}"


def recorded(https: int, http: int, recorder: Recorder) -> str:
    text = Path(needed("KIKUBARI_E2E_CADDYFILE")).read_text()
    text = re.sub(r"https_port \d+", f"https_port {https}", text)
    text = re.sub(r"http_port \d+", f"http_port {http}", text.replace("https_port", "HTTPS")).replace("HTTPS", "https_port")
    return re.sub(r"reverse_proxy \S+", f"reverse_proxy 127.0.0.1:{recorder.port}", text)


def canary(world: World, check: Check) -> None:
    recorder = Recorder()
    with naive_proxy(recorder.port) as port:
        through(check, "naive proxy", Target(f"http://127.0.0.1:{port}"), f"127.0.0.1:{port}", recorder)
    own = httpx.URL(world.canary.url).netloc.decode()
    hidden(check, "canary", world.canary, own)


# Where RFC 9112 says that the second request stands behind the first, a server that answers both is right: what is
# left after a message is the next one. Anything else must not bring the inner request to life.
PIPELINED = {"chunk trailer CL", "CL underscore"}


def hidden(check: Check, name: str, target: Target, own: str) -> None:
    for kind, answer in all_at_once(target, own, 1.5):
        if kind not in PIPELINED:
            check.that(answers_in(answer) <= 1, f"{name}: {kind}", f"the hidden request was answered: {answer[:60]!r} … {answer[-160:]!r}")


@item("smuggling", "requests that two parsers read differently, before and behind the door", canary, aside=True)
def attack(world: World, check: Check) -> None:
    hidden(check, "direct", world.direct, httpx.URL(world.direct.url).netloc.decode())
    recorder = Recorder()
    with second_door(world, recorder) as (door, own):
        exchange(door, f"GET /v1/me HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n".encode(), wait=TO_THE_END)
        check.that(bool(recorder.take()), "recorder", "not reached through the second door")
        through(check, "door", door, own, recorder)
        through(check, "console's door", Target(door.url.replace("//localhost", "//operator.localhost"), door.verify), f"operator.{own}", recorder)
    with world.anonymous() as client, ThreadPoolExecutor(1) as pool:
        # The lines from Caddy to the api are shared: nobody may get the answer to a request that hid in another's.
        attacking = pool.submit(all_at_once, world.product, world.host, 1)
        while not attacking.done():
            answer = client.get("/v1/me")
            check.that(answer.status_code == 401, "meanwhile", f"somebody else's answer: {answer.status_code}")
        attacking.result()
