import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { needed } from "./env";

const arguments_ = () => ["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", needed("KIKUBARI_MIGRATION_DATABASE_URL")];

/** As the owner of the database, to make time pass or to look behind; answers the rows. */
export function sql(statement: string): string {
  return execFileSync(needed("KIKUBARI_E2E_PSQL"), [...arguments_(), "-c", statement], { encoding: "utf8" }).trim();
}

interface Psql {
  say(statement: string): void;
  /** The next line that it prints. */
  heard(): Promise<string>;
  /** With its connection, and so with its transaction. */
  end(): Promise<void>;
}

/** A session of its own, which goes on beside the test. */
function psql(): Psql {
  const child = spawn(needed("KIKUBARI_E2E_PSQL"), arguments_(), { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    say: (statement) => child.stdin.write(`${statement};\n`),
    heard: async () => {
      const { value, done } = await lines.next();
      if (done) {
        throw new Error("psql has ended: its words stand above");
      }
      return value;
    },
    end: async () => {
      child.kill();
      await ended;
    },
  };
}

/** Nobody writes to the table while `action` goes on; everybody may read it. */
export async function withoutWritesTo(table: string, action: () => Promise<void>): Promise<void> {
  const session = psql();
  try {
    session.say(`BEGIN; LOCK TABLE ${table} IN SHARE MODE; SELECT 'held'`);
    await session.heard();
    await action();
  } finally {
    await session.end();
  }
}

/**
 * When `action` has a campaign committed in a state, in milliseconds since the epoch: by the database server, whose
 * clock is this machine's and which no browser keeps waiting.
 */
export async function committed(campaign: string, state: string, action: () => Promise<void>): Promise<number> {
  const session = psql();
  try {
    session.say("SELECT 'ready'");
    await session.heard();
    // Each look of the block sees what is committed by then.
    session.say(`DO $$ BEGIN
      FOR n IN 1..6000 LOOP
        IF EXISTS (SELECT FROM campaign WHERE id = '${campaign}' AND state = '${state}') THEN RETURN; END IF;
        PERFORM pg_sleep(0.01);
      END LOOP;
      RAISE 'the campaign was not ${state} within a minute'; END $$`);
    session.say("SELECT round(extract(epoch FROM clock_timestamp()) * 1000)");
    const [seen] = await Promise.all([session.heard(), action()]);
    return Number(seen);
  } finally {
    await session.end();
  }
}
