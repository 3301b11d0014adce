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
  const running = useRef<Promise<void> | null>(null);
  const halted = useRef(false);

  const saveOnce = useCallback(async () => {
    setState({ kind: "saving" });
    const { value: sent, save: send } = latest.current;
    try {
      await send(sent);
      setState(latest.current.value === sent ? { kind: "saved" } : { kind: "dirty" });
      return true;
    } catch (cause) {
      const problem = toProblem(cause);
      // Another person's change, or content the server refuses: no use in asking again until something changes.
      halted.current = problem.status === 412;
      setState(problem.status === 412 ? { kind: "stale" } : { kind: "failed", problem });
      return false;
    }
  }, []);

  /** Saves what is not yet saved, also what is typed meanwhile; answers whether all of it is. */
  const flush = useCallback(async (): Promise<boolean> => {
    for (;;) {
      await running.current;
      const { current } = latest;
      if (!current.enabled || current.value === current.saved) {
        return true;
      }
      if (halted.current) {
        return false;
      }
      const attempt = saveOnce();
      running.current = attempt.then(() => {
        running.current = null;
      });
      if (!(await attempt)) {
        return false;
      }
      // React hands over the saved value with its next rendering.
      await new Promise((done) => setTimeout(done, 0));
    }
  }, [saveOnce]);

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
