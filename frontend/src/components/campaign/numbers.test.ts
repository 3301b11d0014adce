import { describe, expect, it } from "vitest";
import { rateOf, settled, speed } from "./numbers";

const counts = {
  audience: 100,
  queued: 10,
  claimed: 5,
  accepted: 70,
  deferred: 5,
  failed: 6,
  unknown: 1,
  skipped: 3,
  opened: 35,
  clicked: 7,
  cancelled: 1,
  bounced_hard: 0,
  bounced_soft: 0,
  complained: 0,
};

describe("campaign numbers", () => {
  it("counts as done only what won't change by itself", () => {
    expect(settled(counts)).toBe(80);
  });

  it("has no rate where nothing was accepted", () => {
    expect(rateOf(counts.opened, counts)).toBe(0.5);
    expect(rateOf(0, { accepted: 0 })).toBeNull();
  });

  it("needs a second of samples before it names a speed", () => {
    expect(speed([{ at: 0, done: 0 }])).toBeNull();
    expect(
      speed([
        { at: 0, done: 0 },
        { at: 500, done: 9 },
      ]),
    ).toBeNull();
    expect(
      speed([
        { at: 0, done: 100 },
        { at: 2_000, done: 300 },
      ]),
    ).toBe(100);
  });
});
