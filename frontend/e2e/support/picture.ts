import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";

/** With KIKUBARI_E2E_PICTURES set, the story also makes the pictures of the README: the product as it is. */
export async function picture(page: Page, name: "home" | "import" | "editor" | "report"): Promise<void> {
  if (process.env.KIKUBARI_E2E_PICTURES) {
    const path = fileURLToPath(new URL(`../../../docs/images/${name}.png`, import.meta.url));
    await page.screenshot({ path, animations: "disabled" });
  }
}
