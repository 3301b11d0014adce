import { Page, Panel } from "@/components/layout/page";
import { DefinitionList } from "@/components/ui/definition";
import { QueryView } from "@/components/ui/state-view";
import { useFormat } from "@/i18n/format";
import { api } from "./client";
import { useWords } from "./words";

/** What waits, and since when. */
export function InstallationScreen() {
  const w = useWords();
  const format = useFormat();
  const query = api.useQuery(
    "get",
    "/v1/installation",
    { headers: { "X-Kikubari-Background": "1" } },
    { refetchInterval: 30_000 },
  );
  const at = (iso: string | null | undefined) => (iso ? format.dateTime(iso) : "–");
  return (
    <Page title={w.installation} narrow>
      <QueryView query={query}>
        {(health) => (
          <Panel>
            <DefinitionList
              items={[
                [w.active_tenants, format.number(health.tenants_active)],
                [w.suspended_tenants, format.number(health.tenants_suspended)],
                [w.sendings, format.number(health.sendings)],
                [w.sendingsDue, format.number(health.sendings_due)],
                [w.lastClaim, at(health.last_claim_at)],
                [w.jobs, format.number(health.jobs)],
                [w.oldestJob, at(health.oldest_job_at)],
                [w.erasuresWaiting, format.number(health.erasures_waiting)],
              ]}
            />
          </Panel>
        )}
      </QueryView>
    </Page>
  );
}
