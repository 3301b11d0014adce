import { createFileRoute } from "@tanstack/react-router";
import { TokensScreen } from "@/features/access/tokens";
import { loadLateWords } from "@/i18n";
import { parsePage } from "@/lib/search-params";

export const Route = createFileRoute("/_app/settings/tokens")({
  validateSearch: parsePage,
  loader: () => loadLateWords(),
  staticData: { title: "nav.tokens", permission: "tokens.manage" },
  component: TokensRoute,
});

function TokensRoute() {
  const { cursor } = Route.useSearch();
  const navigate = Route.useNavigate();
  return <TokensScreen cursor={cursor} onCursor={(next) => void navigate({ search: { cursor: next } })} />;
}
