import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { type Api, connect, took } from "./support/api";
import { look } from "./support/look";
import { complaints, logIn, settle } from "./support/page";
import { furnish, type Screen, screens } from "./support/screens";

let api: Api;
let all: Screen[];

test.beforeAll(async ({ baseURL }) => {
  all = screens(await furnish(await connect(baseURL ?? "")));
});

// An access token lives ten minutes, and a walk may take longer than that: each step has its own.
test.beforeEach(async ({ baseURL }) => {
  api = await connect(baseURL ?? "");
});

test.afterEach(async ({ baseURL }) => {
  api = await connect(baseURL ?? "");
  await took(api.PATCH("/v1/me", { body: { locale: "ja" } }));
});

/** A catalogue key or a placeholder that reached the page. */
async function untranslated(page: Page, name: string): Promise<string[]> {
  const text = await page.locator("body").textContent();
  const found =
    text?.match(/\b[a-z_]+\.[a-z_]+_other\b|\{\{\s*(count|n)\s*\}\}|\bundefined\b|\bNaN\b|\[object /g) ?? [];
  return found.map((word) => `${name}: untranslated: ${word}`);
}

async function walk(page: Page, locale: "ja" | "en"): Promise<string[]> {
  const wrong: string[] = [];
  for (const screen of all) {
    const name = `${locale}-${screen.name}`;
    await page.goto(screen.path);
    await settle(page);
    if (screen.open) {
      await page.getByRole(screen.open.role, { name: screen.open[locale], exact: true }).click();
      await expect(page.getByRole(screen.open.shows ?? "dialog")).toBeVisible();
      await settle(page);
    }
    await expect(page.locator("h1").first()).toBeAttached();
    wrong.push(...(await look(page, name)), ...(await untranslated(page, name)));
  }
  return wrong;
}

async function inContext(context: BrowserContext, body: (page: Page) => Promise<string[]>): Promise<void> {
  const heard = complaints(context);
  const page = await context.newPage();
  const wrong = await body(page);
  expect([...wrong, ...heard]).toEqual([]);
}

for (const locale of ["ja", "en"] as const) {
  test(`every screen in ${locale} is accessible and fits, wide and narrow, light and dark`, async ({ context }) => {
    test.setTimeout(600_000);
    await inContext(context, async (page) => {
      await page.goto("/login");
      await expect(page.getByRole("button", { name: "パスキーでログイン" })).toBeVisible();
      const wrong = locale === "ja" ? await look(page, "ja-login") : [];
      await took(api.PATCH("/v1/me", { body: { locale: "ja" } }));
      await logIn(page);
      await took(api.PATCH("/v1/me", { body: { locale } }));
      return [...wrong, ...(await walk(page, locale))];
    });
  });
}
