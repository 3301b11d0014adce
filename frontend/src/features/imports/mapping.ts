import type { Plan } from "@/api/types";

export type Target = string; // "email" | "name" | "field:<key>" | "ignore"
export type MappingProblem = "no_email" | "duplicate_target";

/** The target of a column; what the plan doesn't name is left out of the import. */
export function targetOf(plan: Plan, column: number): Target {
  return plan.mapping.find((item) => item.column === column)?.target ?? "ignore";
}

export function withTarget(plan: Plan, column: number, target: Target): Plan {
  const rest = plan.mapping.filter((item) => item.column !== column);
  return { ...plan, mapping: [...rest, { column, target }].sort((a, b) => a.column - b.column) };
}

/** Why a plan can't be run, before the server is asked. */
export function mappingProblems(plan: Plan): MappingProblem[] {
  const targets = plan.mapping.map((item) => item.target).filter((target) => target !== "ignore");
  const problems: MappingProblem[] = [];
  if (!targets.includes("email")) {
    problems.push("no_email");
  }
  if (new Set(targets).size < targets.length) {
    problems.push("duplicate_target");
  }
  return problems;
}

/** Columns that share a target with another one. */
export function conflictingColumns(plan: Plan): Set<number> {
  const conflicting = new Set<number>();
  for (const item of plan.mapping) {
    const same = plan.mapping.filter((other) => other.target === item.target && item.target !== "ignore");
    if (same.length > 1) {
      conflicting.add(item.column);
    }
  }
  return conflicting;
}

/** Whether the file has to be read anew: then the preview changes, and the server is asked at once. */
export function readsDifferently(before: Plan, after: Plan): boolean {
  return (
    before.encoding !== after.encoding || before.delimiter !== after.delimiter || before.has_header !== after.has_header
  );
}
