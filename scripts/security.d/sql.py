"""SQL injection, at once and of second order; sqlmap's second opinion.

Every parameter of the document is tried: of the query, of the path, in bodies.
What is looked for: an error of the database, an answer that follows a
condition inside the value, a pause that the value asked for.
"""

import itertools
import json
import os
import random
import re
import secrets
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import httpx
from core import NIGHTLY, QUICK, ROOT, WHOLE, CannotRun, Check, item
from document import ENDING, kind, leaves, operations, placed, sample
from errors import LEAKS
from world import World, filled

PAUSE = 1.5
TIMED = (
    "1 AND 1=pg_sleep({n})", "' || pg_sleep({n})::text || '", "'; SELECT pg_sleep({n})--", "1; SELECT pg_sleep({n})--", "(SELECT 1 FROM pg_sleep({n}))",
    "') OR 1=(SELECT 1 FROM pg_sleep({n}))--", "name, (SELECT pg_sleep({n}))", '"; SELECT pg_sleep({n})--', "1 OR pg_sleep({n})",
)  # fmt: skip
BROKEN = ("'", '"', "\\", "')", "'--", "1'1", "';--", "$$", "/*", "%' AND '1'='1", "\0'", "＇", "ʼ", "%27", "{'a':1}", "name; DROP TABLE contact--")
TRUE, FALSE = ("' OR '1'='1", "1 OR 1=1", "%' OR '1'='1"), ("' AND '1'='2", "1 AND 1=2", "%' AND '1'='2")


@dataclass
class Place:
    """Somewhere that a value can be put: where it is, and the request with it."""

    name: str
    ask: Callable[[httpx.Client, str], httpx.Response]
    reads: bool


def places(world: World) -> list[Place]:
    known, found = world.ids_of_a, []
    for o in operations():
        if o.id in ("stream_events", "get_liveness", "get_readiness", *ENDING):
            continue
        if o.path.startswith("/v1/auth/"):
            found += of_strangers(world, o)
            continue
        path = filled(o, known if o.method == "GET" else {})
        for p in o.named("query"):
            found.append(Place(f"{o.id} ?{p['name']}", lambda c, v, o=o, p=p, path=path: c.request(o.method, path, params={p["name"]: v}), o.method == "GET"))
        for p in o.named("path"):
            at = lambda v, o=o, p=p: o.at({p["name"]: httpx.URL("http://x/", params={"a": v}).query.decode()[2:].replace("+", "%20")})  # noqa: E731
            found.append(Place(f"{o.id} /{p['name']}", lambda c, v, o=o, at=at: c.request(o.method, at(v), json={} if o.body else None, headers={"If-Match": '"1"'}), False))
        if o.body and o.media == "application/json":
            base = sample(o.body)
            for where, schema in leaves(o.body):
                if kind(schema) in ("string", "integer", ""):
                    name = f"{o.id} {'/'.join(map(str, where))}"
                    found.append(Place(name, lambda c, v, o=o, b=base, w=where, path=path: c.request(o.method, path, json=placed(b, w, v), headers={"If-Match": '"1"'}), False))  # fmt: skip
    for header in ("User-Agent", "Idempotency-Key", "If-Match", "X-Request-Id", "Accept-Language", "Referer", "X-Forwarded-For", "Cookie"):
        found.append(Place(f"header {header}", lambda c, v, h=header: c.patch("/v1/tenant", json={}, headers={h: v.replace("\0", "").encode()}), False))
    return found


def of_strangers(world: World, o) -> list[Place]:
    """Log-in and what belongs to it counts failures by address: each try comes from one of its own, straight at the api."""
    if not o.body or o.media != "application/json":
        return []
    base, direct, count = sample(o.body), world.direct.client(), itertools.count()

    def ask(where: tuple, value: str) -> httpx.Response:
        n = next(count)
        headers = {"Authorization": f"Bearer {world.owner.bearer()}", "X-Forwarded-For": f"198.18.{n // 250}.{n % 250 + 1}", "If-Match": '"1"'}
        return direct.request(o.method, o.at(), json=placed(base, where, value), headers=headers)

    texts = [where for where, schema in leaves(o.body) if kind(schema) in ("string", "integer", "")]
    return [Place(f"{o.id} {'/'.join(map(str, where))}", lambda _, v, w=where: ask(w, v), False) for where in texts]


