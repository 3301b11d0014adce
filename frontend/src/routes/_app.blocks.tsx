import { createFileRoute } from "@tanstack/react-router";
import { BlocksScreen } from "@/features/blocks/list";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/blocks")({
  loader: () => loadLateWords(),
  staticData: { title: "blocks.title", permission: "mails.read" },
  component: BlocksScreen,
});
