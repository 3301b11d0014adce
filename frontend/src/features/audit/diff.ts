export interface Difference {
  /** `legal.sender_name`, `steps.0.delay` */
  path: string;
  before?: string;
  after?: string;
}

/** Values by their path; an empty list or object is a value. */
function flatten(value: unknown, path: string, into: Map<string, string>): void {
  if (value !== null && typeof value === "object") {
    const children = Object.entries(value);
    for (const [name, child] of children) {
      flatten(child, path ? `${path}.${name}` : name, into);
    }
    if (children.length > 0) {
      return;
    }
  }
  if (value !== undefined) {
    into.set(path, typeof value === "string" ? value : JSON.stringify(value));
  }
}

function flat(value: unknown): Map<string, string> {
  const into = new Map<string, string>();
  if (value !== null && value !== undefined) {
    flatten(value, "", into);
  }
  return into;
}

/** Bookkeeping that changes with every change. */
const noise = /(^|\.)(version|updated_at)$/;

/** What is different; of something new or deleted all of it. */
export function differences(before: unknown, after: unknown): Difference[] {
  const was = flat(before);
  const is = flat(after);
  const paths = [...new Set([...was.keys(), ...is.keys()])];
  return paths
    .filter((path) => was.get(path) !== is.get(path) && !(was.size > 0 && is.size > 0 && noise.test(path)))
    .map((path) => ({ path, before: was.get(path), after: is.get(path) }));
}
