import { useEffect } from "react";

const withinMs = 1_000;

/** Elements in which a letter is a letter. */
function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName))
  );
}

/** Single keys ("/") and sequences of two ("g c"). Stays quiet while someone writes or a dialog is open. */
export function useShortcuts(shortcuts: Readonly<Record<string, () => void>>): void {
  useEffect(() => {
    let first: { key: string; at: number } | null = null;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) {
        return;
      }
      if (isTyping(event.target) || document.querySelector('[role="dialog"]')) {
        return;
      }
      const sequence = first && event.timeStamp - first.at < withinMs ? `${first.key} ${event.key}` : event.key;
      const action = shortcuts[sequence] ?? shortcuts[event.key];
      first = { key: event.key, at: event.timeStamp };
      if (action) {
        event.preventDefault();
        first = null;
        action();
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [shortcuts]);
}
