import { createFileRoute } from "@tanstack/react-router";
import { UsersScreen } from "@/features/settings/users";
import { loadLateWords } from "@/i18n";
import { parsePage } from "@/lib/search-params";

export const Route = createFileRoute("/_app/settings/users")({
  validateSearch: parsePage,
  loader: () => loadLateWords(),
  staticData: { title: "nav.users", permission: "users.manage" },
  component: UsersRoute,
});

function UsersRoute() {
  const { cursor } = Route.useSearch();
  const navigate = Route.useNavigate();
  return <UsersScreen cursor={cursor} onCursor={(next) => void navigate({ search: { cursor: next } })} />;
}
