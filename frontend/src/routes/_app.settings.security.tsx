import { createFileRoute } from "@tanstack/react-router";
import { SecurityScreen } from "@/features/settings/security";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/security")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.security", permission: "settings.read" },
  component: SecurityScreen,
});
