"""Error codes: every failure is a problem from the catalogue; none speaks of SQL, paths, code or panics."""

import contextlib
import os
import re
import socket
import threading

import httpx
from core import QUICK, Check, item
from document import operations
from local import held_port, running
from netns import pump
from raw import TO_THE_END, exchange
from world import Target, World, filled, needed

LEAKS = re.compile(
    r"SELECT |INSERT INTO|UPDATE .* SET|DELETE FROM|syntax error at or near|duplicate key value|violates .* constraint|relation \"|"
    r"sqlite3?\.|psycopg|diesel|tokio|actix|sqlstate|postgres(ql)?://|\bpg_|panicked at|RUST_BACKTRACE|stack backtrace|Traceback \(most|"
    r"\.rs:\d+|\.py\", line|/home/|/root/|/usr/(lib|src)/|/srv/|/crates/|/tmp/|\.cargo/|unwrap\(\)|Option::|Result::|no such table",
    re.I,
)
SHAPE = {"type", "title", "status", "code", "detail", "request_id"}


def examine(check: Check, where: str, answer: httpx.Response) -> None:
    if answer.status_code < 400:
        return
    found = LEAKS.search(answer.text)
    check.that(found is None, where, f"{answer.status_code} tells {found and found.group()!r}: {answer.text[:300]}")
    check.that(answer.status_code not in (500, 502, 504), where, f"{answer.status_code}: {answer.text[:200]}")


def is_problem(check: Check, where: str, answer: httpx.Response) -> None:
    kind = answer.headers.get("content-type", "")
    if not check.that(kind.startswith("application/problem+json"), where, f"{answer.status_code} as {kind}: {answer.text[:100]}"):
        return
    problem = answer.json()
    check.that(SHAPE <= set(problem), where, f"lacks {SHAPE - set(problem)}")
    check.that(problem.get("status") == answer.status_code, where, "another status inside")


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        examine(check, "canary /error", client.get("/error"))


BROKEN = (b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"a":}', b"\xff\xfe", b'{"\\u0000":1}', b"[" * 2000)
ODD_VALUES = ("\0", "'", '"', "%00", "\ud7ff", "\U0010ffff", "-1", "NaN", "1e400", "99999999999999999999", "a" * 9000, "{{7*7}}", "../..", "null")


@item("error-codes", "broken and odd input to every operation, and a database that is gone", canary)
def attack(world: World, check: Check) -> None:
    client = world.owner.client
    for operation in operations():
        if operation.id in ("stream_events", "get_liveness", "get_readiness", "end_all_sessions"):
            continue
        own = filled(operation, world.ids_of_a) if operation.method == "GET" else operation.at()
        for value in ODD_VALUES if world.level != QUICK else ODD_VALUES[:4]:
            for parameter in operation.named("query"):
                answer = ask(client, operation.method, own, params={parameter["name"]: value})
                examine(check, f"{operation.id} ?{parameter['name']}={value[:20]!r}", answer)
            for parameter in operation.named("path"):
                path = operation.at({parameter["name"]: str(httpx.QueryParams({"a": value}))[2:].replace("+", "%20")})
                examine(check, f"{operation.id} {parameter['name']}={value[:20]!r}", ask(client, operation.method, path))
        if operation.body and operation.media == "application/json":
            for body in BROKEN:
                answer = ask(client, operation.method, own, content=body, headers={"Content-Type": "application/json", "If-Match": '"1"'})
                examine(check, f"{operation.id} body {body[:20]!r}", answer)
                if body not in (b"{}",):
                    is_problem(check, f"{operation.id} body {body[:20]!r}", answer)
    headers(world, check)
    for under_statements in (False, True):
        without_database(world, check, under_statements)


def ask(client: httpx.Client, method: str, path: str, **options) -> httpx.Response:
    options.setdefault("headers", {"If-Match": '"1"'})
    if method in ("POST", "PUT", "PATCH") and "content" not in options:
        options["json"] = {}
    return client.request(method, path, **options)


def headers(world: World, check: Check) -> None:
    """Odd values in the headers that the api reads."""
    client = world.owner.client
    for name in ("If-Match", "Idempotency-Key", "Authorization", "Cookie", "X-Request-Id", "Accept-Language", "Content-Type", "Range", "Accept-Encoding"):
        for value in ('"', '"99999999999999999999"', "*", 'W/"1"', "a" * 5000, "\x7f", "é", "Bearer a.b.c", "%0d%0aX: y", "bytes=0-9999999999,5-1"):
            answer = client.request("PATCH", "/v1/tenant", content=b"{}", headers={"Content-Type": "application/json", name: value.encode()})
            examine(check, f"header {name}: {value[:20]!r}", answer)


