import { useEffect, useSyncExternalStore } from "react";
import { backgroundHeader, session } from "@/auth/session";

export interface ServerEvent {
  event: string;
  data: unknown;
}
type Listener = (event: ServerEvent) => void;

/** Splits a text/event-stream into events; keeps what is not yet complete for the next piece. */
export function createEventParser(emit: (event: ServerEvent) => void): (piece: string) => void {
  let rest = "";
  return (piece) => {
    rest = (rest + piece).replaceAll("\r\n", "\n");
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      let event = "message";
      const data: string[] = [];
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) {
          event = line.slice(6).trim();
        } else if (line.startsWith("data:")) {
          data.push(line.slice(5).replace(/^ /, ""));
        }
      }
      if (data.length > 0) {
        emit({ event, data: JSON.parse(data.join("\n")) });
      }
    }
  };
}

const listeners = new Set<Listener>();
const watchers = new Set<() => void>();
let stop: AbortController | null = null;
let live = false;

function setLive(value: boolean): void {
  if (live !== value) {
    live = value;
    for (const watcher of watchers) {
      watcher();
    }
  }
}

/** Reads the stream until it is cut, then again after a growing pause. EventSource can't send the bearer header. */
async function run(signal: AbortSignal): Promise<void> {
  let pause = 1_000;
  while (!signal.aborted) {
    try {
      const response = await session.fetch(
        new Request(`${window.location.origin}/v1/events`, {
          signal,
          headers: { Accept: "text/event-stream", [backgroundHeader]: "1" },
        }),
      );
      if (response.ok && response.body) {
        setLive(true);
        pause = 1_000;
        await read(response.body);
      }
    } catch {
      // Cut or unreachable: the pause below, then once more.
    }
    if (!signal.aborted) {
      setLive(false);
      await new Promise((done) => setTimeout(done, pause));
      pause = Math.min(pause * 2, 30_000);
    }
  }
}

async function read(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parse = createEventParser((event) => {
    for (const listener of listeners) {
      listener(event);
    }
  });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    parse(decoder.decode(value, { stream: true }));
  }
}

function listen(listener: Listener): () => void {
  listeners.add(listener);
  if (!stop) {
    stop = new AbortController();
    void run(stop.signal);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      stop?.abort();
      stop = null;
      setLive(false);
    }
  };
}

/** Calls back for each server-sent event while the component is mounted; all components share one stream. */
export function useServerEvents(listener: Listener): void {
  useEffect(() => listen(listener), [listener]);
}

/** Whether the stream is up; where it isn't, screens poll. */
export function useLive(): boolean {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => live,
  );
}