def canary_places() -> list[Place]:
    return [
        Place("canary ?id", lambda c, v: c.get("/person", params={"id": v}), True),
        Place("canary body id", lambda c, v: c.post("/person", json={"id": v}), True),
    ]


def probe(check: Check, client: httpx.Client, found: list[Place], broken: tuple[str, ...], timed: tuple[str, ...]) -> None:
    for place in found:
        for value in broken:
            answer = place.ask(client, value)
            # What was sent may be quoted.
            leak = LEAKS.search(answer.text.replace(value, "")) if answer.status_code >= 400 else None
            check.that(leak is None and answer.status_code not in (500, 502), place.name, f"{value!r}: {answer.status_code} {answer.text[:200]}")
        if place.reads:
            conditions(check, client, place)
        # In a body types are fixed: there is a text to break out of, or nothing.
        for pattern in timed if place.reads or len(timed) > 2 else timed[-1:]:
            took = duration_of(lambda p=place, v=pattern: p.ask(client, v.format(n=PAUSE)))
            if took < PAUSE:
                check.that(True, place.name)
                continue
            # A busy machine is slow too: it has to be slow again and again, and twice as slow for twice the pause.
            waits = all(duration_of(lambda p=place, v=pattern: p.ask(client, v.format(n=PAUSE * 2))) >= PAUSE * 2 for _ in range(3))
            check.that(not waits, place.name, f"{pattern!r} makes it wait {took:.1f} s")


def duration_of(ask: Callable[[], object]) -> float:
    begin = time.monotonic()
    ask()
    return time.monotonic() - begin


