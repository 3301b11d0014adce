"""Files: cells that would be formulas in a spreadsheet, and uploads that are meant to do harm."""

import csv
import gzip
import io
import secrets
import zipfile

import httpx
from core import QUICK, Check, item
from overflow import memory
from world import World, needed, until

STARTS = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://evil.example","x")', "＝1+1", " =1+1", "'=1+1", '"=1+1')


def examine(check: Check, where: str, raw: bytes, encoding: str) -> list[list[str]]:
    rows = list(csv.reader(io.StringIO(raw.decode(encoding), newline="")))
    for row in rows:
        for cell in row:
            check.that(not cell.startswith(STARTS[:7]), where, f"the cell {cell!r} is a formula")
    return rows


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        examine(check, "canary", client.get("/export").content, "utf-8")


@item("csv-formulas", "no cell of an exported file is a formula, in any encoding; the values come back through an import", canary)
def attack(world: World, check: Check) -> None:
    owner = world.owner
    key = f"c{secrets.token_hex(4)}"
    owner.call("POST", "/v1/contact-fields", {"key": key, "label": "=1+1", "type": "text"})
    listed = owner.call("POST", "/v1/lists", {"name": f"=1+1 {key}"})
    stored = {}
    for n, value in enumerate(FORMULAS):
        body = {"email": f"formula{n}.{key}@example.jp", "name": value, "fields": {key: value}, "list_ids": [listed["id"]]}
        answer = owner.client.post("/v1/contacts", json=body)
        check.that(answer.status_code in (201, 422), f"contact {value!r}", f"answered {answer.status_code}")
        if answer.status_code == 201:
            stored[body["email"]] = answer.json()["name"]
    check.that(len(stored) >= 8, "contacts", f"only {len(stored)} were taken")
    for encoding, name in (("utf-8-bom", "utf-8-sig"), ("utf-8", "utf-8"), ("shift_jis", "cp932")):
        choice = {"encoding": encoding, "columns": ["email", "name", f"field:{key}"], "list_id": listed["id"]}
        answer = owner.client.post("/v1/exports", json=choice)
        if not check.that(answer.status_code in (201, 202), f"export as {encoding}", f"answered {answer.status_code}: {answer.text[:200]}"):
            continue
        made = answer.json()
        address = f"/v1/exports/{made['subject_id']}/file"
        raw = until(lambda a=address: (r := owner.client.get(a)).status_code == 200 and r.content, 60, "the export")
        rows = examine(check, f"export as {encoding}", raw, name)
        check.that(len(rows) == len(stored) + 1, f"export as {encoding}", f"{len(rows)} rows")
    for campaign in owner.all("/v1/campaigns?state=finished"):
        answer = owner.client.get(f"/v1/campaigns/{campaign['id']}/report.csv")
        check.that(answer.status_code == 200, "report", f"answered {answer.status_code}")
        examine(check, "report", answer.content, "utf-8-sig")
        check.that("attachment" in answer.headers.get("content-disposition", ""), "report", "would open in the browser")


def bomb(size: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../../../etc/cron.d/evil", b"x")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * size)
    return packed.getvalue()


def long_line(size: int):
    yield b"email,name\r\n\""
    for _ in range(size // 65536):
        yield b"a" * 65536


def upload(world: World, name: str, content) -> httpx.Response:
    headers = {"Content-Type": "application/octet-stream"}
    return world.owner.client.post("/v1/imports", params={"filename": name}, content=content, headers=headers, timeout=300)


def upload_canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        answer = client.get("/file", params={"name": "../../etc/hostname"})
        check.that(answer.status_code >= 400, "canary: path traversal", f"answered {answer.status_code}")


@item("uploads", "bombs, endless lines, file names that lead out, files of other kinds", upload_canary)
def uploads(world: World, check: Check) -> None:
    pid = needed("KIKUBARI_E2E_API_PID")
    before = memory(pid)
    large = 64 * 1024 * 1024 if world.level == QUICK else 400 * 1024 * 1024
    refused = {
        "zip bomb": bomb(large), "zip bomb as csv": bomb(1024 * 1024), "gzip bomb": gzip.compress(b"a" * (16 * 1024 * 1024)), "empty": b"",
        "program": b"\x7fELF" + b"\0" * 1000, "picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 1000, "html": b"<html><script>alert(1)</script></html>",
        "NUL": b"email\r\n" + b"\0" * 10000, "columns": b",".join(b"c%d" % n for n in range(5000)) + b"\r\n" + b"," * 4999 + b"\r\n",
    }  # fmt: skip
    for name, content in refused.items():
        answer = upload(world, "a.xlsx" if name == "zip bomb" else "a.csv", content)
        outcome(world, check, name, answer)
    outcome(world, check, "a line without end", upload(world, "a.csv", long_line(large)))
    for name in ("../../../../etc/cron.d/evil", "..\\..\\evil.csv", "/etc/passwd", "a\0.csv", "a\r\nX-Evil: 1.csv", "<img src=x onerror=alert(1)>.csv", "a" * 5000, "CON", ""):
        answer = upload(world, name, b"email\r\na@example.jp\r\n")
        check.that(answer.status_code < 500, f"file name {name[:30]!r}", f"answered {answer.status_code}: {answer.text[:200]}")
        check.that("x-evil" not in answer.headers, f"file name {name[:30]!r}", "splits the answer")
    grown = memory(pid) - before
    check.note(f"memory of the api grew by {grown} kB while {large // 1048576} MB and bombs were sent")
    check.that(grown < 250_000, "memory", f"grew by {grown} kB")


def outcome(world: World, check: Check, name: str, answer: httpx.Response) -> None:
    """Refused at once, or known to be unusable a moment later: never 5xx, never ready to run."""
    check.note(f"{name}: {answer.status_code} {answer.text[:160]}")
    if not check.that(answer.status_code < 500, name, f"answered {answer.status_code}: {answer.text[:200]}") or answer.status_code >= 400:
        return
    made, client = answer.json(), world.owner.client
    if made.get("suggested"):
        planned = client.put(f"/v1/imports/{made['id']}/plan", json=made["suggested"], headers={"If-Match": f'"{made["version"]}"'})
        check.that(planned.status_code < 500, name, f"plan answered {planned.status_code}")
    dry = client.post(f"/v1/imports/{made['id']}/dry-run")
    check.that(dry.status_code < 500, name, f"dry run answered {dry.status_code}")
    if dry.status_code == 202:
        job = until(lambda: (j := client.get(f"/v1/jobs/{dry.json()['id']}").json()) and j["state"] in ("succeeded", "failed") and j, 120, f"dry run of {name}")
        check.note(f"{name}: dry run {job['state']} {job.get('error')} {job.get('result')}"[:300])
