import { describe, expect, it } from "vitest";
import type { Folder } from "@/api/types";
import { flattenFolders, possibleParents } from "./tree";

const folder = (id: string, parent_id: string | null, position = 0): Folder => ({
  id,
  kind: "mail",
  name: id,
  parent_id,
  position,
  version: 1,
  created_at: "2026-01-01T00:00:00Z",
});
const folders = [
  folder("b", null, 2),
  folder("a2", "a1"),
  folder("a", null, 1),
  folder("a1", "a"),
  folder("lost", "gone"),
];

describe("the folder tree", () => {
  it("shows children below their parents, in order", () => {
    expect(flattenFolders(folders).map(({ folder: item, depth }) => `${depth}${item.id}`)).toEqual([
      "0lost",
      "0a",
      "1a1",
      "2a2",
      "0b",
    ]);
  });

  it("offers no parent inside the folder itself", () => {
    expect(possibleParents(folders, "a").map(({ folder: item }) => item.id)).toEqual(["lost", "b"]);
  });
});
