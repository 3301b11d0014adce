"""Operating system commands: no process is spawned by api, mailer and the operator's console, whatever they are sent."""

import contextlib
import re
import secrets
import signal
import subprocess
import time
from pathlib import Path

from core import QUICK, CannotRun, Check, item
from document import ENDING, operations, sample
from local import ended
from mail import ready, send, wait_for
from sink import open_sink
from staff import add_staff, console_operations, give, tenant_of
from world import World, create_tenant, filled, needed, until


def is_attached(strace: subprocess.Popen, pids: tuple[str, ...]) -> bool:
    """Whether each thread of these processes has it for its tracer."""
    if strace.poll() is not None:
        raise CannotRun(f"strace: {strace.stderr.read() if strace.stderr else ''}")
    tracers = set()
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # A thread that has ended.
                tracers.update(re.findall(r"^TracerPid:\t(\d+)$", (thread / "status").read_text(), re.M))
    return tracers == {str(strace.pid)}


@contextlib.contextmanager
def watched(world: World, name: str, *pids: str):
    """Lines of strace for each program that is started below these processes."""
    out = world.work / f"strace-{name}"
    which = [part for pid in pids for part in ("-p", pid)]
    child = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=execve,execveat,fork,vfork", "-e", "signal=none", "-o", str(out), *which], stderr=subprocess.PIPE, text=True)
    lines: list[str] = []
    try:
        until(lambda: is_attached(child, pids), 60, "strace, attached to every thread")
        yield lines
        time.sleep(0.5)
    finally:
        child.send_signal(signal.SIGINT)
        # To its end: before that, not all that it saw is written.
        child.wait(180)
        if out.exists():
            lines += out.read_text().splitlines()


def payloads(marker: Path) -> tuple[str, ...]:
    do = f"touch {marker}"
    return (f";{do};", f"|{do}", f"`{do}`", f"$({do})", f"&& {do}", f"\n{do}\n", f"a@example.jp;{do}", f"' ; {do} ; '", f"|| {do} #", f"%0a{do}", f"() {{ :;}}; {do}", f"-oQ/tmp -X{marker}")


def canary(world: World, check: Check) -> None:
    """The canary app as a process of its own, which hands a parameter to a shell."""
    child = subprocess.Popen(["python3", str(Path(__file__).parent / "canary.py")], stdout=subprocess.PIPE, text=True)
    try:
        url = child.stdout.readline().strip() if child.stdout else ""
        marker = world.work / "canary-marker"
        with watched(world, "canary", str(child.pid)) as lines:
            subprocess.run(["curl", "-s", "-o", "/dev/null", "-G", f"{url}/ping", "--data-urlencode", f"host=;touch {marker}"], timeout=120, check=False)
        check.that(not [line for line in lines if "exec" in line], "canary", f"spawned: {lines[:1]}")
        check.that(not marker.exists(), "canary", "the command was obeyed")
        if len(check.findings) < 2:
            check.findings.clear()  # Both ways of looking have to find it.
    finally:
        ended(child)


@item("os-command-injection", "commands in every field while strace watches api, mailer and console: nothing is started", canary)
def attack(world: World, check: Check) -> None:
    marker = world.work / "marker"
    parts = [needed(f"KIKUBARI_E2E_{part}_PID") for part in ("API", "MAILER", "OPERATOR")]
    with watched(world, "product", *parts) as lines:
        fields(world, check, marker)
        console(world, check, marker)
        mails(world, marker)
    spawned = [line for line in lines if re.search(r"\b(execve|execveat|fork|vfork)\(", line)]
    check.that(not spawned, "api, mailer and console", f"started {spawned[:3]}")
    check.that(not marker.exists(), "marker", "a command was obeyed")


def console(world: World, check: Check, marker: Path) -> None:
    # A company of its own: the other one may have given as many grants as it can.
    staff, owner = add_staff(world), create_tenant(world.product, "命令の会社")
    staff.look_under(tenant_of(owner), give(owner))
    for operation in console_operations():
        if operation.path.startswith("/health/") or operation.by_cookie:
            continue
        body = sample(operation.body) if operation.body else None
        for payload in payloads(marker)[: 1 if world.level == QUICK else 4]:
            words = {k: payload if isinstance(v, str) else v for k, v in body.items()} if isinstance(body, dict) else body
            query = {p["name"]: payload for p in operation.named("query")}
            path = staff.path(operation, {})
            answer = staff.client.request(operation.method, path, json=words, params=query, headers={"User-Agent": payload.replace("\n", "")})
            check.that(answer.status_code < 500, operation.id, f"answered {answer.status_code}")


def fields(world: World, check: Check, marker: Path) -> None:
    client = world.owner.client
    for operation in operations():
        if operation.id in ("stream_events", "get_liveness", "get_readiness", "end_session", *ENDING):
            continue
        body = sample(operation.body) if operation.body and operation.media == "application/json" else None
        path = filled(operation, world.ids_of_a if operation.method == "GET" else {})
        for payload in payloads(marker)[: 2 if world.level == QUICK else 4]:
            words = {k: payload if isinstance(v, str) else v for k, v in body.items()} if isinstance(body, dict) else body
            query = {p["name"]: payload for p in operation.named("query")}
            answer = client.request(operation.method, path, json=words, params=query, headers={"If-Match": '"1"', "User-Agent": payload.replace("\n", "")})
            check.that(answer.status_code < 500, operation.id, f"answered {answer.status_code}")


def mails(world: World, marker: Path) -> None:
    """Through the whole way of a mail, as names, subject and text, and as templates."""
    with open_sink() as sink:
        owner, sender = ready(world, sink)
        for payload in payloads(marker):
            clean = payload.replace("\n", " ")
            body = {"name": clean, "subject": f"{clean} {{{{ name }}}}", "text": f"{clean} {{{{ name }}}}", "text_mode": "manual", "sender_name": clean.replace("@", "")[:60],
                    "sender_address": sender}  # fmt: skip
            made = owner.client.post("/v1/mails", json=body)
            if made.status_code == 201:
                address = f"os-{secrets.token_hex(5)}@example.jp"
                send(owner, made.json()["id"], email=address, values={"name": clean})
                wait_for(sink, address)


