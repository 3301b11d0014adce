import { createFileRoute } from "@tanstack/react-router";
import { parseSequence } from "@/features/sequences/search";
import { SequenceScreen } from "@/features/sequences/sequence";
import { loadLateWords } from "@/i18n";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/sequences/$sequenceId")({
  validateSearch: parseSequence,
  loader: () => loadLateWords(),
  staticData: { title: "nav.sequences", permission: "campaigns.read" },
  component: SequenceRoute,
});

function SequenceRoute() {
  const { sequenceId } = Route.useParams();
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <SequenceScreen
      key={sequenceId}
      sequenceId={sequenceId}
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
