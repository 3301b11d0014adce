import { createFileRoute } from "@tanstack/react-router";
import { TemplatesScreen } from "@/features/templates/list";
import { loadLateWords } from "@/i18n";
import { compact, parseSearchPage } from "@/lib/search-params";

export const Route = createFileRoute("/_app/templates/")({
  validateSearch: parseSearchPage,
  loader: () => loadLateWords(),
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
