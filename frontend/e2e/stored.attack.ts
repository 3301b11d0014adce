import { readFileSync, writeFileSync } from "node:fs";
import { expect, type Page, test } from "@playwright/test";
import { connect } from "./support/api";
import { examine, examineCanary, listen, readable } from "./support/attack";
import { needed } from "./support/env";
import { complaints, logIn, settle } from "./support/page";
import { furnish, type Screen, screens } from "./support/screens";

/**
 * Part of scripts/security (the item xss.stored), not of the browser tests: payloads stand in every field, every
 * screen is opened, and nothing of them may come to life. What is found goes into a file, since the suite judges.
 */
interface Order {
  out: string;
  /** A page that has the hole, for which something has to be found. */
  canary?: string;
  planted?: Record<string, string>;
  /** What stands in the fields, as it has to be read on the pages. */
  shown?: string;
  /** All screens, not only those of `planted`. */
  every?: boolean;
}

const order = JSON.parse(readFileSync(needed("KIKUBARI_ATTACK"), "utf8")) as Order;

// On a machine that does other things as well a screen takes its time; what never comes is missed all the same.
test.use({ actionTimeout: 60_000, navigationTimeout: 120_000 });

/** Screens that show what was planted, each with at least one payload to be read. */
function plantedScreens(planted: Record<string, string>): Screen[] {
  return [
    { name: "planted contact", path: `/contacts/${planted.contact}` },
    { name: "planted contacts", path: "/contacts?q=onerror" },
    { name: "planted mail", path: `/mails/${planted.mail}` },
    { name: "planted mails", path: "/mails" },
    { name: "planted template", path: `/templates/${planted.template}` },
    { name: "planted report", path: `/campaigns/${planted.campaign}` },
    { name: "planted recipients", path: `/campaigns/${planted.campaign}?tab=recipients` },
    { name: "planted campaigns", path: "/campaigns" },
    { name: "planted lists", path: "/lists" },
    { name: "planted blocks", path: "/blocks" },
    { name: "planted suppressions", path: "/suppressions" },
    { name: "planted signup", path: `/signup-addresses?edit=${planted.signup}` },
    { name: "planted sequence", path: `/sequences/${planted.sequence}` },
    { name: "planted import", path: `/contacts/imports/${planted.import}` },
    { name: "planted fields", path: "/contacts/fields" },
    { name: "planted routes", path: "/settings/routes" },
    { name: "planted sessions", path: "/settings/sessions" },
    { name: "planted organisation", path: "/settings/organisation" },
    { name: "planted transactional", path: "/transactional" },
    { name: "planted users", path: "/settings/users" },
    { name: "planted roles", path: "/settings/roles" },
    { name: "planted tokens", path: "/settings/tokens" },
    { name: "planted support", path: "/settings/support" },
    { name: "planted webhook answer", path: `/settings/webhooks/${planted.webhook}?open=${planted.message}` },
    { name: "planted audit detail", path: `/settings/audit?open=${planted.audited}` },
    { name: "planted erasures", path: "/contacts/erasures" },
    { name: "planted exports", path: "/contacts/exports" },
    { name: "planted date mails", path: "/date-mails" },
    { name: "planted date mail", path: `/date-mails?edit=${planted.date_mail}` },
    { name: "planted days", path: `/date-mails?days=${planted.date_mail}` },
  ];
}

/** Not shown as it is: user agents are told as browser and system; files of exports have names of their own. */
const notLiteral = new Set(["planted sessions", "planted exports"]);

async function openDetails(page: Page): Promise<void> {
  // The answer of the receiving server, its bounce and what the person did, in a panel at the side.
  const rows = page.getByRole("table").getByRole("button");
  if ((await rows.count()) > 0) {
    await rows.first().click();
    await settle(page);
  }
}

test("stored payloads stay text on every screen", async ({ page, context, baseURL }) => {
  test.setTimeout(840_000);
  const found: string[] = [];
  let looked = 0;
  await listen(context, found);
  try {
    if (order.canary) {
      await examineCanary(page, order.canary, found);
      looked = 1;
      return;
    }
    // A preview is a page in a sandbox, where a blocked script is as it should be.
    const heard = complaints(context, [/\/p\/preview\//, /status of 404/]);
    const planted = plantedScreens(order.planted ?? {});
    const others = order.every ? screens(await furnish(await connect(baseURL ?? ""))) : [];
    const all = [...planted, ...others];
    await logIn(page);
    for (const screen of all) {
      await page.goto(screen.path);
      await settle(page);
      if (screen.open) {
        await page.getByRole(screen.open.role, { name: screen.open.ja, exact: true }).click();
        await settle(page);
      }
      await expect(page.locator("h1").first()).toBeAttached();
      if (planted.includes(screen) && !notLiteral.has(screen.name)) {
        const seen = async () => (await readable(page)).includes(order.shown ?? "");
        const stands = await expect
          .poll(seen, { timeout: 30_000 })
          .toBe(true)
          .then(
            () => true,
            () => false,
          );
        if (!stands) {
          found.push(`${screen.name}: the payload is not to be read on ${screen.path}`);
        }
      }
      await examine(page, screen.name, found);
      if (screen.name === "planted recipients") {
        await openDetails(page);
        await examine(page, `${screen.name}, details`, found);
      }
      looked += 1;
    }
    found.push(...heard.map((text) => `console: ${text}`));
  } finally {
    writeFileSync(order.out, JSON.stringify({ looked, found }));
  }
});
