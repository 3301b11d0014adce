import { createFileRoute } from "@tanstack/react-router";
import { MailHistoryScreen } from "@/features/mails/history";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/mails/$mailId/history")({
  loader: () => loadLateWords(),
  staticData: { title: "history.title", permission: "mails.read" },
  component: HistoryRoute,
});

function HistoryRoute() {
  const { mailId } = Route.useParams();
  return <MailHistoryScreen key={mailId} mailId={mailId} />;
}
