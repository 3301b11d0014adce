import { mkdirSync } from "node:fs";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { type Api, connect, took } from "./support/api";
import { accessibilityViolations, complaints, logIn, settle, stickingOut } from "./support/page";
import { furnish, type Screen, screens } from "./support/screens";

const widths = [1280, 360] as const;
const schemes = ["light", "dark"] as const;
const pictures = "test-results/screens";

let api: Api;
let all: Screen[];

test.beforeAll(async ({ baseURL }) => {
  api = await connect(baseURL ?? "");
  all = screens(await furnish(api));
  mkdirSync(pictures, { recursive: true });
});

test.afterAll(async () => {
  await took(api.PATCH("/v1/me", { body: { locale: "ja" } }));
});

/** Looks at the page in both widths and both schemes; answers what is wrong with it. */
async function look(page: Page, name: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const width of widths) {
    await page.setViewportSize({ width, height: width === 360 ? 760 : 800 });
    for (const colorScheme of schemes) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const at = `${name} ${width} ${colorScheme}`;
      // A dialog stands in the window, not on the page.
      const fullPage = (await page.getByRole("dialog").count()) === 0;
      const path = `${pictures}/${name}-${width}-${colorScheme}.png`;
      await page.screenshot({ path, fullPage, animations: "disabled" });
      // Colours differ by scheme, structure by width: the diagonal sees all of both.
      if ((width === 1280) === (colorScheme === "light")) {
        wrong.push(...(await accessibilityViolations(page)).map((text) => `${at}: ${text}`));
      }
      wrong.push(...(await stickingOut(page)).map((element) => `${at}: sticks out: ${element}`));
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  return wrong;
}

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
      await expect(page.getByRole("dialog")).toBeVisible();
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
    await took(api.PATCH("/v1/me", { body: { locale } }));
    await inContext(context, async (page) => {
      await page.goto("/login");
      const wrong = locale === "ja" ? await look(page, "ja-login") : [];
      await logIn(page);
      return [...wrong, ...(await walk(page, locale))];
    });
  });
}
