import { useHotkeys } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, useState } from "react";
import { useShortcuts } from "./shortcuts";

const CommandPalette = lazy(() => import("./command-palette"));

/** The command palette (Ctrl/⌘ K) and the shortcuts of the whole app. */
export function usePalette() {
  const navigate = useNavigate();
  const [wanted, setWanted] = useState(false);
  // From the second time on the palette listens itself.
  useHotkeys(wanted ? [] : [["mod+K", () => setWanted(true)]], []);
  const shortcuts = useMemo(
    () => ({
      "/": () => document.querySelector<HTMLInputElement>("input[data-search]")?.focus(),
      "g h": () => void navigate({ to: "/" }),
      "g c": () => void navigate({ to: "/contacts" }),
      "g m": () => void navigate({ to: "/mails" }),
      "g s": () => void navigate({ to: "/campaigns" }),
    }),
    [navigate],
  );
  useShortcuts(shortcuts);
  const open = () => {
    setWanted(true);
    if (wanted) {
      void import("@mantine/spotlight").then(({ spotlight }) => spotlight.open());
    }
  };
  const palette = wanted ? (
    <Suspense>
      <CommandPalette />
    </Suspense>
  ) : null;
  return { open, palette };
}
