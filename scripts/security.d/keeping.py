"""Secrets: none in the repository; none of this run in a dump of the database or in a log. Runs last."""

import base64
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

from core import ROOT, CannotRun, Check, item
from world import KNOWN_SECRETS, World, needed

BASELINE = ROOT / "scripts/security.d/secrets.allowed.json"
# Patterns and keys; the detectors of "high entropy" and of words such as password name a thousand tests and no secret.
QUIET = ("KeywordDetector", "HexHighEntropyString", "Base64HighEntropyString")


def scan(files: list[str], folder: Path) -> list[tuple[str, str, str, int]]:
    program = ROOT / ".local/security-venv/bin/detect-secrets"
    if not program.exists():
        raise CannotRun("detect-secrets is not installed")
    options = [part for plugin in QUIET for part in ("--disable-plugin", plugin)]
    done = subprocess.run([program, "scan", "--no-verify", *options, *files], cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        raise CannotRun(f"detect-secrets: {done.stderr[-400:]}")
    found = json.loads(done.stdout)["results"]
    return [(name, one["type"], one["hashed_secret"], one["line_number"]) for name, ones in found.items() for one in ones]


def canary(world: World, check: Check) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI\n-----END " + "PRIVATE KEY-----\n"
        (Path(folder) / "key.txt").write_text(made + "aws = 'AKIA" + "IOSFODNN7CANARYX'\n")
        for name, kind, _, line in scan(["key.txt"], Path(folder)):
            check.that(False, f"canary {name}:{line}", kind)


@item("secrets.repository", "detect-secrets over every file of the repository", canary, aside=True)
def repository(world: World, check: Check) -> None:
    allowed = {(one["file"], one["hash"]): one["why"] for one in json.loads(BASELINE.read_text())}
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    # Lock files hold checksums, and the suite's own allow-list hashes; the client's types are made of openapi.json, which is scanned.
    skipped = ("package-lock.json", "Cargo.lock", "secrets.allowed.json", "requirements.txt", "wapiti.txt", "schema.gen.ts", "leaked.bin")
    files = [f for f in files if f and not f.endswith(skipped) and (ROOT / f).is_file()]
    check.that(len(files) > 400, "files", f"only {len(files)}")
    used = set()
    for name, kind, digest, line in scan(files, ROOT):
        used.add((name, digest))
        check.that((name, digest) in allowed, f"{name}:{line}", f"{kind} (hash {digest}); if it is none, say why in {BASELINE.relative_to(ROOT)}")
    for name, digest in set(allowed) - used:
        check.that(False, f"{name}", f"{digest} is allowed and not there any more: take it out of the list")


def forms(secret: str) -> list[bytes]:
    """As it is, in base64 (at each of three shifts), in hex, and escaped."""
    raw = secret.encode()
    shifted = [base64.b64encode(b"\0" * n + raw)[4 if n else 0 : -4] for n in range(3)]
    return [raw, raw.hex().encode(), *[part for part in shifted if len(part) > 16], json.dumps(secret)[1:-1].encode()]


def look(check: Check, name: str, file: Path, known: list[tuple[str, str]]) -> None:
    """All of them in one walk through the file: there are hundreds of secrets and a hundred megabytes."""
    whose = {form: what for what, secret in known for form in forms(secret)}
    with tempfile.NamedTemporaryFile() as patterns:
        patterns.write(b"\n".join(whose) + b"\n")
        patterns.flush()
        done = subprocess.run(["grep", "-aoF", "-f", patterns.name, file], capture_output=True, timeout=900, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode not in (0, 1):
        raise CannotRun(f"grep: {done.stderr[-300:]!r}")
    found = {whose.get(form, "secret") for form in done.stdout.splitlines()}
    check.looked += len(known)
    for what in sorted(found):
        check.that(False, name, f"holds the {what}")


def dump(world: World) -> bytes:
    done = subprocess.run([needed("KIKUBARI_SECURITY_PG_DUMP"), "-d", needed("KIKUBARI_MIGRATION_DATABASE_URL"), "--inserts"], capture_output=True, timeout=900, check=False)
    if done.returncode != 0:
        raise CannotRun(f"pg_dump: {done.stderr[-300:]!r}")
    return done.stdout


def rest_canary(world: World, check: Check) -> None:
    secret = "canary-" + base64.b64encode(os.urandom(18)).decode()
    file = world.work / "canary-log"
    file.write_bytes(b"x" + base64.b64encode(b"a" + secret.encode()) + b"x\n")
    look(check, "canary", file, [("other", "nothing-of-this-is-there"), ("canary", secret)])


@item("secrets.at-rest", "every password, token and key of this run, looked for in the dump and in all logs", rest_canary, last=True)
def at_rest(world: World, check: Check) -> None:
    master = Path(needed("KIKUBARI_SECRET_KEY_FILE")).read_text().strip()
    # The installation's own log-ins to the database have no password here (the test cluster trusts), so they are left out.
    consoles = Path(needed("KIKUBARI_OPERATOR_SECRET_KEY_FILE")).read_text().strip()
    known = sorted({(what, secret) for what, secret in KNOWN_SECRETS if len(secret) >= 16} | {("master key", master), ("master key of the console", consoles)})
    check.that(len(known) >= 10, "secrets", f"only {len(known)} are known")
    for kind in ("password", "access token", "refresh token", "master key"):
        check.that(any(what.startswith(kind) for what, _ in known), "secrets", f"no {kind} is among those that are looked for")
    content = dump(world)
    check.that(b"argon2id" in content and b"PostgreSQL database dump complete" in content, "dump", "is not whole")
    file = world.work / "dump.sql"
    file.write_bytes(content)
    look(check, "the dump of the database", file, known)
    check.that(b"PRIVATE KEY" not in content, "the dump of the database", "holds a private key")
    logs = [*Path(needed("KIKUBARI_E2E_LOG_DIR")).glob("*.log"), *world.work.glob("*.log")]
    check.that(any("api" in log.name for log in logs), "logs", "none were found")
    for log in logs:
        if log.name == "demo.log":
            continue
        text = log.read_bytes()
        look(check, log.name, log, known)
        for pattern in (rb"eyJ[\w-]{20,}\.eyJ", rb"(?i)authorization: *bearer +\S{20}", rb"__Host-kikubari_refresh=\S{20}", rb"\$argon2id\$"):
            check.that(re.search(pattern, text) is None, log.name, f"holds what looks like a secret: {pattern!r}")
    hashes = world.sql("SELECT password_hash FROM user_account WHERE password_hash IS NOT NULL LIMIT 50").splitlines()
    for phc in hashes:
        cost = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$", phc)
        check.that(bool(cost) and int(cost[1]) >= 19456 and int(cost[2]) >= 2, "password hash", phc[:40])
    check.that(len(hashes) > 3, "password hashes", "none")
