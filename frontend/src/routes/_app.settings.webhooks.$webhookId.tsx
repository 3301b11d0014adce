import { createFileRoute } from "@tanstack/react-router";
import { WebhookScreen } from "@/features/webhooks/one";
import { parseWebhook } from "@/features/webhooks/search";
import { loadLateWords } from "@/i18n";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/settings/webhooks/$webhookId")({
  validateSearch: parseWebhook,
  loader: () => loadLateWords(),
  staticData: { title: "nav.webhooks", permission: "webhooks.manage" },
  component: WebhookRoute,
});

function WebhookRoute() {
  const { webhookId } = Route.useParams();
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <WebhookScreen
      key={webhookId}
      webhookId={webhookId}
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
