"""Other people's scanners: wapiti over the pages, schemathesis over the document."""

import json
import os
import subprocess
from pathlib import Path

import httpx
from core import NIGHTLY, ROOT, WHOLE, CannotRun, Check, item
from netns import isolated
from world import World, needed

# Without `ssrf`, which waits for a call at a server of wapiti's authors; and without what asks other people's servers.
MODULES = "backup,cookieflags,crlf,csp,exec,file,htaccess,http_headers,methods,permanentxss,redirect,sql,timesql,xss,xxe,csrf,ssl,inconsistent_redirection,unrestricted_upload"
# Findings about what this suite judges itself and better, with the reason why wapiti's word is not taken.
JUDGED_ELSEWHERE = {
    "TLS/SSL misconfigurations": "the certificate of a throw-away run; item tls",
    "Fingerprint web technology": "says what runs, no hole",
}


def wapiti(world: World, url: str, seconds: float, more: list[str]) -> dict:
    program, out = ROOT / ".local/wapiti-venv/bin/wapiti", world.work / "wapiti.json"
    if not program.exists():
        raise CannotRun("wapiti is not installed")
    out.unlink(missing_ok=True)
    where = httpx.URL(url)
    home = world.work / "wapiti-home"
    home.mkdir(exist_ok=True)
    command = [str(program), "-u", f"{url}/", "-m", MODULES, "-f", "json", "-o", str(out), "--flush-session", "--scope", "folder", "--no-bugreport",
               "--max-scan-time", str(int(seconds)), "--max-attack-time", "60", "--store-session", str(home), "--tasks", "4", *more]  # fmt: skip
    done = isolated(command, where.port or 443, seconds + 120, {**os.environ, "HOME": str(home), "PYTHONPATH": ""})
    if not out.exists():
        raise CannotRun(f"wapiti gave no report: {done.stdout[-600:]} {done.stderr[-600:]}")
    return json.loads(out.read_text())


def judge(check: Check, name: str, report: dict) -> None:
    found = {**report.get("vulnerabilities", {}), **report.get("anomalies", {})}
    for kind, entries in found.items():
        for entry in entries:
            words = f"{entry.get('method')} {entry.get('path')} {entry.get('parameter')}: {entry.get('info')}"
            if kind in JUDGED_ELSEWHERE:
                check.note(f"{kind} ({JUDGED_ELSEWHERE[kind]}): {words}")
            else:
                check.that(False, f"{name}: {kind}", words[:300])
    check.note(f"{name}: {report.get('infos', {})}")


def wapiti_canary(world: World, check: Check) -> None:
    judge(check, "canary", wapiti(world, world.canary.url, 150, []))
    # wapiti misses things (an injection that sqlmap found); of these three it has to find each.
    kinds = ("Cross Site Scripting", "Path Traversal", "Open Redirect")
    missed = [kind for kind in kinds if not any(kind.lower() in f.lower() for f in check.findings)]
    if missed:
        raise CannotRun(f"wapiti missed in the canary: {missed}; it found {[f[:80] for f in check.findings]}")


@item("scan.wapiti", "wapiti over the pages, shut off from the network", wapiti_canary, WHOLE)
def wapiti_attack(world: World, check: Check) -> None:
    seconds = 900 if world.level == NIGHTLY else 240
    starts = [part for path in ("/login", "/docs/", "/p/cancel/x", "/p/confirm/x", "/t/c/x", "/v1/contacts?q=a&sort=name") for part in ("-s", f"{world.product.url}{path}")]
    report = wapiti(world, world.product.url, seconds, [*starts, "-H", f"Authorization: Bearer {world.owner.bearer()}", "--verify-ssl", "0"])
    pages = report.get("infos", {}).get("crawled_pages_nbr", 0)
    check.that(pages > 5, "coverage", f"only {pages} pages were crawled")
    judge(check, "product", report)


# Without the health checks, which the door keeps for the inside; the contract tests look at them.
def schemathesis(world: World, document: Path, url: str, cases: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "KIKUBARI_E2E_URL": url, "REQUESTS_CA_BUNDLE": needed("KIKUBARI_E2E_CA"), "PYTHONPATH": str(ROOT / "scripts/contract.d"), "SCHEMATHESIS_HOOKS": "hooks"}
    command = [ROOT / ".local/venv/bin/schemathesis", "--config-file", "openapi/schemathesis.toml", "run", str(document), "--url", url, "--max-examples", cases,
               "--exclude-path-regex", "^/health/"]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=3 * 3600, check=False)


def schemathesis_canary(world: World, check: Check) -> None:
    made = {
        "openapi": "3.1.0", "info": {"title": "canary", "version": "1"},
        "paths": {"/person": {"get": {"operationId": "person", "parameters": [{"name": "id", "in": "query", "required": True, "schema": {"type": "string"}}],
                                      "responses": {"200": {"description": "ok"}}}}},
    }  # fmt: skip
    file = world.work / "canary-openapi.json"
    file.write_text(json.dumps(made))
    environment = {**os.environ, "PYTHONPATH": ""}
    environment.pop("SCHEMATHESIS_HOOKS", None)
    done = subprocess.run([ROOT / ".local/venv/bin/schemathesis", "run", str(file), "--url", world.canary.url, "--max-examples", "20"], cwd=world.work,
                          env=environment, capture_output=True, text=True, timeout=300, check=False)  # fmt: skip
    check.that("Server error" not in done.stdout, "canary", "schemathesis saw a server error")


@item("scan.schemathesis", "schemathesis, every check, more cases than in the contract tests", schemathesis_canary, NIGHTLY)
def schemathesis_attack(world: World, check: Check) -> None:
    done = schemathesis(world, ROOT / "openapi/openapi.json", world.product.url, os.environ.get("KIKUBARI_SCHEMATHESIS_CASES", "60"))
    check.note(done.stdout.partition("= FAILURES =")[2][:8000] or done.stdout[-4000:])
    check.that(done.returncode == 0, "schemathesis", f"status {done.returncode}: {done.stdout[-800:]}")
