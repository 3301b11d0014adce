import { expect, type Page, test } from "@playwright/test";
import { needed } from "./support/env";
import { complaints, logIn, settle } from "./support/page";

/** Every way that a page's own script has to make markup or a script of text, with a payload; answers those that did. */
const whatPassed = (page: Page) =>
  page.evaluate(() => {
    const payload = "<img src=x onerror=\"document.title = 'it ran'\">";
    const box = document.body.appendChild(document.createElement("div"));
    const ways: Record<string, () => unknown> = {
      innerHTML: () => (box.innerHTML = payload),
      outerHTML: () => (box.appendChild(document.createElement("p")).outerHTML = payload),
      insertAdjacentHTML: () => box.insertAdjacentHTML("beforeend", payload),
      srcdoc: () => (box.appendChild(document.createElement("iframe")).srcdoc = payload),
      "document.write": () => document.write(payload),
      createContextualFragment: () => document.createRange().createContextualFragment(payload),
      parseFromString: () => new DOMParser().parseFromString(payload, "text/html"),
      "script.text": () => (document.createElement("script").text = "document.title = 'it ran'"),
      "script.src": () => (document.createElement("script").src = "/assets/x.js"),
      "onclick attribute": () => box.setAttribute("onclick", "document.title = 'it ran'"),
      "another policy": () => (window as unknown as Policies).trustedTypes.createPolicy("other", {}),
      "the policy again": () => (window as unknown as Policies).trustedTypes.createPolicy("default", {}),
    };
    interface Policies {
      trustedTypes: { createPolicy(name: string, rules: object): unknown };
    }
    const passed = Object.keys(ways).filter((name) => {
      try {
        ways[name]?.();
        return true;
      } catch {
        return false;
      }
    });
    // Plain text is what style sheets are written as.
    box.innerHTML = "p { color: red }";
    const text = box.textContent;
    box.remove();
    return { passed, text, title: document.title };
  });

async function expectRefused(page: Page): Promise<void> {
  const { passed, text, title } = await whatPassed(page);
  expect(passed).toEqual([]);
  expect(text).toBe("p { color: red }");
  expect(title).not.toBe("it ran");
}

test("no page of the product lets text become markup or a script", async ({ page, context }) => {
  await page.goto("/login");
  await settle(page);
  await expectRefused(page);
  const heard = complaints(context);
  await logIn(page);
  await settle(page);
  expect(heard).toEqual([]);
  await expectRefused(page);
});

test("nor does the operator's console", async ({ page }) => {
  await page.goto(needed("KIKUBARI_OPERATOR_URL"));
  await expect(page.getByLabel("ログインID")).toBeVisible();
  await expectRefused(page);
});

test("the reader of the API's document shows it", async ({ page, context }) => {
  const heard = complaints(context);
  await page.goto("/docs/");
  await expect(page.getByRole("heading", { name: /Kikubari/ })).toBeVisible();
  await expect(page.getByText("/v1/contacts", { exact: true }).first()).toBeVisible();
  expect(heard).toEqual([]);
});
