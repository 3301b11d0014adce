import { translate, translateCodeOr } from "@/i18n";
import { fieldErrors, type Problem, toProblem } from "./problem";

/** One sentence for a person: the known code in their language, otherwise the server's own words. */
export function problemText(error: unknown): string {
  const problem = toProblem(error);
  const known = translateCodeOr("problem", problem.code, problem.detail || problem.title);
  const first = problem.errors?.[0];
  return first && problem.code === "invalid" ? invalidText(first) : known;
}

/** The words of a field's error, with what the server's text alone can tell: the line, the name of what is missing. */
function invalidText({ code, detail }: { code: string; detail: string }): string {
  const [, line, rest = detail] = /^line (\d+): (.*)$/s.exec(detail) ?? [];
  const what = /"([^"]*)"/.exec(rest)?.[1] ?? /: (.*)$/s.exec(rest)?.[1] ?? "";
  const words = translateCodeOr("invalid", code, rest, { what });
  return line ? translateCodeOr("invalid", "at_line", detail, { line, words }) : words;
}

/** Validation errors by form field, and one text for what belongs to no field. */
export function problemForForm(
  error: unknown,
  known: readonly string[],
): { fields: Record<string, string>; form: string | null } {
  const problem = toProblem(error);
  const worded: Problem = {
    ...problem,
    errors: (problem.errors ?? []).map((item) => ({ ...item, detail: invalidText(item) })),
  };
  const { fields, rest } = fieldErrors(worded, known);
  if (rest.length > 0) {
    return { fields, form: rest.join(" ") };
  }
  const placed = Object.keys(fields).length > 0;
  return {
    fields,
    form: placed ? null : translateCodeOr("problem", problem.code, problem.detail || translate("problem.unexpected")),
  };
}
