"""An SMTP server that keeps what it gets byte for byte, and answers with whatever words it was told."""

import contextlib
import os
import re
import socketserver
import threading
from dataclasses import dataclass, field


@dataclass
class Mail:
    sender: str
    recipients: list[str]
    data: bytes

    @property
    def head(self) -> bytes:
        return self.data.split(b"\r\n\r\n", 1)[0]

    def headers(self) -> list[tuple[str, str]]:
        """Name and raw value of each header; folded lines belong to the one before."""
        found: list[list[str]] = []
        for line in self.head.split(b"\r\n"):
            text = line.decode("utf-8", "replace")
            if text[:1] in (" ", "\t") and found:
                found[-1][1] += "\r\n" + text
            else:
                name, _, value = text.partition(":")
                found.append([name, value])
        return [(name, value) for name, value in found]


@dataclass
class Sink:
    port: int
    # Part of a recipient's address → the line that answers RCPT or the mail.
    answers: dict[str, str] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    # Commands that came, for what hides in a mail.
    commands: list[str] = field(default_factory=list)

    def to(self, address: str) -> list[Mail]:
        return [m for m in self.mails if any(address.lower() in r.lower() for r in m.recipients)]


class Talk(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            self.talk(self.server.sink)  # type: ignore[attr-defined]

    def say(self, line: str):
        self.wfile.write(line.encode("utf-8", "surrogateescape") + b"\r\n")

    def talk(self, sink: Sink):
        self.say("220 sink.example.jp ESMTP")
        sender, recipients = "", []
        while line := self.rfile.readline(100_000):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = text[:4].upper()
            sink.commands.append(text)
            if verb in ("EHLO", "HELO"):
                self.say("250-sink.example.jp\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES" if verb == "EHLO" else "250 sink")
            elif verb == "MAIL":
                sender, recipients = text[10:], []
                self.say("250 2.1.0 ok")
            elif verb == "RCPT":
                recipients.append(re.sub(r"^RCPT TO:", "", text, flags=re.I))
                answer = next((a for part, a in sink.answers.items() if part in text and a[0] in "45"), None)
                self.say(answer or "250 2.1.5 ok")
            elif verb == "DATA":
                self.say("354 go on")
                data = self.body()
                sink.mails.append(Mail(sender, list(recipients), data))
                answer = next((a for part, a in sink.answers.items() if any(part in r for r in recipients) and a[0] == "2"), None)
                self.say(answer or "250 2.0.0 taken")
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("250 2.0.0 ok" if verb in ("RSET", "NOOP") else "500 5.5.2 what?")

    def body(self) -> bytes:
        """Up to CRLF.CRLF, as it came: a bare line feed stays one, dots stay doubled."""
        data = b""
        while not data.endswith(b"\r\n.\r\n") and data != b".\r\n":
            line = self.rfile.readline(2_000_000)
            if not line:
                break
            data += line
        return data.removesuffix(b".\r\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    sink: Sink


def server_on(ports: list[int]) -> Server:
    for port in ports:
        try:
            return Server(("127.0.0.1", port), Talk)
        except OSError:
            continue  # Another item's.
    raise OSError(f"none of the ports for sinks is free: {ports}")


@contextlib.contextmanager
def open_sink(*, named: bool = True):
    """On one of the ports that KIKUBARI_RELAY_INSIDE names; without `named` on another one, where no mail may arrive."""
    ports = os.environ["KIKUBARI_E2E_SINK_PORTS"].split() if named else ["0"]
    server = server_on([int(port) for port in ports])
    server.sink = Sink(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.sink
    finally:
        server.shutdown()
        server.server_close()
