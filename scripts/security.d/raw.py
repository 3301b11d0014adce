"""Requests as bytes: what a decent client could never send."""

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

import httpx
from world import Target


# For a request that asks for the end of the line: the other side closes it when it has answered, however busy it is.
TO_THE_END = 30


def exchange(target: Target, data: bytes, wait: float = 3, pieces: int = 1) -> bytes:
    """Sends bytes as they are; what comes back until the other side is silent or closes."""
    url = httpx.URL(target.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    with socket.create_connection((url.host, port), timeout=60) as plain:
        line = plain
        if url.scheme == "https":
            context = target.verify if isinstance(target.verify, ssl.SSLContext) else ssl.create_default_context()
            line = context.wrap_socket(plain, server_hostname=url.host)
        line.settimeout(wait)
        received = b""
        try:
            size = max(1, len(data) // pieces)
            for start in range(0, len(data), size):
                line.sendall(data[start : start + size])
        except OSError:
            pass  # It closed before all was said; what it said is read below.
        try:
            while chunk := line.recv(65536):
                received += chunk
                if len(received) > 4_000_000:
                    break
        except OSError:
            pass
        return received


def exchange_all(target: Target, cases: dict[str, bytes], wait: float) -> list[tuple[str, bytes]]:
    """Each on a line of its own, some at a time, since most of it is waiting: (name, what came back)."""
    with ThreadPoolExecutor(8) as pool:
        return list(zip(cases, pool.map(lambda data: exchange(target, data, wait=wait), cases.values()), strict=True))


def status_of(answer: bytes) -> int:
    """The status of the first answer, 0 when there is none."""
    parts = answer.split(b" ", 2)
    return int(parts[1]) if answer.startswith(b"HTTP/") and len(parts) > 1 and parts[1][:3].isdigit() else 0


def answers_in(answer: bytes) -> int:
    """How many answers stand in the bytes."""
    return answer.count(b"HTTP/1.1 ") + answer.count(b"HTTP/1.0 ")
