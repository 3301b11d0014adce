"""A command in a network of its own, in which one port of this machine is reached and nothing else.

Some scanners call home or fetch things. Outside stands a door, a socket in a
folder; inside, in an empty network namespace, a small relay listens on the
same port as the program under attack and passes through the door.

netns.py PORT SOCKET COMMAND…   (the inside, started by `isolated`)
"""

import contextlib
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from core import CannotRun


def pump(a: socket.socket, b: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := a.recv(65536):
            b.sendall(data)
    for end in (a, b):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def relay(server: socket.socket, connect) -> None:
    def run():
        with contextlib.suppress(OSError):
            while True:
                line, _ = server.accept()
                try:
                    other = connect()
                except OSError:
                    line.close()
                    continue
                threading.Thread(target=pump, args=(line, other), daemon=True).start()
                threading.Thread(target=pump, args=(other, line), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()


def isolated(command: list[str], port: int, seconds: float, environment: dict[str, str]) -> subprocess.CompletedProcess:
    if not shutil.which("unshare"):
        raise CannotRun("unshare is missing (util-linux)")
    with tempfile.TemporaryDirectory(prefix="kikubari-netns.") as folder:
        door = f"{folder}/door"
        server = socket.socket(socket.AF_UNIX)
        server.bind(door)
        server.listen(64)
        relay(server, lambda: socket.create_connection(("127.0.0.1", port)))
        options = ["-n"] if os.geteuid() == 0 else ["-rn"]
        whole = ["unshare", *options, sys.executable, str(Path(__file__)), str(port), door, *command]
        try:
            return subprocess.run(whole, capture_output=True, text=True, timeout=seconds, env=environment, check=False)
        except subprocess.TimeoutExpired as error:
            told = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else (error.stdout or "")
            return subprocess.CompletedProcess(whole, 124, told, "time is up")
        finally:
            server.close()


def inside() -> int:
    port, door, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        # SIOCGIFFLAGS, SIOCSIFFLAGS: the loopback of the new namespace is down.
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, 0x8913, struct.pack("16sh", b"lo", 0)))[1]
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", flags | 1))

    def through_door() -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        line.connect(door)
        return line

    relay(socket.create_server(("127.0.0.1", port)), through_door)
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(inside())
