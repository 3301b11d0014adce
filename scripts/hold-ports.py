"""Holds N free ports of the loopback for as long as a process lives, and prints them: hold-ports.py N PID (see free_ports in lib.sh)."""

import os
import select
import socket
import sys


def held() -> socket.socket:
    """Bound and never listened at: whoever asks for it by number can have it, and nobody gets it by chance."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


def stay(holders: list[socket.socket], process: int) -> None:
    """In the background, with nothing open but the ports: no pipe that a reader waits for, no lock."""
    os.setsid()
    mine = {holder.fileno() for holder in holders} | {process}
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in mine:
            try:
                os.close(int(name))
            except OSError:
                pass  # That of the list itself.
    select.select([process], [], [])


def main() -> None:
    holders = [held() for _ in range(int(sys.argv[1]))]
    # Readable when the process has ended.
    process = os.pidfd_open(int(sys.argv[2]))
    print("\n".join(str(holder.getsockname()[1]) for holder in holders), flush=True)
    if os.fork() == 0:
        try:
            stay(holders, process)
        finally:
            os._exit(0)


if __name__ == "__main__":
    main()
