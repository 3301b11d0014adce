import { createFileRoute } from "@tanstack/react-router";
import { SetPasswordScreen } from "@/features/auth/set-password";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/reset")({
  loader: () => loadLateWords(),
  staticData: { title: "auth.forgot" },
  component: () => <SetPasswordScreen purpose="reset" />,
});
