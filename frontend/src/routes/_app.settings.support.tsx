import { createFileRoute } from "@tanstack/react-router";
import { SupportScreen } from "@/features/settings/support";
import { loadLateWords } from "@/i18n";
import { parsePage } from "@/lib/search-params";

export const Route = createFileRoute("/_app/settings/support")({
  validateSearch: parsePage,
  loader: () => loadLateWords(),
  staticData: { title: "nav.support", permission: "settings.read" },
  component: SupportRoute,
});

function SupportRoute() {
  const { cursor } = Route.useSearch();
  const navigate = Route.useNavigate();
  return <SupportScreen cursor={cursor} onCursor={(next) => void navigate({ search: { cursor: next } })} />;
}
