import { createFileRoute } from "@tanstack/react-router";
import { ProfileScreen } from "@/features/settings/profile";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/profile")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.profile" },
  component: ProfileScreen,
});
