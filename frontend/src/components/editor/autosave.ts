import { useCallback, useEffect, useRef, useState } from "react";
import { type Problem, toProblem } from "@/api/problem";

export type SaveState =
  | { kind: "saved" }
  | { kind: "dirty" }
  | { kind: "saving" }
  | { kind: "stale" }
  | { kind: "failed"; problem: Problem };

const afterMs = 1_200;

/**
 * Saves a little after the last change, one request at a time. `save` gets the newest value; what was typed
 * while it ran is saved next. A 412 stops it: the person decides whose text stays.
 */
export function useAutosave<T>(value: T, saved: T, save: (value: T) => Promise<void>, enabled: boolean) {
  const [state, setState] = useState<SaveState>({ kind: "saved" });
  const latest = useRef({ value, saved, save, enabled });
  latest.current = { value, saved, save, enabled };
  const running = useRef(false);
  const halted = useRef(false);

  const flush = useCallback(async () => {
    const { current } = latest;
    if (running.current || halted.current || !current.enabled || current.value === current.saved) {
      return;
    }
    running.current = true;
    setState({ kind: "saving" });
    const sent = current.value;
    try {
      await current.save(sent);
      setState(latest.current.value === sent ? { kind: "saved" } : { kind: "dirty" });
    } catch (cause) {
      const problem = toProblem(cause);
      // Another person's change, or content the server refuses: no use in asking again until something changes.
      halted.current = problem.status === 412;
      setState(problem.status === 412 ? { kind: "stale" } : { kind: "failed", problem });
    } finally {
      running.current = false;
    }
  }, []);

  useEffect(() => {
    if (!enabled || value === saved || halted.current) {
      return;
    }
    setState((before) => (before.kind === "saving" ? before : { kind: "dirty" }));
    const timer = setTimeout(() => void flush(), afterMs);
    return () => clearTimeout(timer);
  }, [value, saved, enabled, flush]);

  /** Goes on after a 412, once the caller has taken over the other version. */
  const resume = useCallback(() => {
    halted.current = false;
    setState({ kind: "saved" });
  }, []);

  return { state, flush, resume };
}
