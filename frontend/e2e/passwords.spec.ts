import { expect, test } from "@playwright/test";
import { connect, took } from "./support/api";
import { type InboxMail, mailsTo } from "./support/inbox";
import { complaints } from "./support/page";

/** The last mail to somebody that the product itself has sent. */
async function mailTo(address: string, about: string): Promise<InboxMail> {
  let found: InboxMail | undefined;
  await expect
    .poll(
      async () => {
        found = (await mailsTo(address)).findLast((mail) => mail.subject.includes(about));
        return found?.subject;
      },
      { timeout: 20_000 },
    )
    .toBeTruthy();
  return found as InboxMail;
}

function linkIn(mail: InboxMail): string {
  const link = /https?:\/\/\S+#\S+/.exec(mail.text)?.[0];
  if (!link) {
    throw new Error(`no link in ${mail.text}`);
  }
  return link;
}

test("a new person is invited, sets a password, forgets it and gets in again", async ({ page, context, baseURL }) => {
  const heard = complaints(context);
  const loginId = `invited-${Date.now().toString(36)}`;
  const address = `${loginId}@example.jp`;
  const api = await connect(baseURL ?? "");
  await took(
    api.POST("/v1/users", {
      body: { login_id: loginId, display_name: "招待 花子", email: address, role: "viewer" },
    }),
  );
  const set = async (mail: InboxMail, password: string) => {
    await page.goto(linkIn(mail));
    await expect(page.getByText(loginId)).toBeVisible();
    expect(page.url()).not.toContain("#");
    await page.getByLabel("新しいパスワード", { exact: false }).first().fill(password);
    await page.getByLabel("新しいパスワード（確認）", { exact: false }).fill(password);
    await page.getByRole("button", { name: "パスワードを設定" }).click();
    // The way to the log-in stands below the form too.
    await expect(page.getByRole("status")).toBeVisible();
    await page.getByRole("link", { name: "ログイン画面へ" }).click();
  };
  const logIn = async (password: string) => {
    await page.getByLabel("ログインID").fill(loginId);
    await page.getByLabel("パスワード", { exact: true }).fill(password);
    await page.getByRole("button", { name: "ログイン", exact: true }).click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText("招待 花子");
  };
  await set(await mailTo(address, "ご招待"), "gakubuchi no ura ni kakusu");
  await logIn("gakubuchi no ura ni kakusu");

  await context.clearCookies();
  await page.goto("/login");
  await page.getByRole("link", { name: "パスワードを忘れた方" }).click();
  await page.getByLabel("ログインIDまたはメールアドレス").fill(address);
  await page.getByRole("button", { name: "リンクを送る" }).click();
  await expect(page.getByRole("status")).toContainText("メールをお送りしました");
  await set(await mailTo(address, "再設定"), "thimble volcano quartz");
  await logIn("thimble volcano quartz");
  await mailTo(address, "パスワードが変更されました");
  expect(heard).toEqual([]);
});
