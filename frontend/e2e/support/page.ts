import { type BrowserContext, expect, type Page } from "@playwright/test";
import axe from "axe-core";
import { demo } from "./env";

/** Logs in and waits for the frame of the pages behind. */
export async function logIn(page: Page, { at = "/login", login = demo() } = {}): Promise<void> {
  await page.goto(at);
  await page.getByLabel("ログインID").fill(login.loginId);
  await page.getByLabel("パスワード", { exact: true }).fill(login.password);
  await page.getByRole("button", { name: "ログイン", exact: true }).click();
  await expect(page.getByRole("navigation", { name: "メインメニュー" })).toBeVisible();
}

const standards = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/**
 * What WCAG 2.2 AA forbids on the page as it stands. Run in the page itself and not by a driver that also
 * enters frames: in the preview, where no script may run, that one waits for ever; mails are the writer's own content.
 */
export async function accessibilityViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async (values) => {
    const { violations } = await (window as unknown as { axe: typeof import("axe-core") }).axe.run(document, {
      iframes: false,
      resultTypes: ["violations"],
      runOnly: { type: "tag", values },
    });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
  }, standards);
}

export async function expectAccessible(page: Page): Promise<void> {
  expect(await accessibilityViolations(page)).toEqual([]);
}

/** Elements that stick out of the page to the right; a table that scrolls in its own frame does not. */
export async function stickingOut(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) {
      return [];
    }
    return [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1)
      .map((element) => `${element.tagName.toLowerCase()}.${element.className}`.slice(0, 80))
      .slice(0, 5);
  });
}

/**
 * Collects what the browser complains about in any page of the context: errors in the console (refused
 * requests and violations of the Content-Security-Policy among them) and exceptions nobody caught.
 */
export function complaints(context: BrowserContext, expected: readonly RegExp[] = []): string[] {
  const found: string[] = [];
  const add = (text: string) => {
    // Whether there is a session to go on with is asked at each first load, and "no" is an answer.
    const asked = /status of 401 .*\/v1\/auth\/refresh\)$/.test(text);
    if (!asked && !expected.some((pattern) => pattern.test(text))) {
      found.push(text);
    }
  };
  context.on("console", (message) => {
    if (message.type() === "error") {
      add(`${message.text()} (${message.location().url})`);
    }
  });
  context.on("weberror", (error) => add(String(error.error())));
  return found;
}

/** Waits until nothing on the page says that it is still loading. */
export async function settle(page: Page): Promise<void> {
  await expect(page.locator('[aria-busy="true"], [data-loading="true"]')).toHaveCount(0);
  await page.evaluate(() => document.fonts.ready);
}

/** Waits until the editor says that everything is saved. */
export async function expectSaved(page: Page): Promise<void> {
  await expect(page.locator('[data-save-state="saved"]')).toBeVisible();
}
