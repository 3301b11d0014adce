import { lazy } from "react";
import { loadLateWords } from "@/i18n";

/** What a person may ask for, with its words, which few people need. */
export const PersonalDataMenu = lazy(async () => {
  const [menu] = await Promise.all([import("./menu"), loadLateWords()]);
  return { default: menu.PersonalDataMenu };
});
