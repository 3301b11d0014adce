import { createFileRoute } from "@tanstack/react-router";
import { TransactionalScreen } from "@/features/transactional/list";
import { parseTransactional } from "@/features/transactional/search";
import { loadLateWords } from "@/i18n";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/transactional")({
  validateSearch: parseTransactional,
  loader: () => loadLateWords(),
  staticData: { title: "nav.transactional", permission: "campaigns.read" },
  component: TransactionalRoute,
});

function TransactionalRoute() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <TransactionalScreen
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
