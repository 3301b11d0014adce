/** RFC 9457 problem details, as every refusal of the API is shaped. */
export interface Problem {
  status: number;
  code: string;
  title: string;
  detail?: string | null;
  errors?: { pointer: string; code: string; detail: string }[] | null;
  request_id?: string | null;
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "status" in value && "code" in value && "title" in value;
}

/** Turns whatever a failed call threw into a problem; an unreachable server becomes code `offline`. */
export function toProblem(error: unknown): Problem {
  if (isProblem(error)) {
    return error;
  }
  if (error instanceof TypeError || (error instanceof DOMException && error.name === "NetworkError")) {
    return { status: 0, code: "offline", title: "offline" };
  }
  return { status: 500, code: "unexpected", title: error instanceof Error ? error.message : String(error) };
}

/** JSON pointer ("/legal/sender_name") → form path ("legal.sender_name"). */
export function pointerToPath(pointer: string): string {
  return pointer
    .replace(/^#?\//, "")
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .join(".");
}

/**
 * Splits a validation problem into errors for fields the form shows and the rest, so that no word of the
 * server gets lost: what has no field stands above the form.
 */
export function fieldErrors(
  problem: Problem,
  known: readonly string[],
): { fields: Record<string, string>; rest: string[] } {
  const fields: Record<string, string> = {};
  const rest: string[] = [];
  for (const error of problem.errors ?? []) {
    const path = pointerToPath(error.pointer);
    const field = known.find((name) => path === name || path.startsWith(`${name}.`));
    if (field && !fields[field]) {
      fields[field] = error.detail;
    } else {
      rest.push(error.detail);
    }
  }
  return { fields, rest };
}
