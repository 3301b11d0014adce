import { createFileRoute } from "@tanstack/react-router";
import { RolesScreen } from "@/features/access/roles";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/roles")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.roles", permission: "settings.read" },
  component: RolesScreen,
});
