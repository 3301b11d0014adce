import { describe, expect, it } from "vitest";
import { csv } from "./csv";
import { groupBy } from "./group";
import { insertAt } from "./insert";
import { compact, flag, oneOf, text, words } from "./search-params";
import { utcToWall, wallToUtc } from "./zone";

describe("time zones", () => {
  it("reads wall-clock time in the tenant's zone", () => {
    expect(wallToUtc("2026-12-01T09:00", "Asia/Tokyo")).toBe("2026-12-01T00:00:00.000Z");
    expect(wallToUtc("2026-12-01 09:00:00", "Asia/Tokyo")).toBe("2026-12-01T00:00:00.000Z");
  });

  it("minds the change of clocks", () => {
    expect(wallToUtc("2026-03-29T01:30", "Europe/Berlin")).toBe("2026-03-29T00:30:00.000Z");
    expect(wallToUtc("2026-03-29T03:30", "Europe/Berlin")).toBe("2026-03-29T01:30:00.000Z");
    expect(wallToUtc("2026-07-01T12:00", "America/New_York")).toBe("2026-07-01T16:00:00.000Z");
  });

  it("shows an instant as wall-clock time", () => {
    expect(utcToWall("2026-11-30T15:00:00Z", "Asia/Tokyo")).toBe("2026-12-01T00:00");
  });
});

describe("inserting a token", () => {
  it("replaces the selection and puts the cursor behind the token", () => {
    expect(insertAt("Hello you!", 6, 9, "{{ name }}")).toEqual({ text: "Hello {{ name }}!", cursor: 16 });
  });

  it("appends where the position is beyond the text", () => {
    expect(insertAt("ab", 9, 0, "c")).toEqual({ text: "abc", cursor: 3 });
  });
});

describe("search parameters", () => {
  it("reads what it knows and ignores the rest", () => {
    const raw = { q: 123, sort: "-name", bad: "x", create: true, cols: "a,,b" };
    expect(text(raw, "q")).toBe("123");
    expect(oneOf(raw, "sort", ["name", "-name"])).toBe("-name");
    expect(oneOf(raw, "bad", ["name"])).toBeUndefined();
    expect(flag(raw, "create")).toBe(true);
    expect(words(raw, "cols")).toEqual(["a", "b"]);
    expect(compact({ a: undefined, b: 1 })).toEqual({ b: 1 });
  });
});

it("groups in the order of first appearance", () => {
  expect([...groupBy([3, 1, 5, 2], (n) => n % 2)]).toEqual([
    [1, [3, 1, 5]],
    [0, [2]],
  ]);
});

it("writes a file that a spreadsheet opens as it is", () => {
  expect(
    csv([
      ["氏名", 'a "b", c'],
      ["", "x\ny"],
    ]),
  ).toBe('\uFEFF氏名,"a ""b"", c"\r\n,"x\ny"\r\n');
});
