export function codesOf(file: string, source: string): string[];
export function codesOfTree(crates: string): Map<string, string[]>;
