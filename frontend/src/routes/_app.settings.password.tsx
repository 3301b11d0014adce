import { createFileRoute } from "@tanstack/react-router";
import { PasswordScreen } from "@/features/settings/password";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/password")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.password" },
  component: PasswordScreen,
});
