export interface Difference {
  /** `legal.sender_name`, `steps.0.delay` */
  path: string;
  before?: unknown;
  after?: unknown;
}

const isScalar = (value: unknown) => value === null || typeof value !== "object";

/** Values by their path; an empty list or object is a value, and so is a list of words or numbers. */
function flatten(value: unknown, path: string, into: Map<string, unknown>): void {
  const isList = Array.isArray(value) && value.every(isScalar);
  if (!isScalar(value) && !isList) {
    const children = Object.entries(value as object);
    for (const [name, child] of children) {
      flatten(child, path ? `${path}.${name}` : name, into);
    }
    if (children.length > 0) {
      return;
    }
  }
  if (value !== undefined) {
    into.set(path, value);
  }
}

function flat(value: unknown): Map<string, unknown> {
  const into = new Map<string, unknown>();
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
  const same = (path: string) => JSON.stringify(was.get(path)) === JSON.stringify(is.get(path));
  return paths
    .filter((path) => !same(path) && !(was.size > 0 && is.size > 0 && noise.test(path)))
    .map((path) => ({ path, before: was.get(path), after: is.get(path) }));
}
