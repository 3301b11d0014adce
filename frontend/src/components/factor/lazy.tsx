import { lazy, Suspense } from "react";
import { useStepUpWanted } from "@/auth/step-up";
import { loadLateWords } from "@/i18n";

const StepUpDialog = lazy(async () => {
  const [dialog] = await Promise.all([import("./step-up-dialog"), loadLateWords()]);
  return dialog;
});

/** The set-up that comes before everything else where the company wants a second factor. */
export const EnrolScreen = lazy(async () => {
  const [screen] = await Promise.all([import("./enrol-screen"), loadLateWords()]);
  return screen;
});

/** Stands in the frame of all pages, and shows itself when a request asks for it. */
export function StepUpHost() {
  return useStepUpWanted() ? (
    <Suspense>
      <StepUpDialog />
    </Suspense>
  ) : null;
}
