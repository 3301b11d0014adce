import { readFileSync, writeFileSync } from "node:fs";
import { expect, type Page, test } from "@playwright/test";
import { examine, examineCanary, listen, readable } from "./support/attack";
import { needed } from "./support/env";
import { complaints, logIn, settle } from "./support/page";
import { totp } from "./support/totp";

/**
 * Part of scripts/security (the item operator.xss.stored): what companies write about themselves, on every screen of
 * the operator's console. What is found goes into a file, since the suite judges.
 */
interface Order {
  out: string;
  /** A page that has the hole, for which something has to be found. */
  canary?: string;
  url?: string;
  planted?: Record<"tenant" | "held" | "login_id" | "password" | "seed" | "owner" | "owner_password", string>;
  /** What stands in the fields, as it has to be read on the pages. */
  shown?: string;
}

const order = JSON.parse(readFileSync(needed("KIKUBARI_ATTACK"), "utf8")) as Order;

// On a machine that does other things as well a screen takes its time; what never comes is missed all the same.
test.use({ actionTimeout: 60_000, navigationTimeout: 120_000 });

async function enter(page: Page, { url, planted }: Order): Promise<void> {
  await page.goto(url ?? "");
  await page.getByLabel("ログインID").fill(planted?.login_id ?? "");
  await page
    .getByLabel("パスワード", { exact: false })
    .first()
    .fill(planted?.password ?? "");
  await page.getByRole("button", { name: "次へ" }).click();
  await page.getByLabel("認証アプリの6桁のコード", { exact: false }).fill(totp(planted?.seed ?? ""));
  await page.getByRole("button", { name: "ログイン" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "契約企業" })).toBeVisible();
}

test("what companies write stays text on every screen of the console", async ({ page, context }) => {
  test.setTimeout(600_000);
  const found: string[] = [];
  let looked = 0;
  await listen(context, found);
  const look = async (name: string, literal = true) => {
    await settle(page);
    const stands = async () => (await readable(page)).includes(order.shown ?? "");
    if (
      literal &&
      !(await expect
        .poll(stands, { timeout: 30_000 })
        .toBe(true)
        .then(
          () => true,
          () => false,
        ))
    ) {
      found.push(`${name}: the payload is not to be read on ${page.url()}`);
    }
    await examine(page, name, found);
    looked += 1;
  };
  try {
    if (order.canary) {
      await examineCanary(page, order.canary, found);
      looked = 1;
      return;
    }
    const heard = complaints(context, [/status of 401 .*\/v1\/auth\/refresh\)$/]);
    const { url, planted } = order;
    await enter(page, order);
    await look("tenants");
    for (const screen of ["journal", "erasures", "installation"]) {
      await page.goto(`${url}/${screen}`);
      await expect(page.locator("h1").first()).toBeAttached();
      await look(screen, screen !== "installation");
      if (screen === "erasures") {
        await page
          .locator("tbody")
          .getByRole("button", { name: /証明書/ })
          .first()
          .click();
        await expect(page.getByText("署名は有効です")).toBeVisible();
        await look("certificate");
      }
    }
    // A company that is held: its reason, and each question about it.
    await page.goto(`${url}/tenants/${planted?.held}`);
    await look("held company");
    for (const name of ["利用を再開", "この企業を削除", "削除の予約を取り消す"]) {
      await page.getByRole("button", { name }).click();
      await look(name);
      await page.keyboard.press("Escape");
      await expect(page.getByRole("dialog")).toHaveCount(0);
    }
    await page.goto(`${url}/tenants/${planted?.tenant}`);
    await look("company");
    await page
      .getByRole("button", { name: /^データを見る/ })
      .first()
      .click();
    await expect(page.getByRole("tablist")).toBeVisible();
    const tabs = page.getByRole("tab");
    const count = await tabs.count();
    expect(count).toBeGreaterThan(6);
    for (let n = 0; n < count; n += 1) {
      const name = `look ${n}`;
      await tabs.nth(n).click();
      await look(name);
      // One of them, with all its fields, in a panel at the side.
      const first = page.getByRole("tabpanel").getByRole("row").nth(1).getByRole("button").first();
      if ((await first.count()) > 0) {
        await first.click();
        await expect(page.getByRole("dialog")).toBeVisible();
        await look(`${name}, detail`);
        await page.keyboard.press("Escape");
        await expect(page.getByRole("dialog")).toHaveCount(0);
      }
    }
    // And the company's own pages, where staff stand with their names.
    await logIn(page, { login: { loginId: planted?.owner ?? "", password: planted?.owner_password ?? "" } });
    for (const screen of ["support", "audit"]) {
      await page.goto(`/settings/${screen}`);
      await expect(page.getByRole("row").nth(1)).toBeVisible();
      await look(`the company's ${screen}`, screen === "support");
    }
    found.push(...heard.map((text) => `console: ${text}`));
  } finally {
    writeFileSync(order.out, JSON.stringify({ looked, found }));
  }
});
