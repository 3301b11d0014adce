import { createFileRoute } from "@tanstack/react-router";
import { PersonScreen } from "@/features/contacts/person";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/contacts/$contactId")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.contacts", permission: "contacts.read" },
  component: PersonRoute,
});

function PersonRoute() {
  const { contactId } = Route.useParams();
  return <PersonScreen key={contactId} contactId={contactId} />;
}
