import { createFileRoute } from "@tanstack/react-router";
import { NewSequenceScreen } from "@/features/sequences/editor";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/sequences/new")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.sequences", permission: "campaigns.write" },
  component: NewSequenceScreen,
});