def values(world: World) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The quick run tries those that break out of a text, a number and an order."""
    return (BROKEN[:3], TIMED[:2]) if world.level == QUICK else (BROKEN, TIMED)


def conditions(check: Check, client: httpx.Client, place: Place) -> None:
    for true, false in zip(TRUE, FALSE, strict=True):
        base = str(secrets.randbelow(3) + 1)
        # What the installation does meanwhile by itself shows in lists too, but not each time.
        for _ in range(3):
            yes, no, plain = (place.ask(client, base + v) for v in (true, false, "zzz"))
            same = yes.status_code == no.status_code and strip(yes.text, true) == strip(no.text, false)
            if same or yes.text == plain.text:
                break
        check.that(same or yes.text == plain.text, place.name, f"{true!r} and {false!r} are answered differently: {yes.status_code}, {no.status_code}")


def strip(text: str, value: str) -> str:
    """Without what changes from request to request: ids, times, hashes, and the place in the trace of the request itself."""
    text = re.sub(r"[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[T ][\d:.]+(Z|\+00:00)?", "", text.replace(value, ""))
    return re.sub(r"^\d+,", "", text, flags=re.M)


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        probe(check, client, canary_places(), *values(world))
        wrong = [f for f in check.findings if "makes it wait" in f], [f for f in check.findings if "answered differently" in f]
        if not all(wrong):
            check.findings.clear()  # Each way of looking has to find it.


@item("sql-injection", "errors, conditions and pauses through every parameter of the document", canary)
def attack(world: World, check: Check) -> None:
    found = places(world)
    check.that(len(found) > 250, "places", f"only {len(found)}")
    check.note(f"{len(found)} places")
    probe(check, world.owner.client, found, *values(world))


def second_canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        client.post("/stored", data={"text": "'; SELECT pg_sleep(1)--"})
        answer = client.get("/error")
        check.that(LEAKS.search(answer.text) is None, "canary", "the error shows SQL")


SECOND = ("x'; DROP TABLE contact;--", "x' || (SELECT pg_sleep(3)) || '", "x\" OR \"\"=\"", "$$; SELECT pg_sleep(3); $$", "\\'; SELECT 1--", "%_%", "{{ 7*7 }}' OR 1=1--")


@item("second-order", "hostile values stored, then searched, sorted, exported, counted and looked at", second_canary)
def second_order(world: World, check: Check) -> None:
    owner, client = world.owner, world.owner.client
    own = f"WHERE tenant_id = '{owner.call('GET', '/v1/tenant')['id']}'"
    rows = f"SELECT (SELECT count(*) FROM contact {own}) || '/' || (SELECT count(*) FROM list {own}) || '/' || (SELECT count(*) FROM mail {own})"
    field = f"s{secrets.token_hex(4)}"
    owner.call("POST", "/v1/contact-fields", {"key": field, "label": SECOND[0], "type": "text"})
    listed = owner.call("POST", "/v1/lists", {"name": f"{SECOND[1]} {field}", "description": SECOND[2]})
    stored = []
    for n, value in enumerate(SECOND):
        body = {"email": f"second{n}.{field}@example.jp", "name": value, "fields": {field: value}, "list_ids": [listed["id"]]}
        stored.append(owner.call("POST", "/v1/contacts", body))
        owner.call("POST", "/v1/mails", {"name": value, "subject": value, "text": f"{{{{ {field} }}}}", "text_mode": "manual"})
        owner.call("POST", "/v1/suppressions", {"kind": "address", "value": f"second{n}.{field}@blocked.example.jp", "note": value})
    before = world.sql(rows)
    owner.call("POST", "/v1/exports", {"encoding": "utf-8-bom", "columns": ["email", "name", f"field:{field}"], "list_id": listed["id"], "q": SECOND[1]})
    for value, contact in zip(SECOND, stored, strict=True):
        # The shortest of three looks: a pause inside a value makes each of them wait.
        times = [duration_of(lambda v=value, c=contact: look_for(check, client, {"list_id": listed["id"]}, field, v, c))]
        while times[-1] >= 3 and len(times) < 3:
            times.append(duration_of(lambda v=value, c=contact: look_for(check, client, {"list_id": listed["id"]}, field, v, c)))
        check.that(min(times) < 3, f"contact {value!r}", f"made the database wait: {times}")
    for order in ("name", "-name", "email", "-created_at", "name;DROP TABLE contact", "name,(select pg_sleep(2))", "fields->>'x'"):
        answer = client.get("/v1/contacts", params={"sort": order, "list_id": listed["id"]})
        told = answer.text.replace(order, "") if answer.status_code >= 400 else ""
        fine = answer.status_code in (200, 400, 422) and LEAKS.search(told) is None
        check.that(fine, f"sort {order}", f"answered {answer.status_code}")
    check.that(world.sql(rows) == before, "rows", f"were {before}, are {world.sql(rows)}")


def look_for(check: Check, client: httpx.Client, within: dict[str, str], field: str, value: str, contact: dict) -> None:
    """A stored value, in searches and as it is shown."""
    for path in ("/v1/contacts", "/v1/mails", "/v1/suppressions", "/v1/templates"):
        answer = client.get(path, params={"q": value})
        check.that(answer.status_code == 200, f"{path} ?q={value}", f"answered {answer.status_code}: {answer.text[:150]}")
    found = [c["id"] for c in client.get("/v1/contacts", params={"q": value, **within}).json()["items"]]
    check.that(contact["id"] in found, f"contact {value!r}", "is not found by its own name")
    shown = client.get(f"/v1/contacts/{contact['id']}").json()
    check.that(shown["name"] == value and shown["fields"][field] == value, f"contact {value!r}", f"came back as {shown['name']!r}")


# ------------------------------------------------------------------ sqlmap


def sqlmap(world: World, arguments: list[str], seconds: float) -> str:
    """Runs it without a network of its own making: no update, no question, no report home."""
    program = ROOT / ".local/security-venv/bin/sqlmap"
    if not program.exists():
        raise CannotRun("sqlmap is not installed")
    common = ["--batch", "--disable-coloring", "--level=3", "--risk=1", "--technique=BEUST", "--time-sec=2", "--threads=4", "--timeout=10", "--retries=1",
              "--flush-session", "--ignore-code=*", "--skip-waf", f"--output-dir={world.work}/sqlmap"]  # fmt: skip
    try:
        done = subprocess.run([program, *common, *arguments], capture_output=True, text=True, timeout=seconds, check=False, env={**os.environ, "HOME": str(world.work)})
        return done.stdout + done.stderr
    except subprocess.TimeoutExpired as error:
        text = (error.stdout or b"").decode(errors="replace") if isinstance(error.stdout, bytes) else (error.stdout or "")
        return f"{text}\n[time is up]"


HIT = re.compile(r"Parameter: .*|.*is vulnerable.*|.*appears to be .* injectable.*")


def sqlmap_canary(world: World, check: Check) -> None:
    told = sqlmap(world, ["-u", f"{world.canary.url}/person?id=1", "-p", "id", "--dbms=sqlite"], 240)
    check.that(not re.search(r"^Parameter: id", told, re.M), "canary ?id", "; ".join(HIT.findall(told))[:300])
    if not check.findings:
        check.note(told[-3000:])


def request_file(world: World, operation) -> tuple[str, list[str]]:
    """The operation as sqlmap reads it, with the names of what is to be tried."""
    names, path = [], filled(operation, world.ids_of_a if operation.method == "GET" else {})
    query = []
    for p in operation.named("query"):
        query.append(f"{p['name']}={sample(p.get('schema', {}))}")
        names.append(p["name"])
    body = ""
    if operation.body and operation.media == "application/json":
        content = sample(operation.body)
        for where, schema in leaves(operation.body):
            if len(where) == 1 and kind(schema) in ("string", "integer"):
                content = placed(content, where, sample(schema))
                names.append(f"JSON {where[0]}")
        body = json.dumps(content)
    if operation.named("path"):
        path = path.rsplit("/", 1)[0] + "/" + path.rsplit("/", 1)[1] + "*"
        names.append("path")
    lines = [f"{operation.method} {path}{'?' + '&'.join(query) if query else ''} HTTP/1.1", f"Host: {world.host}",
             f"Authorization: Bearer {world.owner.bearer()}", 'If-Match: "1"', "Content-Type: application/json", "", body]  # fmt: skip
    return "\r\n".join(lines), names


@item("sql-injection.sqlmap", "sqlmap, level 3, on parameters of the document, within the time", sqlmap_canary, WHOLE)
def sqlmap_attack(world: World, check: Check) -> None:
    budget = float(os.environ.get("KIKUBARI_SQLMAP_SECONDS", "600"))
    end = None if world.level == NIGHTLY else time.monotonic() + budget
    todo = [o for o in operations() if o.path.startswith("/v1/") and o.id not in ("stream_events", "end_session", *ENDING)]
    # Another order each day, so that short runs see all of it in time.
    random.Random(date.today().isoformat()).shuffle(todo)
    left = []
    for operation in todo:
        if end and time.monotonic() > end:
            left.append(operation.id)
            continue
        text, names = request_file(world, operation)
        if not names:
            continue
        file = world.work / f"{operation.id}.txt"
        file.write_text(text)
        seconds = 3600 if end is None else max(30, end - time.monotonic())
        told = sqlmap(world, ["-r", str(file), "--dbms=PostgreSQL", "--force-ssl", "--skip=User-Agent,Referer,Host,Cookie"], seconds)
        asked = "all tested parameters do not appear to be injectable" in told or "Parameter:" in told
        if "[time is up]" in told:
            left.append(operation.id)
        else:
            check.that(asked, operation.id, f"sqlmap did not get to a verdict: {told[-400:]}")
        check.that(not re.search(r"^Parameter: ", told, re.M), operation.id, "; ".join(HIT.findall(told))[:400])
        check.note(f"{operation.id}: {', '.join(names)}: {'time is up' if '[time is up]' in told else 'nothing' if asked else 'no verdict'}")
    if left:
        check.note(f"not reached within {budget:.0f} s, left to the nightly run: {', '.join(left)}")
        check.that(world.level != NIGHTLY, "coverage", f"not tried: {left}")
