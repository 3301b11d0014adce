export const imports = {
  "imports.title": "Imports",
  "imports.new": "Import contacts",
} as const;
