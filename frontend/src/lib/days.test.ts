import { describe, expect, it } from "vitest";
import { addDays, addMonths, beginOf, dayOf, monthOf, weekday, weekOf } from "./days";

describe("days of a calendar", () => {
  it("counts over months, years and 29 February", () => {
    expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
    expect(addDays("2028-03-01", -1)).toBe("2028-02-29");
    expect(addMonths("2026-01-31", 1)).toBe("2026-02-01");
    expect(addMonths("2026-01-15", -1)).toBe("2025-12-01");
  });

  it("shows a month in whole weeks, from Sunday or from Monday", () => {
    const sunday = monthOf("2026-11-24", 0);
    expect([sunday[0], sunday.at(-1), sunday.length]).toEqual(["2026-11-01", "2026-12-05", 35]);
    const monday = monthOf("2026-11-24", 1);
    expect([monday[0], monday.at(-1), monday.length]).toEqual(["2026-10-26", "2026-12-06", 42]);
    expect(weekOf("2026-11-24", 0)[0]).toBe("2026-11-22");
    expect(weekday("2026-11-24")).toBe(2);
  });

  it("puts an instant on the day of the zone, also where clocks change", () => {
    expect(dayOf("2026-11-24T15:00:00Z", "Asia/Tokyo")).toBe("2026-11-25");
    expect(beginOf("2026-11-25", "Asia/Tokyo")).toBe("2026-11-24T15:00:00.000Z");
    expect(beginOf("2026-11-01", "America/New_York")).toBe("2026-11-01T04:00:00.000Z");
    expect(beginOf("2026-11-02", "America/New_York")).toBe("2026-11-02T05:00:00.000Z");
  });
});
