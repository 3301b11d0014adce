import { beforeEach, expect, it } from "vitest";
import { api } from "@/api/client";
import { queryClient } from "@/api/query";
import type { Campaign } from "@/api/types";
import { signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { createCampaign, updateCampaign } from "./queries";

const campaign = { id: "0192f0c1-7c1e-7d3a-9b1e-000000000200", name: "春", state: "draft", version: 1 } as Campaign;
const json = (value: unknown) => new Response(JSON.stringify(value));

/** A list that was read a moment ago; says whether it is read anew before it is shown again. */
function listWasRead() {
  const { queryKey } = api.queryOptions("get", "/v1/campaigns", {});
  queryClient.setQueryData(queryKey, { items: [], next_cursor: null });
  return () => queryClient.getQueryState(queryKey)?.isInvalidated;
}

beforeEach(() => signIn());

it("shows a campaign that was made, and one that was renamed, in the list at once", async () => {
  server.use(
    http.post("/v1/campaigns", ({ response }) => response.untyped(json(campaign))),
    http.patch("/v1/campaigns/{id}", ({ response }) => response.untyped(json({ ...campaign, name: "夏" }))),
  );
  const afterCreate = listWasRead();
  expect(afterCreate()).toBe(false);
  await createCampaign("春", "0192f0c1-7c1e-7d3a-9b1e-000000000300");
  await expect.poll(afterCreate).toBe(true);
  const afterUpdate = listWasRead();
  await updateCampaign(campaign, { name: "夏" });
  await expect.poll(afterUpdate).toBe(true);
});
