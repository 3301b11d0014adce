import { describe, expect, it } from "vitest";
import type { Plan } from "@/api/types";
import { conflictingColumns, mappingProblems, readsDifferently, targetOf, withTarget } from "./mapping";

const plan: Plan = {
  encoding: "shift_jis",
  delimiter: ",",
  has_header: true,
  mapping: [
    { column: 0, target: "email" },
    { column: 1, target: "name" },
  ],
  mode: "add",
  list_ids: [],
};

describe("import mapping", () => {
  it("leaves out what the plan doesn't name", () => {
    expect(targetOf(plan, 0)).toBe("email");
    expect(targetOf(plan, 7)).toBe("ignore");
  });

  it("changes one column and leaves the plan it was given alone", () => {
    const next = withTarget(plan, 1, "field:company");
    expect(targetOf(next, 1)).toBe("field:company");
    expect(targetOf(plan, 1)).toBe("name");
  });

  it("asks for a column with the address", () => {
    expect(mappingProblems(plan)).toEqual([]);
    expect(mappingProblems(withTarget(plan, 0, "ignore"))).toEqual(["no_email"]);
  });

  it("finds two columns with one target, but not two that are ignored", () => {
    const twice = withTarget(plan, 2, "name");
    expect(mappingProblems(twice)).toEqual(["duplicate_target"]);
    expect([...conflictingColumns(twice)]).toEqual([1, 2]);
    const ignored = withTarget(withTarget(plan, 2, "ignore"), 3, "ignore");
    expect(mappingProblems(ignored)).toEqual([]);
  });

  it("reads the file anew only when its reading changes", () => {
    expect(readsDifferently(plan, { ...plan, mode: "skip" })).toBe(false);
    expect(readsDifferently(plan, { ...plan, encoding: "utf-8" })).toBe(true);
  });
});
