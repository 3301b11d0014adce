import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { logIn } from "./support/page";

const loginHeading = (page: Page) => page.getByRole("heading", { level: 1, name: "ログイン" });
const home = (page: Page) => page.getByRole("navigation", { name: "メインメニュー" });

/** Every Set-Cookie line that any answer to the context carried. */
function setCookies(context: BrowserContext): string[] {
  const lines: string[] = [];
  context.on("response", async (response) => {
    for (const { name, value } of await response.headersArray().catch(() => [])) {
      if (name.toLowerCase() === "set-cookie") {
        lines.push(value);
      }
    }
  });
  return lines;
}

test("cookies are out of reach of scripts and of other sites, and nothing secret is stored", async ({
  page,
  context,
}) => {
  const lines = setCookies(context);
  await logIn(page);
  await page.reload();
  await expect(home(page)).toBeVisible();
  // The page may be there before the test has read the head of the answer.
  await expect.poll(() => lines.length).toBeGreaterThanOrEqual(2);
  for (const line of lines) {
    const [pair, ...attributes] = line.split(/;\s*/);
    expect(pair).toMatch(/^__Host-/);
    expect(attributes).toEqual(expect.arrayContaining(["HttpOnly", "Secure", "SameSite=Strict", "Path=/"]));
    expect(attributes.some((attribute) => /^Domain=/i.test(attribute))).toBe(false);
  }
  const kept = await page.evaluate(() => ({
    cookie: document.cookie,
    stored: JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
  }));
  expect(kept.cookie).toBe("");
  expect(kept.stored).not.toMatch(/eyJ|Bearer|token|refresh/i);
  const secrets = (await context.cookies()).map(({ value }) => value);
  expect(secrets.length).toBeGreaterThan(0);
  for (const secret of secrets) {
    expect(kept.stored).not.toContain(secret);
  }
});

test("idleness is announced a minute before, can be answered, and ends the session everywhere", async ({ page }) => {
  await page.clock.install();
  await logIn(page);
  const dialog = page.getByRole("dialog", { name: "まもなくログアウトします" });
  await page.clock.fastForward("29:05");
  await expect(dialog).toBeVisible();
  await dialog.getByRole("button", { name: "ログインを続ける" }).click();
  await expect(dialog).toBeHidden();
  await page.clock.fastForward("29:05");
  await expect(dialog).toBeVisible();
  await page.clock.fastForward("01:00");
  await expect(loginHeading(page)).toBeVisible();
  await expect(page.getByText("一定時間操作がなかったため、ログアウトしました。")).toBeVisible();
  // The server ended it too: a reload finds nothing to go on with.
  await page.reload();
  await expect(loginHeading(page)).toBeVisible();
});

test("two tabs share one session: both renew it, and the log-out of one is that of the other", async ({ context }) => {
  const [one, two] = [await context.newPage(), await context.newPage()];
  await logIn(one);
  await two.goto("/contacts");
  await expect(two.getByRole("heading", { level: 1, name: "連絡先" })).toBeVisible();
  await two.goto("/lists");
  await expect(two.getByRole("heading", { level: 1, name: "配信グループ" })).toBeVisible();
  // Both use the cookie at once; a second use of the same one would end the session.
  await Promise.all([one.reload(), two.reload()]);
  await expect(home(one)).toBeVisible();
  await expect(home(two)).toBeVisible();
  await one.getByRole("button", { name: /のメニュー$/ }).click();
  await one.getByRole("menuitem", { name: "ログアウト" }).click();
  await expect(loginHeading(one)).toBeVisible();
  await expect(loginHeading(two)).toBeVisible();
  // Back shows no page of the session that is over.
  await two.goBack();
  await expect(loginHeading(two)).toBeVisible();
  // Who logs in again in one tab goes on in the other.
  await logIn(one);
  await expect(home(two)).toBeVisible();
});

test("a link into the app leads there after the log-in, one to elsewhere does not", async ({ page, baseURL }) => {
  await page.goto("/suppressions?q=example");
  await expect(loginHeading(page)).toBeVisible();
  expect(new URL(page.url()).searchParams.get("next")).toBe("/suppressions?q=example");
  await logIn(page, { at: "/login?next=//elsewhere.example/" });
  expect(new URL(page.url()).origin).toBe(new URL(baseURL ?? "").origin);
});
