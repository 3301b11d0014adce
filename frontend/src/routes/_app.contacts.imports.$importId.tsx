import { createFileRoute } from "@tanstack/react-router";
import { ImportWizard } from "@/features/imports/wizard";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/contacts/imports/$importId")({
  loader: () => loadLateWords(),
  staticData: { title: "imports.new", permission: "contacts.write" },
  component: ImportRoute,
});

function ImportRoute() {
  const { importId } = Route.useParams();
  return <ImportWizard key={importId} importId={importId} />;
}
