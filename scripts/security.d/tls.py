"""TLS: Mozilla's intermediate profile, as sslyze reads it, at the door of production."""

import contextlib
import re
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import httpx
from core import ROOT, CannotRun, Check, item
from world import World, needed

def name_of(place: str) -> str:
    return re.sub(r"[^\w.-]", "-", place)


def sslyze(work: Path, place: str, *options: str) -> tuple[int, str]:
    program, out = ROOT / ".local/security-venv/bin/sslyze", work / f"sslyze-{name_of(place)}.json"
    out.unlink(missing_ok=True)
    done = subprocess.run([program, *options, "--mozilla_config=intermediate", "--certinfo", f"--certinfo_ca_file={needed('KIKUBARI_E2E_CA')}", f"--json_out={out}", place], capture_output=True, text=True, timeout=900, check=False)
    if not out.exists():
        raise CannotRun(f"sslyze: {done.stdout[-500:]} {done.stderr[-500:]}")
    return done.returncode, done.stdout


def complies(work: Path, check: Check, name: str, place: str) -> None:
    status, text = sslyze(work, place)
    verdict = text.partition("COMPLIANCE AGAINST TLS CONFIGURATION")[2]
    if place.partition("{")[0] not in verdict:
        # Many lines at a time and five seconds for each are too much for a busy machine: once more, one after the other.
        status, text = sslyze(work, place, "--slow_connection")
        verdict = text.partition("COMPLIANCE AGAINST TLS CONFIGURATION")[2]
    check.note(f"{name}: status {status}\n{verdict or text[-1500:]}")
    failures = dict(re.findall(r"^\s*\* (\w+): (.*)$", verdict, re.M))
    # Production's certificate comes from ACME. This run's own has a chain that no browser knows, so sslyze can't end with 0.
    failures.pop("certificate_path_validation", None)
    check.that("COMPLIANCE" in text and place.partition("{")[0] in verdict, name, f"sslyze came to no verdict: {text[-500:]}")
    for what, why in failures.items():
        check.that(False, f"{name}: {what}", why[:300])


@contextlib.contextmanager
def weak_server(certificate: Path, key: Path):
    """TLS 1.2 with a key exchange without forward secrecy, and no HSTS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(certificate, key)
    server = socket.create_server(("127.0.0.1", 0))

    def serve(line: socket.socket):
        with contextlib.suppress(OSError), context.wrap_socket(line, server_side=True) as inside:
            inside.recv(4096)
            inside.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def run():
        with contextlib.suppress(OSError):
            while True:
                line, _ = server.accept()
                threading.Thread(target=serve, args=(line,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()


def canary(world: World, check: Check) -> None:
    certificate = Path(needed("KIKUBARI_E2E_CA"))
    with weak_server(certificate, certificate.with_suffix(".key")) as port:
        complies(world.work, check, "canary", f"localhost:{port}")


@item("tls", "sslyze, Mozilla's intermediate profile; old protocols and weak ciphers refused", canary, aside=True)
def attack(world: World, check: Check) -> None:
    url = httpx.URL(world.product.url)
    complies(world.work, check, "door", f"localhost:{url.port}")
    # With the address, since not every name server knows names below localhost.
    complies(world.work, check, "console's door", f"operator.localhost:{url.port}{{127.0.0.1}}")
    for name, newest in {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}.items():
        check.that(not shakes_hands(url.port, newest, "ALL:@SECLEVEL=0"), name, "is spoken")
    for ciphers in ("RSA", "aNULL", "eNULL", "3DES", "RC4", "CBC"):
        wanted = "kRSA" if ciphers == "RSA" else "AES128-SHA:AES256-SHA" if ciphers == "CBC" else ciphers
        check.that(not shakes_hands(url.port, ssl.TLSVersion.TLSv1_2, f"{wanted}:@SECLEVEL=0"), ciphers, "is taken")
    check.that(shakes_hands(url.port, ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM"), "TLS 1.2", "is not spoken")
    check.that(shakes_hands(url.port, ssl.TLSVersion.TLSv1_3, "ALL"), "TLS 1.3", "is not spoken")
    plain = subprocess.run(["curl", "-s", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}", f"http://localhost:{url.port}/"], capture_output=True, text=True, check=False)
    check.that(plain.stdout in ("000", "400"), "plain HTTP on the TLS port", f"answered {plain.stdout}")


def shakes_hands(port: int | None, version: ssl.TLSVersion, ciphers: str) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError:
        return False  # This machine's library has none of them.
    context.minimum_version = context.maximum_version = version
    try:
        with socket.create_connection(("localhost", port or 443), timeout=60) as line, context.wrap_socket(line, server_hostname="localhost"):
            return True
    except (ssl.SSLError, OSError):
        return False
