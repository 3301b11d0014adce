import { useSyncExternalStore } from "react";
import type { Me } from "@/api/types";
import { session } from "./session";

/** A request that waits for the person to prove once more who they are. */
let waiting: { done: Promise<boolean>; settle: (proved: boolean) => void } | null = null;
const listeners = new Set<() => void>();

function tell(): void {
  for (const listener of listeners) {
    listener();
  }
}

/** Opens the dialog; all requests that meet the refusal meanwhile share it. */
function askStepUp(): Promise<boolean> {
  if (!waiting) {
    let settle: (proved: boolean) => void = () => undefined;
    const done = new Promise<boolean>((resolve) => {
      settle = resolve;
    });
    waiting = { done, settle };
    tell();
  }
  return waiting.done;
}

/** The dialog's answer. */
export function settleStepUp(proved: boolean): void {
  waiting?.settle(proved);
  waiting = null;
  tell();
}

export function useStepUpWanted(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => waiting !== null,
  );
}

async function code(response: Response): Promise<string | undefined> {
  const problem: { code?: string } = await response
    .clone()
    .json()
    .catch(() => ({}));
  return problem.code;
}

/** Reads anew who is logged in: whether a second factor is wanted, or set up by now. */
export async function rereadMe(): Promise<void> {
  const response = await session.fetch(new Request(`${window.location.origin}/v1/me`));
  if (response.ok) {
    session.setMe((await response.json()) as Me);
  }
}

/**
 * fetch of the session that answers two refusals by itself: `step_up_required` opens the dialog, and the request is
 * sent again after it; `second_factor_required` leads to the set-up.
 */
export async function fetchAsPerson(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await session.fetch(request);
  if (response.status !== 403) {
    return response;
  }
  const refusal = await code(response);
  if (refusal === "second_factor_required") {
    await rereadMe();
  }
  if (refusal !== "step_up_required" || !(await askStepUp())) {
    return response;
  }
  // The refusal is kept under the old key, and would come again.
  if (again.headers.has("Idempotency-Key")) {
    again.headers.set("Idempotency-Key", crypto.randomUUID());
  }
  return session.fetch(again);
}
