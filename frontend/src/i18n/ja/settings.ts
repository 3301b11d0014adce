export const settings = {
  "profile.locale": "表示言語",
} as const;
