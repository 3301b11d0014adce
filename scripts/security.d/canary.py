"""The canary app: one hole of each class, on the loopback, for as long as the suite runs.

A check that does not find its hole here fails the run. Nothing of this is an
example of anything.
"""

import base64
import contextlib
import json
import os
import sqlite3
import subprocess
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LOCK = threading.Lock()
STORED: list[str] = []
CHANGED: list[str] = []
# Paths that somebody asked for.
ASKED: set[str] = set()
REFRESH = "canary-refresh-token"
FILES = {"/.env": "PASSWORD=canary", "/.git/config": "[core]\n\trepositoryformatversion = 0\n", "/assets/app.js.map": '{"version":3}'}


def database() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", check_same_thread=False)
    made.create_function("pg_sleep", 1, lambda seconds: time.sleep(min(float(seconds), 3)) or 1)
    made.execute("CREATE TABLE person (id integer, name text, secret text)")
    made.executemany("INSERT INTO person VALUES (?, ?, ?)", [(1, "hanako", "s1"), (2, "taro", "s2"), (3, "ren", "s3")])
    return made


DATABASE = database()


class Canary(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Which Python, which version: a hole of its own.
    server_version = "Canary/1.0"

    def log_message(self, *_):
        pass

    def answer(self, status: int, body: str, kind: str = "text/html", headers: dict | None = None):
        raw = body.encode("utf-8", "surrogateescape")
        # Written by hand, so that a line break in a value really splits.
        head = [f"HTTP/1.1 {status} X", "Server: Canary/1.0 Python/3", f"Content-Type: {kind}; charset=utf-8"]
        head += [f"{name}: {value}" for name, value in (headers or {}).items()]
        head += [f"Content-Length: {len(raw)}", "", ""]
        self.wfile.write("\r\n".join(head).encode("utf-8", "surrogateescape") + (b"" if self.command == "HEAD" else raw))

    def handle_one(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        said = self.headers.get("Content-Length", "")
        length = int(said) if said.isdigit() and len(said) < 9 else 0
        body = self.rfile.read(length).decode("utf-8", "surrogateescape") if length else ""
        try:
            self.route(url.path, query, body)
        except Exception:  # shown to whoever asked: the hole of verbose errors
            self.answer(500, f"<pre>{traceback.format_exc()}</pre>")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_TRACE = do_OPTIONS = do_HEAD = do_DEBUG = handle_one  # type: ignore[assignment]

    def route(self, path: str, query: dict, body: str):
        ASKED.add(path)
        if self.command in ("TRACE", "DEBUG"):
            return self.answer(200, str(self.headers), "message/http")
        name = "hole_" + path.strip("/").split("/")[0].replace("-", "_").replace(".", "_")
        hole = getattr(self, name, None)
        if hole:
            return hole(path, query, body)
        if path in FILES:
            return self.answer(200, FILES[path], "text/plain")
        return self.answer(200, self.index())

    def index(self) -> str:
        return """<html><body><h1>canary</h1>
        <a href="/search?q=x">search</a> <a href="/person?id=1">person</a> <a href="/go?url=/">go</a>
        <a href="/file?name=notes.txt">file</a> <a href="/ping?host=localhost">ping</a> <a href="/stored">stored</a>
        <form action="/stored" method="post"><input name="text"><input type="submit"></form></body></html>"""

    def hole_person(self, path, query, body):  # SQL injection
        if body:
            query = json.loads(body)
        with LOCK:
            rows = DATABASE.execute(f"SELECT name FROM person WHERE id = {query.get('id', '1')}").fetchall()
        self.answer(200, "".join(f"<li>{row[0]}</li>" for row in rows))

    def hole_search(self, path, query, body):  # reflected XSS
        self.answer(200, f"<p>Nothing for {query.get('q', '')}</p>")

    def hole_stored(self, path, query, body):  # stored XSS
        if self.command == "POST":
            STORED.append(parse_qs(body).get("text", [body])[0])
        self.answer(200, "<ul>" + "".join(f"<li>{text}</li>" for text in STORED[-50:]) + "</ul>")

    def hole_go(self, path, query, body):  # open redirect, header injection
        self.answer(302, "", headers={"Location": query.get("url", "/")})

    def hole_file(self, path, query, body):  # path traversal
        name = os.path.join("/usr/share", query.get("name", ""))
        if not os.path.isfile(name):
            return self.answer(404, "no such file")
        with open(name, encoding="utf-8", errors="replace") as opened:
            self.answer(200, opened.read(4096), "text/plain")

    def hole_ping(self, path, query, body):  # operating system commands
        done = subprocess.run(f"echo {query.get('host', '')}", shell=True, capture_output=True, text=True, timeout=5, check=False)
        self.answer(200, f"<pre>{done.stdout}</pre>")

    def hole_error(self, path, query, body):  # verbose errors
        DATABASE.execute("SELECT broken FROM nowhere")

    def hole_cookie(self, path, query, body):  # cookie without flags
        self.answer(200, "ok", headers={"Set-Cookie": "session=canary; Domain=localhost"})

    def hole_transfer(self, path, query, body):  # CSRF: the cookie is enough, any site, any kind of body
        CHANGED.append(body)
        self.answer(200, "{}", "application/json", {"Access-Control-Allow-Origin": self.headers.get("Origin", "*")})

    def hole_me(self, path, query, body):  # tokens are believed, not checked
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        with contextlib.suppress(Exception):
            claims = token.split(".")[1]
            json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            return self.answer(200, "{}", "application/json")
        return self.answer(401, "{}", "application/json")

    def hole_refresh(self, path, query, body):  # a used token goes on to work
        self.answer(200 if REFRESH in self.headers.get("Cookie", "") else 401, "{}", "application/json")

    def hole_login(self, path, query, body):  # tells who is known, by words and by time; no limit of tries
        sent = json.loads(body)
        if sent.get("login_id") != "known":
            return self.answer(404, '{"detail":"no such user"}', "application/json")
        time.sleep(0.01)
        return self.answer(401, '{"detail":"wrong password"}', "application/json")

    def hole_things(self, path, query, body):  # anybody's things by their id, any field
        if body:
            return self.answer(201, json.dumps({"id": 1, **json.loads(body)}), "application/json")
        self.answer(200, json.dumps({"id": path.rsplit("/", 1)[1], "name": "Tenant-B-marker"}), "application/json")

    def hole_export(self, path, query, body):  # cells that are formulas
        self.answer(200, "email,name\r\na@example.jp,=1+1\r\nb@example.jp,@SUM(A1)\r\n", "text/csv")

    def hole_render(self, path, query, body):  # server-side template that can read its surroundings
        text = query.get("t", "")
        self.answer(200, text.replace("{{7*7}}", "49").replace("{{ env }}", "PATH=/usr/bin"))


class Quiet(ThreadingHTTPServer):
    # Many knock at a time; who finds no place comes again a second later.
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # It is attacked on purpose.


@contextlib.contextmanager
def start_canary():
    """The app on a free port of the loopback; its address."""
    server = Quiet(("127.0.0.1", 0), Canary)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with start_canary() as url:
        print(url, flush=True)
        threading.Event().wait()
