import { createFileRoute } from "@tanstack/react-router";
import { RulesScreen } from "@/features/settings/rules";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/rules")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.rules", permission: "settings.read" },
  component: RulesScreen,
});
