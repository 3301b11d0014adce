import { describe, expect, it } from "vitest";
import type { Sequence } from "@/api/types";
import { moved, newStep, ruleOf, valuesOf } from "./values";

const sequence: Sequence = {
  id: "0197d2a4-0000-7000-8000-000000000001",
  name: "新規会員へのご案内",
  time_zone: "Asia/Tokyo",
  entry: { kind: "date", field: "trial_ends_on", offset_days: -7, repeat: "once" },
  leave_with_list: false,
  reenter: false,
  cap_exempt: true,
  steps: [
    {
      id: "s1",
      mail_id: "m1",
      delay: 3,
      unit: "days",
      at: "09:00",
      condition: { reaction: "not_opened", list_ids: ["l1"], exclude_list_ids: [] },
    },
  ],
  state: "active",
  active: 2,
  version: 4,
  created_at: "2026-11-27T00:00:00Z",
};

describe("the values of the editor", () => {
  it("send back what was read", () => {
    const rule = ruleOf(valuesOf(sequence), sequence.time_zone);
    expect(rule.entry).toEqual(sequence.entry);
    expect(rule.steps).toEqual(sequence.steps);
  });

  it("leave a time of day out where no days are counted, and an id out of a new step", () => {
    const values = { ...valuesOf(null), steps: [{ ...newStep(), mail_id: "m1", unit: "hours" as const }] };
    const [step] = ruleOf(values, "Asia/Tokyo").steps;
    expect(step).toEqual({
      mail_id: "m1",
      delay: 1,
      unit: "hours",
      condition: { list_ids: [], exclude_list_ids: [] },
    });
  });

  it("move a step to another place", () => {
    expect(moved(["a", "b", "c"], 2, 0)).toEqual(["c", "a", "b"]);
    expect(moved(["a", "b", "c"], 0, 1)).toEqual(["b", "a", "c"]);
  });
});
