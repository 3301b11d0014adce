import { useCallback } from "react";
import { api, inBackground } from "@/api/client";
import { type ServerEvent, useLive, useServerEvents } from "@/api/events";
import { queryClient } from "@/api/query";
import type { Job } from "@/api/types";

export const isOver = (job: Pick<Job, "state">) => !["queued", "running"].includes(job.state);

/** A job as it goes on: by server-sent events, by polling while the stream is down. */
export function useJob(id: string | null | undefined, onOver?: () => void) {
  const live = useLive();
  const init = { params: { path: { id: id ?? "" } }, ...inBackground };
  const options = api.queryOptions("get", "/v1/jobs/{id}", init);
  const query = api.useQuery("get", "/v1/jobs/{id}", init, {
    enabled: Boolean(id),
    refetchInterval: ({ state }) => (state.data && isOver(state.data) ? false : live ? 10_000 : 1_500),
  });
  const key = JSON.stringify(options.queryKey);
  const onEvent = useCallback(
    (event: ServerEvent) => {
      const job = event.data as Job;
      if (event.event === "job" && job.id === id) {
        queryClient.setQueryData(JSON.parse(key), job);
        if (isOver(job)) {
          onOver?.();
        }
      }
    },
    [id, key, onOver],
  );
  useServerEvents(onEvent);
  return query;
}
