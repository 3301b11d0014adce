export function violations(file: string, source: string): string[];
export function checkTree(root: string): string[];
