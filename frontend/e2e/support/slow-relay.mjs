/**
 * An SMTP server (RFC 5321) that takes every mail and lets each wait for its answer: `slow-relay.mjs PORT DELAY`. A
 * process of its own, so that its clock is not held up by the test that asks it. Started by slow-relay.ts.
 */
import { createServer } from "node:net";

const [port, delay] = process.argv.slice(2).map(Number);
/** When each mail was answered with 250, in milliseconds since the epoch. */
const taken = [];

const answers = {
  EHLO: "250 slow.example.jp",
  HELO: "250 slow.example.jp",
  MAIL: "250 2.1.0 ok",
  RCPT: "250 2.1.5 ok",
  DATA: "354 go on",
  RSET: "250 2.0.0 ok",
  NOOP: "250 2.0.0 ok",
};

function talk(socket) {
  let pending = "";
  let inMail = false;
  const say = (line) => {
    if (socket.writable) {
      socket.write(`${line}\r\n`);
    }
  };
  const hear = (line) => {
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
  socket.on("data", (chunk) => {
    const lines = (pending + chunk).split("\r\n");
    pending = lines.pop() ?? "";
    for (const line of lines) {
      hear(line);
    }
  });
  say("220 slow.example.jp ESMTP");
}

// Every question is answered with all that was taken until it came.
process.on("message", () => process.send(taken));
// With the test that started it.
process.on("disconnect", () => process.exit());
createServer(talk).listen(port, "127.0.0.1", () => process.send("ready"));
