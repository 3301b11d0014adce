import { createFileRoute } from "@tanstack/react-router";
import { LimitsScreen } from "@/features/settings/limits";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/limits")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.limits", permission: "settings.read" },
  component: LimitsScreen,
});
