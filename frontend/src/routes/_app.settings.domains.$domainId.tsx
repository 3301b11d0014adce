import { createFileRoute } from "@tanstack/react-router";
import { DomainScreen } from "@/features/settings/domain";

export const Route = createFileRoute("/_app/settings/domains/$domainId")({
  staticData: { title: "nav.domains", permission: "settings.read" },
  component: DomainRoute,
});

function DomainRoute() {
  const { domainId } = Route.useParams();
  return <DomainScreen key={domainId} domainId={domainId} />;
}
