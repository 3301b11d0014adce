import { createFileRoute } from "@tanstack/react-router";
import { MailsScreen } from "@/features/mails/list";
import { parseMailSearch } from "@/features/mails/search";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/mails/")({
  validateSearch: parseMailSearch,
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
