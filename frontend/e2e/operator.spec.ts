import { execFileSync } from "node:child_process";
import { expect, type Page, test } from "@playwright/test";
import { connect, took } from "./support/api";
import { sql } from "./support/database";
import { needed } from "./support/env";
import { look } from "./support/look";
import { complaints, settle } from "./support/page";
import { createTenant } from "./support/tenant";
import { totp } from "./support/totp";

const password = "seven lamps beside the canal";

/** A person of the staff, made by the command line; answers the one-time password. */
function addStaff(loginId: string): string {
  const arguments_ = ["operator", "add", "--login-id", loginId, "--name", "山田 太郎"];
  const answer = execFileSync(`${needed("KIKUBARI_BIN")}/kikubari`, arguments_, { encoding: "utf8" });
  const oneTime = /^one_time_password: (\S+)$/m.exec(answer)?.[1];
  if (!oneTime) {
    throw new Error(`the command printed no password: ${answer}`);
  }
  return oneTime;
}

async function firstStep(page: Page, loginId: string, secret: string): Promise<void> {
  await page.getByLabel("ログインID").fill(loginId);
  await page.getByLabel("パスワード", { exact: false }).first().fill(secret);
  await page.getByRole("button", { name: "次へ" }).click();
}

/** As if everybody of the staff had typed their last code a while ago. */
function letCodesAge(): void {
  sql("UPDATE operator_session SET proven_at = proven_at - interval '6 minutes'");
}

const digits = (page: Page) => page.getByLabel("認証アプリの6桁のコード", { exact: false });

/** Sets the app up at the first log-in, up to the last button; answers the app's key. */
async function setUp(page: Page, loginId: string): Promise<string> {
  await firstStep(page, loginId, addStaff(loginId));
  await expect(page.getByRole("img", { name: "認証アプリで読み取るQRコード" })).toBeVisible();
  const secret = ((await page.locator("code").first().textContent()) ?? "").replaceAll(" ", "");
  await page.getByLabel("新しいパスワード", { exact: false }).first().fill(password);
  await digits(page).fill(totp(secret));
  return secret;
}

test("staff set their app up, look under a grant, and suspend, resume and erase a company", async ({
  context,
  baseURL,
}) => {
  test.setTimeout(600_000);
  const heard = complaints(context, [
    /status of 401 .*\/v1\/auth\/(refresh|login|code)\)$/,
    /status of 403 .*\/v1\/tenants\/[0-9a-f-]+\/suspend\)$/,
  ]);
  const page = await context.newPage();
  const wrong: string[] = [];
  const url = needed("KIKUBARI_OPERATOR_URL");
  const api = await connect(baseURL ?? "");
  const company = (await took(api.GET("/v1/tenant"))).name;
  await took(
    api.POST("/v1/support-grants", {
      body: { reason: "お問い合わせ 1234", permissions: ["contacts.read", "campaigns.read"], hours: 1 },
    }),
  );
  const other = `閉店商会 ${Date.now().toString(36)}`;
  await createTenant(other);

  await page.goto(url);
  await settle(page);
  wrong.push(...(await look(page, "operator-login")));
  const secret = await setUp(page, `staff-${Date.now().toString(36)}`);
  wrong.push(...(await look(page, "operator-setup")));
  // What was typed before the look may be too old by now.
  await digits(page).fill(totp(secret));
  await page.getByRole("button", { name: "設定してログイン" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "契約企業" })).toBeVisible();
  await settle(page);
  wrong.push(...(await look(page, "operator-tenants")));

  // A look under the grant stands in the company's own trace.
  await page.getByRole("button", { name: company }).click();
  await expect(page.getByText("お問い合わせ 1234")).toBeVisible();
  await settle(page);
  wrong.push(...(await look(page, "operator-tenant")));
  await page
    .getByRole("button", { name: /^データを見る/ })
    .first()
    .click();
  await page.getByRole("tab", { name: "連絡先" }).click();
  await expect(page.getByRole("row").nth(1)).toBeVisible();
  await settle(page);
  wrong.push(...(await look(page, "operator-support")));
  const { data: trace } = await api.GET("/v1/audit-entries", { params: { query: { action: "support.viewed" } } });
  expect(trace?.items.length ?? 0).toBeGreaterThan(0);
  await page.getByRole("button", { name: "閲覧を終える" }).click();

  for (const [tab, name] of [
    ["操作の記録", "journal"],
    ["稼働状況", "installation"],
    ["削除と証明書", "erasures"],
  ] as const) {
    await page.getByRole("navigation").getByRole("button", { name: tab }).click();
    await expect(page.getByRole("heading", { level: 1, name: tab })).toBeVisible();
    await settle(page);
    wrong.push(...(await look(page, `operator-${name}`)));
  }

  // A company's end.
  await page.getByRole("navigation").getByRole("button", { name: "契約企業" }).click();
  await page.getByRole("button", { name: other }).click();
  await page.getByRole("button", { name: "利用を停止" }).click();
  await page.getByLabel("理由", { exact: false }).fill("契約の終了");
  letCodesAge();
  const suspend = page.getByRole("dialog").getByRole("button", { name: "利用を停止" });
  await suspend.click();
  await expect(page.getByText("認証アプリの新しいコードを入力してから")).toBeVisible();
  await expect(suspend).toBeDisabled();
  wrong.push(...(await look(page, "operator-suspend")));
  // The next one: the one that the app shows may have opened the session.
  await digits(page).fill(totp(secret, Date.now() + 30_000));
  await suspend.click();
  await expect(page.getByText("停止中").first()).toBeVisible();
  await page.getByRole("button", { name: "この企業を削除" }).click();
  await page.getByLabel("確認のための企業名", { exact: false }).fill(other);
  await page.getByRole("dialog").getByRole("button", { name: "この企業を削除" }).click();
  await page.getByRole("navigation").getByRole("button", { name: "削除と証明書" }).click();
  const row = page.getByRole("row").filter({ hasText: other });
  await expect
    .poll(
      async () => {
        await page.reload();
        await settle(page);
        return row.getByRole("button", { name: /証明書/ }).count();
      },
      // Of each table in a transaction of its own.
      { timeout: 240_000 },
    )
    .toBe(1);
  await row.getByRole("button", { name: /証明書/ }).click();
  await expect(page.getByText("署名は有効です")).toBeVisible();
  wrong.push(...(await look(page, "operator-certificate")));

  // Who logs out in one tab is logged out in all, and nothing of a company stays on any screen.
  const second = await context.newPage();
  await second.goto(url);
  await expect(second.getByRole("button", { name: company })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "ログアウト" }).click();
  for (const tab of [page, second]) {
    await expect(tab.getByLabel("ログインID")).toBeVisible();
    await expect(tab.getByText(company)).toHaveCount(0);
  }
  expect([...wrong, ...heard]).toEqual([]);
});
