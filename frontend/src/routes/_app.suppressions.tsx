import { createFileRoute } from "@tanstack/react-router";
import { SuppressionsScreen } from "@/features/suppressions/list";
import { compact, parseSearchPage } from "@/lib/search-params";

export const Route = createFileRoute("/_app/suppressions")({
  validateSearch: parseSearchPage,
  staticData: { title: "suppressions.title", permission: "contacts.read" },
  component: SuppressionsRoute,
});

function SuppressionsRoute() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <SuppressionsScreen
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
