import { expect, type Page, test } from "@playwright/test";
import { connect, took } from "./support/api";
import { expectAccessible, logIn } from "./support/page";
import { totp } from "./support/totp";

const given = "correct horse battery";
const password = "thimble volcano quartz";

/** A person of the demo company of their own, so that the others log in as before. */
async function newPerson(baseURL: string, role: "owner" | "editor" = "editor") {
  const api = await connect(baseURL);
  const loginId = `factor-${role}-${Date.now().toString(36)}`;
  const display_name = "二段 花子";
  const { id } = await took(
    api.POST("/v1/users", {
      body: { login_id: loginId, display_name, email: "f@example.jp", role, password: given },
    }),
  );
  // Made up by somebody else: it has to be changed before anything can be looked at.
  const person = await connect(baseURL, { loginId, password: given });
  await took(person.POST("/v1/auth/password", { body: { current_password: given, new_password: password } }));
  return { id, loginId, password };
}

/** Chromium's own authenticator in software: always there, and the person always says yes. */
async function authenticator(page: Page): Promise<{ isVerified: (verified: boolean) => Promise<unknown> }> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    isVerified: (isUserVerified) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
  };
}

async function firstStep(page: Page, login: { loginId: string; password: string }): Promise<void> {
  await page.goto("/login");
  await page.getByLabel("ログインID").fill(login.loginId);
  await page.getByLabel("パスワード", { exact: true }).fill(login.password);
  await page.getByRole("button", { name: "ログイン", exact: true }).click();
}

async function logOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: /のメニュー$/ }).click();
  await page.getByRole("menuitem", { name: "ログアウト" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "ログイン" })).toBeVisible();
}

const home = (page: Page) => page.getByRole("navigation", { name: "メインメニュー" });

test("a passkey is added, and logs in and steps up", async ({ page, baseURL }) => {
  const login = await newPerson(baseURL ?? "");
  await authenticator(page);
  await logIn(page, { login });
  await page.goto("/settings/second-factor");
  await page.getByRole("button", { name: "パスキーを追加" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("名前").fill("会社のノートPC");
  await dialog.getByRole("button", { name: "登録に進む" }).click();
  await expect(dialog.getByRole("listitem")).toHaveCount(10);
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "保管しました" }).click();
  await expect(page.getByRole("cell", { name: /^会社のノートPC/ })).toBeVisible();
  await logOut(page);
  await firstStep(page, login);
  const confirm = page.getByRole("button", { name: "パスキーで確認する" });
  await expect(confirm).toBeFocused();
  await expectAccessible(page);
  await confirm.click();
  await expect(home(page)).toBeVisible();
  // Ten minutes on, as the server would say: the first refusal opens the dialog, and the action goes on by itself.
  let refused = false;
  await page.route("**/v1/auth/recovery-codes", async (route) => {
    if (refused) {
      await route.continue();
      return;
    }
    refused = true;
    const problem = { type: "about:blank", title: "Forbidden", status: 403, code: "step_up_required" };
    await route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify(problem) });
  });
  await page.goto("/settings/second-factor");
  await page.getByRole("button", { name: "コードを作り直す" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "コードを作り直す" }).click();
  const stepUp = page.getByRole("dialog", { name: "本人確認" });
  await stepUp.getByRole("button", { name: "パスキーで確認する" }).click();
  await expect(stepUp).toBeHidden();
  await expect(page.getByRole("dialog").getByRole("listitem")).toHaveCount(10);
});

