import { beforeEach, describe, expect, it, vi } from "vitest";
import { IdleTimer } from "./idle";

const minute = 60_000;

describe("the idle timer", () => {
  let clock = 0;
  const onWarning = vi.fn<(seconds: number | null) => void>();
  const onExpire = vi.fn<() => void>();
  const keepAlive = vi.fn<() => void>();
  const posted = vi.fn<(at: number) => void>();
  let hear: (at: number) => void = () => undefined;

  const create = () =>
    new IdleTimer({
      idleMs: 30 * minute,
      now: () => clock,
      onWarning,
      onExpire,
      keepAlive,
      channel: {
        postMessage: posted,
        addEventListener: (_type, listener) => {
          hear = (data) => listener({ data } as MessageEvent<number>);
        },
        close: () => undefined,
      },
    });

  beforeEach(() => {
    clock = 0;
    vi.resetAllMocks();
  });

  it("announces the log-out a minute before and then carries it out once", () => {
    const timer = create();
    clock = 28 * minute;
    timer.tick();
    expect(onWarning).not.toHaveBeenCalled();
    clock = 29 * minute;
    timer.tick();
    expect(onWarning).toHaveBeenLastCalledWith(60);
    clock = 30 * minute - 5_000;
    timer.tick();
    expect(onWarning).toHaveBeenLastCalledWith(5);
    expect(onExpire).not.toHaveBeenCalled();
    clock = 30 * minute;
    timer.tick();
    timer.tick();
    expect(onExpire).toHaveBeenCalledTimes(1);
  });

  it("begins anew with each activity", () => {
    const timer = create();
    clock = 20 * minute;
    timer.activity();
    clock = 45 * minute;
    timer.tick();
    expect(onWarning).not.toHaveBeenCalled();
  });

  it("does not take a moved mouse for an answer to the warning", () => {
    const timer = create();
    clock = 29.5 * minute;
    timer.tick();
    timer.activity();
    clock = 30 * minute;
    timer.tick();
    expect(onExpire).toHaveBeenCalled();
  });

  it("goes on when the person answers the warning, and tells the server at once", () => {
    const timer = create();
    clock = 29.5 * minute;
    timer.tick();
    timer.stay();
    expect(onWarning).toHaveBeenLastCalledWith(null);
    expect(keepAlive).toHaveBeenCalledTimes(1);
    clock = 31 * minute;
    timer.tick();
    expect(onExpire).not.toHaveBeenCalled();
  });

  it("takes the activity of another tab for its own", () => {
    const timer = create();
    clock = 29.5 * minute;
    timer.tick();
    hear(29.4 * minute);
    expect(onWarning).toHaveBeenLastCalledWith(null);
    clock = 40 * minute;
    timer.tick();
    expect(onExpire).not.toHaveBeenCalled();
  });

  it("tells the server about activity at most once a minute", () => {
    const timer = create();
    for (clock = 0; clock <= 3 * minute; clock += 1_000) {
      timer.activity();
    }
    expect(keepAlive).toHaveBeenCalledTimes(3);
  });
});
