import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { needed } from "./env";

export interface SlowRelay {
  port: number;
  /** When each mail was answered with 250, in milliseconds since the epoch. */
  taken(): Promise<number[]>;
  close(): Promise<void>;
}

const program = fileURLToPath(new URL("./slow-relay.mjs", import.meta.url));

/** Starts an SMTP server that takes every mail and lets each wait for its answer. */
export async function slowRelay(delay: number): Promise<SlowRelay> {
  // Of this machine, mailers speak only to the ports that the installation names (KIKUBARI_RELAY_INSIDE).
  const port = Number(needed("KIKUBARI_E2E_SINK_PORTS").split(" ")[0]);
  const child = fork(program, [String(port), String(delay)], { execArgv: [] });
  const ended = once(child, "exit");
  const said = () =>
    Promise.race([
      once(child, "message").then(([message]) => message as unknown),
      ended.then(([code]) => {
        throw new Error(`the relay on port ${port} ended with ${code}`);
      }),
    ]);
  await said();
  // One question at a time: answers carry no names.
  let last: Promise<unknown> = Promise.resolve();
  return {
    port,
    taken: () => {
      const asked = last.then(() => {
        const answer = said();
        child.send("taken");
        return answer;
      });
      last = asked;
      return asked as Promise<number[]>;
    },
    close: async () => {
      if (child.connected) {
        child.disconnect();
      }
      await ended;
    },
  };
}
