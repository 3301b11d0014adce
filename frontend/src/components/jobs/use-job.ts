import { api, inBackground } from "@/api/client";
import type { Job } from "@/api/types";

export const isOver = (job: Pick<Job, "state">) => !["queued", "running"].includes(job.state);

/** A job as it goes on, asked for until it is over. */
export function useJob(id: string | null | undefined) {
  return api.useQuery(
    "get",
    "/v1/jobs/{id}",
    { params: { path: { id: id ?? "" } }, ...inBackground },
    {
      enabled: Boolean(id),
      refetchInterval: ({ state }) => (state.data && isOver(state.data) ? false : 1_000),
    },
  );
}
