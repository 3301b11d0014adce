import type { Folder } from "@/api/types";

export interface FolderNode {
  folder: Folder;
  depth: number;
}

/** Folders in the order of a tree, each with its depth. A folder whose parent is gone stands at the top. */
export function flattenFolders(folders: readonly Folder[]): FolderNode[] {
  const known = new Set(folders.map((folder) => folder.id));
  const childrenOf = (parent: string | null) =>
    folders
      .filter((folder) => (folder.parent_id && known.has(folder.parent_id) ? folder.parent_id : null) === parent)
      .sort((a, b) => a.position - b.position || a.name.localeCompare(b.name, "ja"));
  const walk = (parent: string | null, depth: number): FolderNode[] =>
    childrenOf(parent).flatMap((folder) => [{ folder, depth }, ...walk(folder.id, depth + 1)]);
  return walk(null, 0);
}

/** Where a folder may be moved: anywhere but into itself or below itself. */
export function possibleParents(folders: readonly Folder[], moving: string): FolderNode[] {
  const below = new Set([moving]);
  const nodes = flattenFolders(folders);
  for (const { folder } of nodes) {
    if (folder.parent_id && below.has(folder.parent_id)) {
      below.add(folder.id);
    }
  }
  return nodes.filter(({ folder }) => !below.has(folder.id));
}

/** Options of a select, the depth shown by indentation. */
export function folderOptions(nodes: readonly FolderNode[]): { value: string; label: string }[] {
  return nodes.map(({ folder, depth }) => ({ value: folder.id, label: `${"　".repeat(depth)}${folder.name}` }));
}
