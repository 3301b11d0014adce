import { createFileRoute } from "@tanstack/react-router";
import { TemplateEditorScreen } from "@/features/templates/editor";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/templates/$templateId")({
  loader: () => loadLateWords(),
  staticData: { title: "templates.title", permission: "mails.read" },
  component: TemplateRoute,
});

function TemplateRoute() {
  const { templateId } = Route.useParams();
  return <TemplateEditorScreen key={templateId} templateId={templateId} />;
}
