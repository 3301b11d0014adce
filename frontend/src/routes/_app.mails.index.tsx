import { createFileRoute } from "@tanstack/react-router";
import { MailsScreen } from "@/features/mails/list";
import { parseMailSearch } from "@/features/mails/search";
import { loadLateWords } from "@/i18n";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/mails/")({
  validateSearch: parseMailSearch,
  loader: () => loadLateWords(),
  staticData: { title: "nav.mails", permission: "mails.read" },
  component: MailsRoute,
});

function MailsRoute() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <MailsScreen
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
