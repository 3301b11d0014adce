import { createFileRoute } from "@tanstack/react-router";
import { ForgotScreen } from "@/features/auth/forgot";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/forgot")({
  loader: () => loadLateWords(),
  staticData: { title: "auth.forgot" },
  component: ForgotScreen,
});
