import { createFileRoute } from "@tanstack/react-router";
import { ListsScreen } from "@/features/lists/list";
import { compact, parseSearchPage } from "@/lib/search-params";

export const Route = createFileRoute("/_app/lists")({
  validateSearch: parseSearchPage,
  staticData: { title: "lists.title", permission: "contacts.read" },
  component: ListsRoute,
});

function ListsRoute() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <ListsScreen
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
