"""Programs that the suite starts itself on this machine, and their ports."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from core import CannotRun
from world import World, until


@contextlib.contextmanager
def held_port():
    """A port that is nobody else's while this lasts: bound and never listened at, so that the kernel gives it to no one.

    A program that asks for it by number gets it, again and again (all set SO_REUSEADDR); while none has it, connections
    to it are refused. As free_ports in scripts/lib.sh."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@contextlib.contextmanager
def running(command: list, environment: dict[str, str], log: Path, ready=None):
    """A program for a while; `ready` says when it is of use. What goes wrong is told with the end of its log."""
    with log.open("w") as out:
        child = subprocess.Popen([str(part) for part in command], env=environment, stdout=out, stderr=out)
    try:
        if ready:
            until(lambda: child.poll() is not None or ready(), 60, f"{log.stem}: {told(log)}")
        if child.poll() is not None:
            raise CannotRun(f"{log.stem} ended with {child.returncode}: {told(log)}")
        yield child
    finally:
        ended(child)


def told(log: Path) -> str:
    return log.read_text(errors="replace")[-600:] if log.exists() else ""


def ended(child: subprocess.Popen) -> None:
    """It has its time to end by itself, however busy the machine is; then it is ended."""
    child.terminate()
    try:
        child.wait(120)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def ports_of(pid: int) -> set[int]:
    """Local ports of a process's TCP lines."""
    inodes = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.update(re.findall(r"^socket:\[(\d+)\]$", os.readlink(one)))
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {int(line[1].split(":")[1], 16) for line in lines if line[9] in inodes}


@contextlib.contextmanager
def held_still(world: World, pid: int):
    """A program of the installation that does nothing meanwhile, and keeps nobody waiting: it is stopped where no transaction of it is open."""

    def stopped() -> bool:
        os.kill(pid, signal.SIGSTOP)
        ports = ", ".join(str(port) for port in {0} | ports_of(pid))
        busy = world.sql(f"SELECT count(*) FROM pg_stat_activity WHERE client_port IN ({ports}) AND (state = 'active' OR state LIKE 'idle in transaction%')")
        if busy != "0":
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.05)
        return busy == "0"

    try:
        until(stopped, 60, f"a moment in which process {pid} has no transaction")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
