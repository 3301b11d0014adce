import { createFileRoute } from "@tanstack/react-router";
import { CalendarScreen } from "@/features/campaigns/calendar";
import { parseCalendar } from "@/features/campaigns/search";
import { loadLateWords } from "@/i18n";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/calendar")({
  validateSearch: parseCalendar,
  loader: () => loadLateWords(),
  staticData: { title: "nav.calendar", permission: "campaigns.read" },
  component: CalendarRoute,
});

function CalendarRoute() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <CalendarScreen
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
