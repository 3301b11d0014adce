import { createFileRoute } from "@tanstack/react-router";
import { WebhooksScreen } from "@/features/webhooks/list";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/webhooks/")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.webhooks", permission: "webhooks.manage" },
  component: WebhooksScreen,
});
