import { createFileRoute } from "@tanstack/react-router";
import { RoutesScreen } from "@/features/settings/routes";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/routes")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.routes", permission: "settings.read" },
  component: RoutesScreen,
});
