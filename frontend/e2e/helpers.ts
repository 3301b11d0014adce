import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

function needed(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run the browser tests inside the stack`);
  }
  return value;
}

/** Logs in as the demo tenant's owner and waits for the home page. */
export async function logIn(page: Page): Promise<void> {
  await page.goto("/login");
  await page.getByLabel("ログインID").fill(needed("KIKUBARI_E2E_LOGIN_ID"));
  await page.getByLabel("パスワード", { exact: true }).fill(needed("KIKUBARI_E2E_PASSWORD"));
  await page.getByRole("button", { name: "ログイン" }).click();
  await expect(page.getByRole("navigation", { name: "メインメニュー" })).toBeVisible();
}

/** Nothing that WCAG 2.2 AA forbids on the page as it stands. Frames of mails are the writer's own content. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
    // Without scripts in the sandboxed preview axe would wait for an answer from inside for ever.
    .setLegacyMode(true)
    .analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
  expect(found).toEqual([]);
}

/** Waits until the editor says that everything is saved. */
export async function expectSaved(page: Page): Promise<void> {
  await expect(page.locator('[data-save-state="saved"]')).toBeVisible();
}

/** Chooses an option of a Mantine select by its label. */
export async function choose(page: Page, label: string, option: string): Promise<void> {
  await page
    .getByRole("combobox", { name: label })
    .or(page.getByLabel(label, { exact: true }))
    .first()
    .click();
  await page.getByRole("option", { name: option }).click();
}
