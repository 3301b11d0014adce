import { expect } from "@playwright/test";
import { type Api, took } from "./api";

const plan = { metric: "opens", wait_minutes: 240 } as const;

/** A campaign with an A/B test that is still written, and one whose test is out and waits for the choice. */
export async function furnishAbTests(api: Api, mail_id: string, list_id: string) {
  const made = async (name: string, ab_test: object) => {
    const campaign = await took(
      api.POST("/v1/campaigns", { body: { name, mail_id, audience: { list_ids: [list_id] } } }),
    );
    const params = { path: { id: campaign.id }, header: { "If-Match": `"${campaign.version}"` } };
    return took(api.PATCH("/v1/campaigns/{id}", { params, body: { ab_test: { ...plan, ...ab_test } as never } }));
  };
  const draft = await made("件名を比べる配信", {
    share: 20,
    decision: "automatic",
    variants: [{}, { subject: "【本日まで】ご登録ありがとうございます", sender_name: "気配り商店 通信販売部" }],
  });
  const sent = await made("件名を比べた配信", {
    share: 50,
    decision: "manual",
    variants: [{}, { subject: "ご登録のお礼と、はじめての方へのご案内", sender_name: "気配り商店 通信販売部" }],
  });
  const path = { id: sent.id };
  const { people } = await took(api.GET("/v1/campaigns/{id}/preflight", { params: { path } }));
  await took(
    api.POST("/v1/campaigns/{id}/send", { params: { path }, body: { confirmed_people: people.will_receive } }),
  );
  const isOut = async () => {
    const { variants, waiting } = await took(api.GET("/v1/campaigns/{id}/variants", { params: { path } }));
    return waiting > 0 && variants.every(({ open, now }) => open === 0 && now.accepted > 0);
  };
  await expect.poll(isOut, { timeout: 60_000 }).toBe(true);
  return { draft, sent };
}
