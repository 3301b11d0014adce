import { createFileRoute } from "@tanstack/react-router";
import { PasswordScreen } from "@/features/settings/password";

export const Route = createFileRoute("/_app/settings/password")({
  staticData: { title: "nav.password" },
  component: PasswordScreen,
});
