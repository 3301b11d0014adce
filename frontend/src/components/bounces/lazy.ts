import { lazy } from "react";
import { loadLateWords } from "@/i18n";

/** The dialog, which comes with its words when it is opened. */
export const BounceResetDialog = lazy(async () => {
  const [dialog] = await Promise.all([import("./reset-dialog"), loadLateWords()]);
  return { default: dialog.BounceResetDialog };
});
