import { createFileRoute } from "@tanstack/react-router";
import { DateMailsScreen } from "@/features/date-mails/list";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/date-mails")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.date_mails", permission: "campaigns.read" },
  component: DateMailsScreen,
});
