import type { Page } from "@playwright/test";
import { accessibilityViolations, stickingOut } from "./page";

const widths = [1280, 360] as const;
const schemes = ["light", "dark"] as const;
const pictures = "test-results/screens";

/** Looks at the page in both widths and both schemes; answers what is wrong with it. Leaves a picture of each. */
export async function look(page: Page, name: string): Promise<string[]> {
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
