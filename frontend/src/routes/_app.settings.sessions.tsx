import { createFileRoute } from "@tanstack/react-router";
import { SessionsScreen } from "@/features/settings/sessions";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/sessions")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.sessions" },
  component: SessionsScreen,
});
