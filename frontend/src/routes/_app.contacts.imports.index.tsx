import { createFileRoute } from "@tanstack/react-router";
import { ImportsScreen } from "@/features/imports/list";
import { loadLateWords } from "@/i18n";
import { parsePage } from "@/lib/search-params";

export const Route = createFileRoute("/_app/contacts/imports/")({
  validateSearch: parsePage,
  loader: () => loadLateWords(),
  staticData: { title: "imports.title", permission: "contacts.write" },
  component: ImportsRoute,
});

function ImportsRoute() {
  const { cursor } = Route.useSearch();
  const navigate = Route.useNavigate();
  return <ImportsScreen cursor={cursor} onCursor={(next) => void navigate({ search: { cursor: next } })} />;
}
