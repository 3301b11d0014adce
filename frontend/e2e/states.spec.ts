import { expect, test } from "@playwright/test";
import { connect, took } from "./support/api";
import { look } from "./support/look";
import { complaints, logIn, settle } from "./support/page";
import { furnish, type Screen, screens } from "./support/screens";
import { createTenant } from "./support/tenant";

/** Screens that read something before they show anything, one of each kind. */
const reading = ["home", "contacts", "contact", "imports", "lists", "mails", "mail", "campaigns", "campaign-report"];

let all: Screen[];

test.beforeAll(async ({ baseURL }) => {
  all = screens(await furnish(await connect(baseURL ?? "")));
});

test("a company that has just begun finds on each screen what belongs there and the next step", async ({
  page,
  context,
}) => {
  test.setTimeout(300_000);
  const heard = complaints(context);
  const wrong: string[] = [];
  await logIn(page, { login: await createTenant("はじめて商店") });
  for (const [path, button] of [
    ["/", "連絡先を取り込む"],
    ["/contacts", "取り込み"],
    ["/contacts/fields", "項目を追加"],
    ["/contacts/imports", null],
    ["/contacts/exports", null],
    ["/lists", "グループを作成"],
    ["/suppressions", "登録"],
    ["/mails", "メールを作成"],
    ["/blocks", "ブロックを作成"],
    ["/campaigns", "配信を作成"],
    ["/settings/domains", "ドメインを追加"],
    ["/settings/routes", "経路を追加"],
    ["/settings/limits", "上限を追加"],
  ] as const) {
    await page.goto(path);
    await settle(page);
    if (button) {
      await expect(
        page
          .getByRole("main")
          .getByRole("button", { name: button })
          .or(page.getByRole("main").getByRole("link", { name: button }))
          .first(),
      ).toBeVisible();
    }
    wrong.push(...(await look(page, `empty${path.replaceAll("/", "-")}`)));
  }
  expect([...wrong, ...heard]).toEqual([]);
});

test("who may only look sees no button that would be refused, and is told where they may not go", async ({
  page,
  context,
  baseURL,
}) => {
  test.setTimeout(300_000);
  const heard = complaints(context);
  const wrong: string[] = [];
  const api = await connect(baseURL ?? "");
  const login = { loginId: `viewer-${Date.now().toString(36)}`, password: "long enough to be a good one 7" };
  await took(
    api.POST("/v1/users", {
      body: {
        login_id: login.loginId,
        password: login.password,
        display_name: "閲覧 花子",
        email: `${login.loginId}@example.jp`,
        role: "viewer",
      },
    }),
  );
  // Made up by somebody else: it has to be changed before anything can be looked at.
  const own = { ...login, password: "thimble volcano quartz" };
  const viewer = await connect(baseURL ?? "", login);
  await took(
    viewer.POST("/v1/auth/password", { body: { current_password: login.password, new_password: own.password } }),
  );
  await logIn(page, { login: own });
  for (const path of ["/contacts", "/lists", "/mails", "/campaigns", "/settings/roles"]) {
    await page.goto(path);
    await settle(page);
    await expect(page.getByRole("main").getByRole("button", { name: /追加|作成|取り込み/ })).toHaveCount(0);
    wrong.push(...(await look(page, `viewer${path.replaceAll("/", "-")}`)));
  }
  for (const path of ["/settings/users", "/settings/tokens", "/contacts/imports/new"]) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1, name: "権限がありません" })).toBeVisible();
    wrong.push(...(await look(page, `viewer${path.replaceAll("/", "-")}`)));
  }
  expect([...wrong, ...heard]).toEqual([]);
});

test("while data is on its way each screen says so, and when it doesn't come, what happened", async ({ page }) => {
  test.setTimeout(300_000);
  const wrong: string[] = [];
  await logIn(page);
  const data = /\/v1\/(?!auth|me$|events)/;
  for (const screen of all.filter(({ name }) => reading.includes(name))) {
    let open = () => {};
    const gate = new Promise<void>((done) => {
      open = done;
    });
    await page.route(data, async (route) => {
      await gate;
      await route.fulfill({
        status: 503,
        contentType: "application/problem+json",
        body: JSON.stringify({ type: "about:blank", title: "unavailable", status: 503, code: "unavailable" }),
      });
    });
    await page.goto(screen.path);
    await expect(page.getByRole("main").getByRole("status", { name: "読み込み中" }).first()).toBeVisible();
    wrong.push(...(await look(page, `loading-${screen.name}`)));
    open();
    await expect(page.getByRole("main").getByRole("alert").first()).toBeVisible();
    wrong.push(...(await look(page, `failed-${screen.name}`)));
    await page.unroute(data);
    await page.getByRole("main").getByRole("button", { name: "再読み込み" }).first().click();
    await expect(page.getByRole("main").getByRole("alert")).toHaveCount(0);
  }
  expect(wrong).toEqual([]);
});
