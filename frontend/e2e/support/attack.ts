import { type BrowserContext, expect, type Page } from "@playwright/test";

/** Elements and attributes that only a payload can have made. */
const made = '[onerror],[onload],img[src="x"],iframe[srcdoc],a[href^="javascript:"]';

/** Notes dialogs and reports of the Content-Security-Policy in any page of the context. */
export async function listen(context: BrowserContext, found: string[]): Promise<void> {
  context.on("dialog", (dialog) => {
    found.push(`dialog ${dialog.type()} "${dialog.message()}" at ${dialog.page()?.url()}`);
    void dialog.dismiss();
  });
  await context.exposeFunction("attackReported", (text: string) => found.push(text));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      const report = (window as unknown as { attackReported(text: string): void }).attackReported;
      report(`policy: ${event.effectiveDirective} of ${event.documentURI}: ${event.blockedURI} ${event.sample}`);
    });
  });
}

export async function examine(page: Page, name: string, found: string[]): Promise<void> {
  const elements = await page.evaluate(
    (selector) => [...document.querySelectorAll(selector)].map((element) => element.outerHTML.slice(0, 120)),
    made,
  );
  found.push(...elements.map((html) => `${name}: element of a payload: ${html}`));
}

/** A page that has the hole: its dialog comes when the browser has tried to load what is not there. */
export async function examineCanary(page: Page, url: string, found: string[]): Promise<void> {
  await page.goto(url);
  await expect.poll(() => found.some((one) => one.startsWith("dialog ")), { timeout: 120_000 }).toBe(true);
  await examine(page, "canary", found);
}

/** Text and values of fields, as somebody reads them. */
export const readable = (page: Page) =>
  page.evaluate(() => {
    const fields = [...document.querySelectorAll("input,textarea")] as HTMLInputElement[];
    return [document.body.textContent, document.title, ...fields.map((field) => field.value)].join("\n");
  });
