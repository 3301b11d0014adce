import { createFileRoute } from "@tanstack/react-router";
import { ExportsScreen } from "@/features/exports/list";
import { parsePage } from "@/lib/search-params";

export const Route = createFileRoute("/_app/contacts/exports")({
  validateSearch: parsePage,
  staticData: { title: "exports.title", permission: "contacts.export" },
  component: ExportsRoute,
});

function ExportsRoute() {
  const { cursor } = Route.useSearch();
  const navigate = Route.useNavigate();
  return <ExportsScreen cursor={cursor} onCursor={(next) => void navigate({ search: { cursor: next } })} />;
}
