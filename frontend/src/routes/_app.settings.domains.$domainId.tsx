import { createFileRoute } from "@tanstack/react-router";
import { DomainScreen } from "@/features/settings/domain";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/domains/$domainId")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.domains", permission: "settings.read" },
  component: DomainRoute,
});

function DomainRoute() {
  const { domainId } = Route.useParams();
  return <DomainScreen key={domainId} domainId={domainId} />;
}
