import { createFileRoute } from "@tanstack/react-router";
import { SequencesScreen } from "@/features/sequences/list";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/sequences/")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.sequences", permission: "campaigns.read" },
  component: SequencesScreen,
});
