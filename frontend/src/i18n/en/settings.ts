export const settings = {
  "profile.locale": "Language",
} as const;