test("a passkey logs in by itself, and is refused when its person is gone", async ({ page, baseURL }) => {
  const login = await newPerson(baseURL ?? "");
  const device = await authenticator(page);
  await logIn(page, { login });
  await page.goto("/settings/second-factor");
  await page.getByRole("button", { name: "パスキーを追加" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("名前").fill("鍵");
  await dialog.getByRole("button", { name: "登録に進む" }).click();
  await dialog.getByRole("button", { name: "保管しました" }).click();
  await expect(page.getByRole("cell", { name: /^鍵/ })).toBeVisible();
  await logOut(page);
  const button = page.getByRole("button", { name: "パスキーでログイン" });
  await expect(button).toBeVisible();
  await expectAccessible(page);
  await button.click();
  await expect(home(page)).toBeVisible();
  // The settings show what it is good for: dangerous actions want no further proof.
  await page.goto("/settings/second-factor");
  await page.getByRole("button", { name: "コードを作り直す" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "コードを作り直す" }).click();
  await expect(page.getByRole("dialog").getByRole("listitem")).toHaveCount(10);
  await page.getByRole("dialog").getByRole("button", { name: "保管しました" }).click();
  await logOut(page);
  // Somebody else at the same browser who is not verified.
  await device.isVerified(false);
  await button.click();
  await expect(page.getByRole("alert")).toContainText("パスキーを確認できませんでした");
  await device.isVerified(true);
  const api = await connect(baseURL ?? "");
  const path = { id: login.id };
  const { version } = await took(api.GET("/v1/users/{id}", { params: { path } }));
  const header = { "If-Match": `"${version}"` };
  await took(api.PATCH("/v1/users/{id}", { params: { path, header }, body: { disabled: true } }));
  await button.click();
  await expect(page.getByRole("alert")).toContainText("このパスキーではログインできません");
});

test("an authenticator app is set up with its key, and each code and recovery code logs in once", async ({
  page,
  baseURL,
}) => {
  const login = await newPerson(baseURL ?? "");
  await logIn(page, { login });
  await page.goto("/settings/second-factor");
  await page.getByRole("button", { name: "認証アプリを設定" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("img", { name: "認証アプリで読み取るQRコード" })).toBeVisible();
  const secret = (await dialog.locator("code").textContent())?.replaceAll(" ", "") ?? "";
  const used = totp(secret);
  await dialog.getByLabel("認証アプリの6桁のコード").fill(used);
  await dialog.getByRole("button", { name: "設定を完了" }).click();
  // The steps of the set-up are a list as well.
  await expect(dialog.getByRole("listitem")).toHaveCount(10);
  const codes = await dialog.getByRole("listitem").allTextContents();
  await dialog.getByRole("button", { name: "保管しました" }).click();
  await logOut(page);
  await firstStep(page, login);
  const field = page.getByLabel("認証アプリの6桁のコード");
  await field.fill(used);
  await field.press("Enter");
  await expect(page.getByRole("alert")).toContainText("すでに使われています");
  // The app's next code counts already: clocks may be half a minute off.
  await field.fill(totp(secret, Date.now() + 30_000));
  await field.press("Enter");
  await expect(home(page)).toBeVisible();
  await logOut(page);
  await firstStep(page, login);
  await page.getByRole("button", { name: "リカバリーコードを使う" }).click();
  await page.getByLabel("リカバリーコード").fill(codes[0] ?? "");
  await page.getByRole("button", { name: "ログイン", exact: true }).click();
  await expect(home(page)).toBeVisible();
  await page.goto("/settings/second-factor");
  await expect(page.getByText("残り9個")).toBeVisible();
});

test("where all need a second factor, who has none sets one up before anything else", async ({ page, baseURL }) => {
  const api = await connect(baseURL ?? "");
  const login = await newPerson(baseURL ?? "");
  const tenant = await took(api.GET("/v1/tenant"));
  const want = (version: number, second_factor_required: boolean) =>
    took(
      api.PATCH("/v1/tenant", {
        params: { header: { "If-Match": `"${version}"` } },
        body: { second_factor_required },
      }),
    );
  // The administrator of this test gets a factor first, and switches it off again at the end.
  const enrolment = await took(api.POST("/v1/auth/totp"));
  await took(api.POST("/v1/auth/totp/confirm", { body: { code: totp(enrolment.secret) } }));
  try {
    await authenticator(page);
    await logIn(page, { login });
    const changed = await want(tenant.version, true);
    try {
      // The page that is open already finds out by its next request.
      await page.goto("/contacts");
      await expect(page.getByRole("heading", { level: 1, name: "二段階認証の設定" })).toBeVisible();
      await expectAccessible(page);
      await page.getByRole("button", { name: /パスキーを登録する/ }).click();
      await page.getByLabel("名前").fill("鍵");
      await page.getByRole("button", { name: "登録に進む" }).click();
      await page.getByRole("button", { name: "保管しました" }).click();
      await expect(page.getByRole("heading", { level: 1, name: "連絡先" })).toBeVisible();
    } finally {
      await want(changed.version, false);
    }
  } finally {
    await took(api.DELETE("/v1/auth/totp"));
  }
});
