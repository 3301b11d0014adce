import { createFileRoute } from "@tanstack/react-router";
import { MailEditorScreen } from "@/features/mails/editor";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/mails/$mailId/")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.mails", permission: "mails.read" },
  component: MailRoute,
});

function MailRoute() {
  const { mailId } = Route.useParams();
  return <MailEditorScreen key={mailId} mailId={mailId} />;
}
