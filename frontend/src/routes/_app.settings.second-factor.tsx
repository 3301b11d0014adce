import { createFileRoute } from "@tanstack/react-router";
import { SecondFactorScreen } from "@/features/settings/second-factor";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/second-factor")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.second_factor" },
  component: SecondFactorScreen,
});
