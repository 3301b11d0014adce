import { expect, type Page, test } from "@playwright/test";
import { type Api, connect, took } from "./support/api";
import { committed, withoutWritesTo } from "./support/database";
import { complaints, logIn } from "./support/page";
import { type SlowRelay, slowRelay } from "./support/slow-relay";
import { createTenant } from "./support/tenant";

const people = 40_000;
/** Of its own in each run: an installation knows a sender domain once. */
const domain = `running-${Date.now()}.example.jp`;
/** How long the relay keeps each mail waiting, and how many it takes at a time: some 80 mails a second. */
const delay = 50;
const sessions = 4;
/** What the product promises of pause and stop, in milliseconds. */
const promised = 1_000;

const text = `{{ name }} 様

お知らせです。
{{ company_name }} {{ company_address }} {{ company_contact }}
配信停止: {{ cancel_url }}
`;

/** All that a campaign needs but people, and the campaign itself. */
async function prepare(api: Api, relay: SlowRelay): Promise<string> {
  const tenant = await took(api.GET("/v1/tenant", { params: {} }));
  await took(
    api.PATCH("/v1/tenant", {
      params: { header: { "If-Match": `"${tenant.version}"` } },
      body: {
        legal: {
          sender_name: "気配り商店",
          postal_address: "東京都千代田区1-1",
          contact: "https://example.jp/contact",
        },
      },
    }),
  );
  await took(api.POST("/v1/sender-domains", { body: { domain } }));
  const route = await took(
    api.POST("/v1/routes", {
      body: {
        name: "ゆっくりした中継サーバー",
        host: "127.0.0.1",
        port: relay.port,
        kind: "relay",
        security: "none",
        auth: "none",
        max_sessions: sessions,
        weight: 1,
        sign: false,
        enabled: true,
      },
    }),
  );
  const mail = await took(
    api.POST("/v1/mails", {
      body: {
        name: "お知らせ",
        subject: "お知らせ",
        sender_name: "気配り商店",
        sender_address: `news@${domain}`,
        text_mode: "manual",
        text,
      },
    }),
  );
  const campaign = await took(
    api.POST("/v1/campaigns", {
      body: { name: "全員への配信", mail_id: mail.id, route_id: route.id, audience: { all: true } },
    }),
  );
  return campaign.id;
}

function customers(): Buffer {
  const rows = Array.from({ length: people }, (_, n) => `p${n}@example.jp,顧客${n}`);
  return Buffer.from(["メールアドレス,氏名", ...rows, ""].join("\r\n"));
}

function numberAtEnd(text: string | null): number {
  return Number(/[\d,]+$/.exec(text ?? "")?.[0].replaceAll(",", ""));
}

/** The number that the page shows of a state. */
async function shown(page: Page, state: string): Promise<number> {
  return numberAtEnd(await page.locator(`[data-count="${state}"]`).textContent());
}

/** How many people the page counts, in whatever state: all of one answer of the server. */
async function counted(page: Page): Promise<number> {
  const texts = await page.locator("[data-count]").allTextContents();
  return texts.reduce((sum, text) => sum + numberAtEnd(text), 0);
}

const jobCancel = (page: Page) => page.getByRole("button", { name: "処理を中止" });

let relay: SlowRelay;
test.beforeEach(async () => {
  relay = await slowRelay(delay);
});
test.afterEach(() => relay.close());

test("work goes on while the page is reloaded; pause and stop hold within a second, with the exact number", async ({
  page,
  context,
  baseURL,
}) => {
  test.setTimeout(420_000);
  const heard = complaints(context);
  const login = await createTenant("動作中商店");
  const campaign = await prepare(await connect(baseURL ?? "", login), relay);
  await logIn(page, { login });

  await test.step("a reload in the middle of an import loses nothing", async () => {
    await page.goto("/contacts/imports/new");
    await page
      .locator('input[type="file"]')
      .setInputFiles({ name: "顧客.csv", mimeType: "text/csv", buffer: customers() });
    await page.getByRole("button", { name: "事前チェックへ進む" }).click();
    const start = page.getByRole("button", { name: "40,000件を追加、0件を更新する" });
    await expect(start).toBeVisible({ timeout: 60_000 });
    // However fast the machine: the import can't end before the page is there again.
    await withoutWritesTo("contact", async () => {
      await start.click();
      await expect(jobCancel(page)).toBeVisible();
      await page.reload();
      // Still under way, and shown as such: the job is the server's.
      await expect(jobCancel(page)).toBeVisible();
    });
    await expect(page.locator('[data-figure="added"]')).toHaveText("40,000", { timeout: 60_000 });
  });

  await test.step("so does one in the middle of a sending", async () => {
    await page.goto(`/campaigns/${campaign}`);
    await page.getByRole("button", { name: "配信前チェックへ" }).click();
    await page.getByRole("button", { name: "配信方法の選択へ" }).click();
    await page.getByRole("button", { name: "40,000人にいますぐ配信" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "40,000人にいますぐ配信" }).click();
    await expect.poll(() => shown(page, "accepted")).toBeGreaterThan(0);
    await page.reload();
    const before = await shown(page, "accepted");
    await expect.poll(() => shown(page, "accepted")).toBeGreaterThan(before);
    // People are written down a thousand at a time; who is not when a campaign is stopped is not counted.
    await expect.poll(() => counted(page), { timeout: 60_000 }).toBe(people);
  });

  const taken = async () => (await relay.taken()).length;

  /**
   * Looked at when the promised time is over, so that what goes out later is seen. It begins with the commit, and ends
   * with the relay's answer to the last mail.
   */
  const holds = async (since: number) => {
    const promise = since + promised;
    await expect.poll(() => Date.now()).toBeGreaterThan(promise + delay);
    await expect.poll(async () => (await shown(page, "accepted")) - (await taken())).toBe(0);
    expect((await relay.taken()).filter((at) => at > promise)).toEqual([]);
  };

  await test.step("a pause holds, and goes on where it was", async () => {
    const paused = await committed(campaign, "paused", () => page.getByRole("button", { name: "一時停止" }).click());
    const resume = page.getByRole("button", { name: /^残り[\d,]+人への配信を再開$/ });
    await expect(resume).toBeVisible();
    await holds(paused);
    const before = await taken();
    await resume.click();
    await expect.poll(taken).toBeGreaterThan(before);
  });

  await test.step("a stop is the end: nothing more goes out, and nobody is left uncounted", async () => {
    await page.getByRole("button", { name: "配信を中止" }).click();
    const confirm = page.getByRole("dialog").getByRole("button", { name: "配信を中止する" });
    const stopped = await committed(campaign, "stopped", () => confirm.click());
    await expect(page.getByRole("dialog")).toBeHidden();
    await expect.poll(() => shown(page, "skipped")).toBeGreaterThan(0);
    await holds(stopped);
    await expect.poll(() => shown(page, "skipped"), { timeout: 60_000 }).toBe(people - (await taken()));
    await page.reload();
    await expect.poll(() => shown(page, "accepted")).toBe(await taken());
  });

  expect(heard).toEqual([]);
});
