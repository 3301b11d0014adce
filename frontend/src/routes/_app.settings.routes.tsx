import { createFileRoute } from "@tanstack/react-router";
import { RoutesScreen } from "@/features/settings/routes";

export const Route = createFileRoute("/_app/settings/routes")({
  staticData: { title: "nav.routes", permission: "settings.read" },
  component: RoutesScreen,
});