class Gate:
    """A door before the database that can be shut: then it refuses every line, as a server that is gone."""

    def __init__(self, port: int, behind: int):
        self.port, self.behind = port, behind
        self.server = socket.create_server(("127.0.0.1", port))
        self.lines: list[socket.socket] = []
        # Of what comes in and of being shut, one at a time: no line slips through between the two.
        self.turn, self.is_shut = threading.Lock(), False
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                line, _ = self.server.accept()
                self.let_in(line)

    def let_in(self, line: socket.socket):
        with self.turn:
            try:
                if self.is_shut:
                    raise ConnectionAbortedError
                behind = socket.create_connection(("127.0.0.1", self.behind))
            except OSError:
                line.close()
                return
            self.lines += (line, behind)
        threading.Thread(target=self.ask, args=(line, behind), daemon=True).start()
        threading.Thread(target=pump, args=(behind, line), daemon=True).start()

    def ask(self, line: socket.socket, behind: socket.socket):
        """What the api says; when the door is shut, a line ends in the middle of that."""
        with contextlib.suppress(OSError):
            while (data := line.recv(65536)) and not self.is_shut:
                behind.sendall(data)
        for end in (line, behind):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def shut(self, under_statements: bool = False):
        """Nobody comes in any more, and the lines that there are end: at once, or each when something is asked on it."""
        with self.turn:
            self.is_shut = True
            with contextlib.suppress(OSError):
                self.server.shutdown(socket.SHUT_RDWR)
            self.server.close()
            for line in () if under_statements else self.lines:
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
                line.close()


@contextlib.contextmanager
def gate(behind: int):
    """On a port that stays its own when it is shut: nobody else is taken for the database."""
    with held_port() as port:
        door = Gate(port, behind)
        try:
            yield door
        finally:
            door.shut()


def is_ready(target: Target) -> bool:
    with contextlib.suppress(httpx.HTTPError), target.client() as client:
        return client.get("/health/ready").status_code == 200
    return False


@contextlib.contextmanager
def another_api(world: World, database_port: int):
    """One more api, whose database is behind the gate."""
    url = re.sub(r"@127\.0\.0\.1:\d+/", f"@127.0.0.1:{database_port}/", needed("KIKUBARI_DATABASE_URL"))
    with held_port() as port:
        environment = {**os.environ, "KIKUBARI_DATABASE_URL": url, "KIKUBARI_LISTEN": f"127.0.0.1:{port}", "KIKUBARI_JOB_WORKERS": "0"}
        target = Target(f"http://127.0.0.1:{port}")
        with running([f"{needed('KIKUBARI_BIN')}/kikubari", "serve"], environment, world.work / "api-gate.log", lambda: is_ready(target)):
            yield target


def without_database(world: World, check: Check, under_statements: bool) -> None:
    port = int(re.search(r":(\d+)/", needed("KIKUBARI_DATABASE_URL")).group(1))
    with gate(port) as door, another_api(world, door.port) as target, target.client(world.owner.fresh()) as client:
        check.that(client.get("/v1/me").status_code == 200, "before", "the second api does not answer")
        door.shut(under_statements)
        requests = [("GET", "/v1/me", None), ("GET", "/v1/contacts", None), ("POST", "/v1/lists", {"name": "x"}),
                    ("POST", "/v1/auth/login", {"login_id": "x", "password": "wrong-wrong-wrong"}), ("GET", "/p/cancel/x", None)]  # fmt: skip
        for method, path, body in requests:
            answer = client.request(method, path, json=body)
            where = f"without database{', lost under a statement' if under_statements else ''}: {method} {path}"
            if path.startswith("/p/"):
                check.that(answer.status_code in (404, 503), where, f"answered {answer.status_code}")
            else:
                check.that(answer.status_code == 503, where, f"answered {answer.status_code}: {answer.text[:200]}")
                is_problem(check, where, answer)
            examine(check, where, answer)
        check.that(client.get("/health/ready").status_code == 503, "without database: /health/ready", "says that all is well")
        check.that(client.get("/health/live").status_code == 200, "without database: /health/live", "the process seems dead")
    answer = exchange(world.product, b"GET /v1/me HTTP/1.1\r\nHost: " + world.host.encode() + b"\r\nConnection: close\r\n\r\n", wait=TO_THE_END)
    check.that(b"problem+json" in answer, "afterwards", "the first api does not answer")


