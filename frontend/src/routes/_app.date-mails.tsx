import { createFileRoute } from "@tanstack/react-router";
import { DateMailsScreen } from "@/features/date-mails/list";
import { parseDateMails } from "@/features/date-mails/search";
import { loadLateWords } from "@/i18n";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/date-mails")({
  validateSearch: parseDateMails,
  loader: () => loadLateWords(),
  staticData: { title: "nav.date_mails", permission: "campaigns.read" },
  component: DateMailsRoute,
});

function DateMailsRoute() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <DateMailsScreen
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
