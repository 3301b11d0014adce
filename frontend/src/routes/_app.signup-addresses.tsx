import { createFileRoute } from "@tanstack/react-router";
import { SignupScreen } from "@/features/signup/list";
import { parseSignup } from "@/features/signup/search";
import { loadLateWords } from "@/i18n";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/signup-addresses")({
  validateSearch: parseSignup,
  loader: () => loadLateWords(),
  staticData: { title: "nav.signup", permission: "contacts.read" },
  component: SignupRoute,
});

function SignupRoute() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <SignupScreen
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
