import { keepPreviousData } from "@tanstack/react-query";
import { useCallback } from "react";
import { api, client, ifMatch, inBackground } from "@/api/client";
import { type ServerEvent, useLive, useServerEvents } from "@/api/events";
import { queryClient, refresh } from "@/api/query";
import type { AbTestPlan, Campaign, ResendGroup } from "@/api/types";
import type { CampaignListSearch } from "./search";

export const isRunning = (campaign: Pick<Campaign, "state">) =>
  campaign.state === "preparing" || campaign.state === "sending";

export function useCampaigns(search: CampaignListSearch) {
  return api.useQuery(
    "get",
    "/v1/campaigns",
    { params: { query: { q: search.q, state: search.state, cursor: search.cursor, limit: 50 } }, ...inBackground },
    {
      placeholderData: keepPreviousData,
      refetchInterval: ({ state }) => (state.data?.items.some(isRunning) ? 5_000 : false),
    },
  );
}

const keyOf = (id: string) => api.queryOptions("get", "/v1/campaigns/{id}", init(id)).queryKey;
const init = (id: string) => ({ params: { path: { id } }, ...inBackground });

/** One campaign, live: events while the stream is up, polling otherwise, and a slow look after paused ones. */
export function useCampaign(id: string) {
  const live = useLive();
  const onEvent = useCallback(
    ({ event, data }: ServerEvent) => {
      const campaign = data as Campaign;
      if (event !== "campaign" || campaign.id !== id) {
        return;
      }
      const before = queryClient.getQueryData<Campaign>(keyOf(id));
      queryClient.setQueryData<Campaign>(keyOf(id), campaign);
      if (before?.state !== campaign.state) {
        void refresh("/v1/campaigns", "/v1/summary");
      }
    },
    [id],
  );
  useServerEvents(onEvent);
  return api.useQuery("get", "/v1/campaigns/{id}", init(id), {
    refetchInterval: ({ state }) => {
      const campaign = state.data;
      if (campaign && isRunning(campaign)) {
        return live ? 5_000 : 1_500;
      }
      return campaign?.state === "paused" || campaign?.state === "scheduled" ? 10_000 : false;
    },
  });
}

function keep(campaign: Campaign): Campaign {
  queryClient.setQueryData(keyOf(campaign.id), campaign);
  // The list, and what was counted of this one.
  void refresh("/v1/summary", "/v1/campaign-calendar", "/v1/campaigns");
  return campaign;
}

type Answer = { data?: Campaign; error?: unknown };

function taken({ data, error }: Answer): Campaign {
  if (!data) {
    throw error;
  }
  return keep(data);
}

const path = (id: string) => ({ params: { path: { id } } });

export async function createCampaign(name: string, mailId: string): Promise<Campaign> {
  return taken(await client.POST("/v1/campaigns", { body: { name, mail_id: mailId } }));
}

export async function updateCampaign(
  campaign: Campaign,
  patch: {
    name?: string;
    mail_id?: string;
    audience?: Campaign["audience"];
    route_id?: string | null;
    hours?: Campaign["hours"];
    best_hour?: boolean;
    ab_test?: AbTestPlan | null;
  },
): Promise<Campaign> {
  return taken(
    await client.PATCH("/v1/campaigns/{id}", {
      params: { path: { id: campaign.id }, header: ifMatch(campaign.version) },
      body: patch,
    }),
  );
}

/** The number stands for what the person read and agreed to; the server refuses when it isn't true any more. */
export async function sendCampaign(id: string, confirmedPeople: number): Promise<Campaign> {
  return taken(
    await client.POST("/v1/campaigns/{id}/send", { ...path(id), body: { confirmed_people: confirmedPeople } }),
  );
}

export async function scheduleCampaign(id: string, at: string, timeZone: string): Promise<Campaign> {
  return taken(await client.POST("/v1/campaigns/{id}/schedule", { ...path(id), body: { at, time_zone: timeZone } }));
}

export const unscheduleCampaign = async (id: string) =>
  taken(await client.POST("/v1/campaigns/{id}/unschedule", path(id)));
export const pauseCampaign = async (id: string) => taken(await client.POST("/v1/campaigns/{id}/pause", path(id)));
export const resumeCampaign = async (id: string) => taken(await client.POST("/v1/campaigns/{id}/resume", path(id)));
export const stopCampaign = async (id: string) => taken(await client.POST("/v1/campaigns/{id}/stop", path(id)));

/** As {@link sendCampaign}, to those of a finished campaign who may not have it. */
export async function resendCampaign(id: string, group: ResendGroup, confirmedPeople: number): Promise<Campaign> {
  return taken(
    await client.POST("/v1/campaigns/{id}/resend", { ...path(id), body: { group, confirmed_people: confirmedPeople } }),
  );
}

/** The variant that those get who wait. */
export async function chooseWinner(id: string, variant: number): Promise<Campaign> {
  const campaign = taken(await client.POST("/v1/campaigns/{id}/winner", { ...path(id), body: { variant } }));
  await refresh("/v1/campaigns/{id}/variants");
  return campaign;
}

export async function deleteCampaign(campaign: Campaign): Promise<void> {
  const { error } = await client.DELETE("/v1/campaigns/{id}", {
    params: { path: { id: campaign.id }, header: ifMatch(campaign.version) },
  });
  if (error) {
    throw error;
  }
  await refresh("/v1/campaigns", "/v1/summary");
}
