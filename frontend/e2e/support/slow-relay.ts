import { createServer, type Server, type Socket } from "node:net";
import { needed } from "./env";

/** An SMTP server (RFC 5321) that takes every mail and lets each wait for its answer. */
export interface SlowRelay {
  port: number;
  /** When each mail was answered with 250, in milliseconds since the epoch. */
  taken: number[];
  close(): void;
}

const answers: Record<string, string> = {
  EHLO: "250 slow.example.jp",
  HELO: "250 slow.example.jp",
  MAIL: "250 2.1.0 ok",
  RCPT: "250 2.1.5 ok",
  DATA: "354 go on",
  RSET: "250 2.0.0 ok",
  NOOP: "250 2.0.0 ok",
};

function talk(socket: Socket, delay: number, taken: number[]): void {
  let pending = "";
  let inMail = false;
  const say = (line: string) => {
    if (socket.writable) {
      socket.write(`${line}\r\n`);
    }
  };
  const hear = (line: string) => {
    if (inMail) {
      if (line === ".") {
        inMail = false;
        setTimeout(() => {
          taken.push(Date.now());
          say("250 2.0.0 taken");
        }, delay);
      }
      return;
    }
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "QUIT") {
      say("221 2.0.0 bye");
      socket.end();
      return;
    }
    inMail = verb === "DATA";
    say(answers[verb] ?? "500 5.5.2 not understood");
  };
  socket.setEncoding("latin1");
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: string) => {
    const lines = (pending + chunk).split("\r\n");
    pending = lines.pop() ?? "";
    for (const line of lines) {
      hear(line);
    }
  });
  say("220 slow.example.jp ESMTP");
}

export async function slowRelay(delay: number): Promise<SlowRelay> {
  const taken: number[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    talk(socket, delay, taken);
  });
  // Of this machine, mailers speak only to the ports that the installation names (KIKUBARI_RELAY_INSIDE).
  const port = Number(needed("KIKUBARI_E2E_SINK_PORTS").split(" ")[0]);
  await new Promise<void>((done, fail) => server.once("error", fail).listen(port, "127.0.0.1", done));
  return {
    port,
    taken,
    close: () => {
      server.close();
      for (const socket of sockets) {
        socket.destroy();
      }
    },
  };
}
