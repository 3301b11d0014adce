import { createFileRoute } from "@tanstack/react-router";
import { TemplatesScreen } from "@/features/templates/list";
import { compact, parseSearchPage } from "@/lib/search-params";

export const Route = createFileRoute("/_app/templates/")({
  validateSearch: parseSearchPage,
  staticData: { title: "templates.title", permission: "mails.read" },
  component: TemplatesRoute,
});

function TemplatesRoute() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <TemplatesScreen
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
