import { useEffect } from "react";

/** Menus and lists of options are gone by the time a dialog closes: nothing to come back to. */
const passing = '[role="menu"], [role="listbox"]';
const kept = 8;
/** Where the focus was, oldest first. */
const trail: HTMLElement[] = [];
let pending = 0;

document.addEventListener("focusin", ({ target }) => {
  if (target instanceof HTMLElement && target !== trail.at(-1) && !target.closest(passing)) {
    trail.push(target);
    trail.splice(0, trail.length - kept);
  }
});

/**
 * Puts the focus back where it was before the dialog: Mantine does so only for a dialog that is there before it opens,
 * and not behind a menu. What is gone by then (the row that was deleted, the form that led to this dialog) is passed
 * over; where nothing is left, the page's main part has it.
 */
export function useFocusReturn(opened: boolean): void {
  useEffect(() => {
    if (!opened) {
      return;
    }
    // One dialog after the other: the second has the focus now.
    window.clearTimeout(pending);
    const before = [...trail];
    return () => {
      const page = document;
      const atClose = page.activeElement;
      window.clearTimeout(pending);
      // After Mantine's own attempt, which waits for 10 ms.
      pending = window.setTimeout(() => {
        const now = page.activeElement;
        if (now === null || now === page.body || now === atClose) {
          const place = before.findLast((element) => element.isConnected) ?? page.querySelector("main");
          place?.focus({ preventScroll: true });
        }
      }, 20);
    };
  }, [opened]);
}
