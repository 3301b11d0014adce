import { createFileRoute } from "@tanstack/react-router";
import { ProfileScreen } from "@/features/settings/profile";

export const Route = createFileRoute("/_app/settings/profile")({
  staticData: { title: "nav.profile" },
  component: ProfileScreen,
});
