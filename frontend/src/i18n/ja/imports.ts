export const imports = {
  "imports.title": "取り込み履歴",
  "imports.new": "連絡先の取り込み",
} as const;
