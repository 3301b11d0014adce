import { createFileRoute } from "@tanstack/react-router";
import { SessionsScreen } from "@/features/settings/sessions";

export const Route = createFileRoute("/_app/settings/sessions")({
  staticData: { title: "nav.sessions" },
  component: SessionsScreen,
});
