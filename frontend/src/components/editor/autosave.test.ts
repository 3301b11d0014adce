import { act, renderHook } from "@testing-library/react";
import { useState } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { useAutosave } from "./autosave";

/** An editor around the hook: `type` is what the person does, `answer` what the server does. */
function editor() {
  const sent: string[] = [];
  const answers: ((error?: unknown) => void)[] = [];
  const hook = renderHook(() => {
    const [value, setValue] = useState("a");
    const [saved, setSaved] = useState("a");
    const save = (next: string) =>
      new Promise<void>((resolve, reject) => {
        sent.push(next);
        answers.push((error) => {
          if (error) {
            reject(error);
          } else {
            setSaved(next);
            resolve();
          }
        });
      });
    return { ...useAutosave(value, saved, save, true), type: setValue };
  });
  const now = () => hook.result.current;
  return {
    now,
    sent,
    type: (text: string) => act(() => now().type(text)),
    pass: (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms)),
    answer: (error?: unknown) => act(async () => answers.shift()?.(error)),
  };
}

describe("saving by itself", () => {
  beforeEach(() => {
    vi.useFakeTimers({ shouldAdvanceTime: false });
    return () => vi.useRealTimers();
  });

  it("sends once, a little after the last key", async () => {
    const it = editor();
    it.type("ab");
    await it.pass(600);
    it.type("abc");
    expect(it.now().state.kind).toBe("dirty");
    await it.pass(1_300);
    expect(it.sent).toEqual(["abc"]);
    await it.answer();
    await it.pass(1);
    expect(it.now().state.kind).toBe("saved");
  });

  it("saves what was typed while it was saving, and only then says that all is saved", async () => {
    const it = editor();
    it.type("ab");
    let all: boolean | undefined;
    act(() => {
      void it
        .now()
        .flush()
        .then((done) => {
          all = done;
        });
    });
    await it.pass(1);
    it.type("abc");
    await it.answer();
    await it.pass(5);
    expect(it.sent).toEqual(["ab", "abc"]);
    expect(all).toBeUndefined();
    await it.answer();
    await it.pass(5);
    expect(all).toBe(true);
  });

  it("stops at another person's change and says that not all is saved", async () => {
    const it = editor();
    it.type("ab");
    await it.pass(1_300);
    await it.answer({ status: 412, code: "stale", title: "" });
    expect(it.now().state.kind).toBe("stale");
    it.type("abc");
    await it.pass(5_000);
    expect(it.sent).toEqual(["ab"]);
    expect(await it.now().flush()).toBe(false);
  });
});
