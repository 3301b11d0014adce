import { createFileRoute } from "@tanstack/react-router";
import { BlocksScreen } from "@/features/blocks/list";

export const Route = createFileRoute("/_app/blocks")({
  staticData: { title: "blocks.title", permission: "mails.read" },
  component: BlocksScreen,
});
