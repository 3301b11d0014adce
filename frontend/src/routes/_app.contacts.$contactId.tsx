import { createFileRoute } from "@tanstack/react-router";
import { PersonScreen } from "@/features/contacts/person";

export const Route = createFileRoute("/_app/contacts/$contactId")({
  staticData: { title: "nav.contacts", permission: "contacts.read" },
  component: PersonRoute,
});

function PersonRoute() {
  const { contactId } = Route.useParams();
  return <PersonScreen key={contactId} contactId={contactId} />;
}
