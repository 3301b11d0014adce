import { describe, expect, it } from "vitest";
import { parsePage, parseSearchPage } from "@/lib/search-params";
import { routeTree } from "@/routeTree.gen";

interface Tree {
  id: string;
  options: { validateSearch?: (raw: Record<string, unknown>) => Record<string, unknown> };
  children?: Record<string, Tree>;
}

function all(route: Tree): Tree[] {
  return [route, ...Object.values(route.children ?? {}).flatMap(all)];
}

describe("the parameters in a URL", () => {
  it("are read by every page so that a wrong one becomes nothing instead of staying raw", () => {
    for (const parse of [parsePage, parseSearchPage]) {
      expect(Object.keys(parse({}))).toContain("cursor");
    }
    const parsers = all(routeTree as unknown as Tree).flatMap(({ options }) => options.validateSearch ?? []);
    expect(parsers.length).toBeGreaterThan(8);
    for (const parse of parsers) {
      const names = Object.keys(parse({}));
      expect(names.length).toBeGreaterThan(0);
      const wrong = Object.fromEntries(names.map((name) => [name, { not: "a word" }]));
      expect(Object.values({ ...wrong, ...parse(wrong) }).filter((value) => value !== undefined)).toEqual([]);
    }
  });
});
