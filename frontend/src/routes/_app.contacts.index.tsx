import { createFileRoute } from "@tanstack/react-router";
import { ContactsScreen } from "@/features/contacts/list";
import { parseContactSearch } from "@/features/contacts/search";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/contacts/")({
  validateSearch: parseContactSearch,
  staticData: { title: "nav.contacts", permission: "contacts.read" },
  component: ContactsRoute,
});

function ContactsRoute() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <ContactsScreen
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
