import { describe, expect, it } from "vitest";
import { differences } from "./diff";

describe("what an entry changed", () => {
  it("is what differs, and not the bookkeeping", () => {
    const before = { name: "旧", version: 1, updated_at: "a", legal: { contact: "x", sender: "s" }, tags: [1, 2] };
    const after = { name: "新", version: 2, updated_at: "b", legal: { contact: "y", sender: "s" }, tags: [1] };
    expect(differences(before, after)).toEqual([
      { path: "name", before: "旧", after: "新" },
      { path: "legal.contact", before: "x", after: "y" },
      { path: "tags", before: [1, 2], after: [1] },
    ]);
  });

  it("is all of it for what is new or gone, nothing too", () => {
    expect(differences(null, { name: "新", version: 1, list_ids: [], note: null })).toEqual([
      { path: "name", before: undefined, after: "新" },
      { path: "version", before: undefined, after: 1 },
      { path: "list_ids", before: undefined, after: [] },
      { path: "note", before: undefined, after: null },
    ]);
    expect(differences({ name: "旧" }, undefined)).toEqual([{ path: "name", before: "旧", after: undefined }]);
    expect(differences(null, null)).toEqual([]);
  });
});
