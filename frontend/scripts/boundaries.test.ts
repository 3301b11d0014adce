import path from "node:path";
import { describe, expect, it } from "vitest";
import { checkTree, violations } from "./boundaries.mjs";

describe("the direction of imports", () => {
  it("lets a feature use components", () => {
    expect(violations("features/contacts/list.tsx", 'import { Page } from "@/components/layout/page";')).toEqual([]);
  });

  it("refuses one feature in another, by alias and by relative path", () => {
    expect(violations("features/contacts/list.tsx", 'import { x } from "@/features/mails/queries";')).toHaveLength(1);
    expect(violations("features/contacts/list.tsx", 'import { x } from "../mails/queries";')).toHaveLength(1);
    expect(violations("features/contacts/list.tsx", 'const x = lazy(() => import("../mails/editor"));')).toHaveLength(
      1,
    );
  });

  it("refuses a component that knows a feature, and a library that knows a component", () => {
    expect(violations("components/ui/x.tsx", 'import { x } from "@/features/mails/queries";')).toHaveLength(1);
    expect(violations("lib/x.ts", 'import { x } from "@/components/ui/copy";')).toHaveLength(1);
  });

  it("finds an import that spans lines", () => {
    expect(violations("lib/x.ts", 'import {\n  a,\n  b,\n} from "@/features/mails/queries";')).toHaveLength(1);
  });

  it("holds for the whole tree", () => {
    expect(checkTree(path.resolve(import.meta.dirname, "../src"))).toEqual([]);
  });
});
