import { createFileRoute } from "@tanstack/react-router";
import { ErasuresScreen } from "@/features/erasures/list";
import { loadLateWords } from "@/i18n";
import { parsePage } from "@/lib/search-params";

export const Route = createFileRoute("/_app/contacts/erasures")({
  validateSearch: parsePage,
  loader: () => loadLateWords(),
  staticData: { title: "contacts.erasures", permission: "contacts.erase" },
  component: ErasuresRoute,
});

function ErasuresRoute() {
  const { cursor } = Route.useSearch();
  const navigate = Route.useNavigate();
  return <ErasuresScreen cursor={cursor} onCursor={(next) => void navigate({ search: { cursor: next } })} />;
}
