import { createFileRoute } from "@tanstack/react-router";
import { AuditScreen } from "@/features/audit/screen";
import { parseAudit } from "@/features/audit/search";
import { loadLateWords } from "@/i18n";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/settings/audit")({
  validateSearch: parseAudit,
  loader: () => loadLateWords(),
  staticData: { title: "nav.audit", permission: "audit.read" },
  component: AuditRoute,
});

function AuditRoute() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <AuditScreen
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
