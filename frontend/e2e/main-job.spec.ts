import { readFileSync } from "node:fs";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { connect, took } from "./support/api";
import { countMails, type ReceivedMail, receive } from "./support/inbox";
import { complaints, expectAccessible, expectSaved, logIn, settle } from "./support/page";
import { picture } from "./support/picture";
import { decodeShiftJis, encodeShiftJis } from "./support/shift-jis";

/** Makes names of this run its own: the story may be told twice to one installation. */
const run = Date.now().toString(36);
// On the pictures of the README a name without it.
const list = process.env.KIKUBARI_E2E_PICTURES ? "冬のセール" : `冬のセール ${run}`;
const at = (name: string) => `${name}.${run}@example.jp`;
const misaki = at("misaki.takahashi");
const browserAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";

const header = "メールアドレス,氏名,市区町村";
const goodRows = [
  `${misaki},髙橋 美咲,千代田区`,
  `${at("miyazaki")},宮﨑 蓮,三鷹市`,
  `${at("store1")},①番館 店長,渋谷区`,
  `${at("hanako")},ﾔﾏﾀﾞ ﾊﾅｺ,横浜市`,
  `yui..watanabe.${run}@docomo.ne.jp,渡邉 結衣,札幌市`,
];
const badRows = [`sato-no-domain,佐藤 健,仙台市`, `,宛先 なし,京都市`];
const mended: Record<string, string> = {
  "sato-no-domain": at("sato"),
  "宛先 なし": "宛先 あり",
};
/** The five good rows and the two mended ones. */
const people = 7;
/** The mail sink takes no local part with two dots in a row, which exist at docomo: a refusal, as any server has some. */
const refused = 1;

const html = `<!doctype html>
<html lang="ja"><body style="font-family:sans-serif">
<p>{{ name | sama }}</p>
<p>{{ city }}の店舗で、冬のセールを始めます。</p>
<p><a href="https://shop.example.jp/winter?area={{ city | urlencode }}">セール会場を見る</a></p>
<hr><p>{{ company_name }}<br>{{ company_address }}<br>お問い合わせ：{{ company_contact }}</p>
<p>配信停止をご希望の方は<a href="{{ cancel_url }}">こちら</a>から配信停止のお手続きができます。</p>
</body></html>`;

async function uploadAndCheck(page: Page, name: string, bytes: Buffer): Promise<void> {
  await page.goto("/contacts/imports/new");
  await page.locator('input[type="file"]').setInputFiles({ name, mimeType: "text/csv", buffer: bytes });
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
}

async function chooseList(page: Page, label: string): Promise<void> {
  await page.getByRole("combobox", { name: label }).click();
  await page.getByRole("option", { name: list }).click();
  await page.keyboard.press("Escape");
}

/** In a field that searches contacts. */
async function choosePerson(page: Page, within: Page | Locator, label: string): Promise<void> {
  await within.getByRole("combobox", { name: label }).fill(misaki);
  await page.getByRole("option", { name: misaki }).click();
}

const figure = (page: Page, name: string) => page.locator(`[data-figure="${name}"]`);

/** The wizard up to the checks, which name the exact number of people. */
async function chooseAndCheck(page: Page, count: number): Promise<void> {
  await page.getByRole("button", { name: "宛先の選択へ" }).click();
  await chooseList(page, "送る配信グループ");
  await page.getByRole("button", { name: "配信前チェックへ" }).click();
  await expect(page.getByTestId("will-receive")).toHaveText(`${count}人`);
  await expect(page.locator('[data-level="block"]')).toHaveCount(0);
  await expectAccessible(page);
}

/** The last question, which says the number again, and the sending to its end. */
async function confirmSending(page: Page, count: number): Promise<void> {
  await page.getByRole("button", { name: "配信方法の選択へ" }).click();
  const button = page.getByRole("button", { name: `${count}人にいますぐ配信` });
  await button.click();
  const question = page.getByRole("dialog", { name: "配信の最終確認" });
  await expect(question).toContainText(`${count}人に、いますぐ配信します。`);
  await question.getByRole("button", { name: `${count}人にいますぐ配信` }).click();
  await expect(page.locator('[data-count="accepted"]')).toContainText(String(count - refused));
  await expect(page.locator('[data-count="failed"]')).toContainText(String(refused));
  await expect(page.getByText("配信完了")).toBeVisible();
}

test("from a customer file to a report: import, write, send, open, click, cancel", async ({
  page,
  context,
  baseURL,
}) => {
  test.setTimeout(420_000);
  // The test itself looks into the preview, where no script may run.
  const heard = complaints(context, [/^Blocked script execution in '[^']+\/p\/preview\//]);
  let first: ReceivedMail;

  await test.step("log in, and make a list", async () => {
    await logIn(page);
    await page.goto("/lists");
    await page.getByRole("button", { name: "グループを作成" }).click();
    await page.getByRole("dialog").getByLabel("名前").fill(list);
    await page.getByRole("dialog").getByRole("button", { name: "保存" }).click();
    await expect(page.getByRole("dialog")).toBeHidden();
  });

  let rejected = "";
  await test.step("import a Shift_JIS file with awkward names and bad rows", async () => {
    const file = encodeShiftJis(`${[header, ...goodRows, ...badRows].join("\r\n")}\r\n`);
    await uploadAndCheck(page, "顧客名簿.csv", file);
    await expect(page.getByLabel("文字コード").first()).toHaveValue("Shift_JIS");
    await expect(page.getByText("髙橋 美咲").first()).toBeVisible();
    await chooseList(page, "取り込んだ人を追加する配信グループ");
    await settle(page);
    await picture(page, "import");
    await expectAccessible(page);
    await page.getByRole("button", { name: "事前チェックへ進む" }).click();
    await expect(figure(page, "added")).toHaveText("5");
    await expect(figure(page, "rejected")).toHaveText("2");
    await page.getByRole("button", { name: "5件を追加、0件を更新する" }).click();
    await expect(page.getByRole("link", { name: "連絡先を見る" })).toBeVisible();
    await expect(figure(page, "added")).toHaveText("5");
    await expectAccessible(page);
  });

  await test.step("the result stands after a reload, and the rejected rows come as a file", async () => {
    await page.reload();
    await expect(figure(page, "rejected")).toHaveText("2");
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "CSVをダウンロード" }).click(),
    ]);
    rejected = decodeShiftJis(readFileSync(await file.path()));
    expect(rejected).toContain("佐藤 健");
    expect(rejected).toContain("宛先 なし");
  });

  await test.step("mend the rejected rows and import them again", async () => {
    let text = rejected;
    for (const [wrong, right] of Object.entries(mended)) {
      text = text.replace(wrong, right);
    }
    text = text
      .split("\r\n")
      .map((line) =>
        line.includes("宛先 あり") ? line.replace(/(^|,)("?)("?),宛先 あり/, `$1$2${at("ari")}$3,宛先 あり`) : line,
      )
      .join("\r\n");
    await uploadAndCheck(page, "顧客名簿-修正.csv", encodeShiftJis(text));
    // A file with the same headings: what was chosen last time stands there.
    await expect(page.getByRole("main").getByText(list)).toBeVisible();
    await page.getByRole("button", { name: "事前チェックへ進む" }).click();
    await expect(figure(page, "added")).toHaveText("2");
    await expect(figure(page, "rejected")).toHaveText("0");
    await page.getByRole("button", { name: "2件を追加、0件を更新する" }).click();
    await expect(page.getByRole("link", { name: "連絡先を見る" })).toBeVisible();
    await page.goto(`/contacts?q=${encodeURIComponent(misaki)}`);
    await expect(page.getByText("髙橋 美咲")).toBeVisible();
  });

  await test.step("write a mail with merge fields and a link, and preview it as a person", async () => {
    await page.goto("/mails?create=true");
    await page.getByRole("dialog").getByLabel("管理名").fill(list);
    await page.getByRole("button", { name: "作成して本文を書く" }).click();
    await expect(page.getByRole("heading", { level: 1, name: list })).toBeVisible();
    await page.getByLabel("件名").fill("🎁 冬のセールのご案内");
    await page.getByLabel("件名").press("Home");
    await page.getByRole("button", { name: "差し込み", exact: true }).click();
    await page.getByRole("menuitem", { name: /宛名/ }).click();
    await expect(page.getByLabel("件名")).toHaveValue("{{ name | sama }}🎁 冬のセールのご案内");
    await page.getByLabel("差出人名").fill("気配り商店");
    await page.getByLabel("差出人アドレス").fill("news@demo.example.jp");
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(html);
    await expectSaved(page);
    await choosePerson(page, page, "この人宛てで表示");
    await expect(page.getByText("髙橋 美咲 様🎁 冬のセールのご案内")).toBeVisible();
    await expect(page.frameLocator("iframe").getByText("千代田区の店舗で、冬のセールを始めます。")).toBeVisible();
    await settle(page);
    await picture(page, "editor");
    await expectAccessible(page);
  });

  await test.step("send a test to oneself", async () => {
    const before = await countMails("owner@demo.example.jp");
    await page.getByRole("button", { name: "テスト送信" }).click();
    await choosePerson(page, page.getByRole("dialog"), "差し込みに使う連絡先");
    await page.getByRole("button", { name: "1人にテスト送信" }).click();
    await expect(page.getByRole("dialog")).toBeHidden();
    const mail = await receive("owner@demo.example.jp", before + 1, {});
    expect(mail.headers.subject).toContain("テスト");
    expect(mail.text).toContain("千代田区の店舗で");
  });

  let campaignUrl = "";
  await test.step("send to the list: checks, the exact number, the last question", async () => {
    await page.getByRole("link", { name: "このメールを配信" }).click();
    await chooseAndCheck(page, people);
    await confirmSending(page, people);
    campaignUrl = page.url();
  });

  await test.step("the mail at the SMTP server is right, and signed for everyone to check", async () => {
    const api = await connect(baseURL ?? "");
    const domains = await took(api.GET("/v1/sender-domains"));
    const keys = domains.items.find(({ domain }) => domain === "demo.example.jp")?.keys ?? [];
    const records = Object.fromEntries(keys.map(({ record }) => [record.name, record.value]));
    first = await receive(misaki, 1, records);
    expect(first.headers.subject).toBe("髙橋 美咲 様🎁 冬のセールのご案内");
    expect(first.text).toContain("千代田区の店舗で、冬のセールを始めます。");
    expect(first.text).not.toContain("{{");
    expect(first.headers["list-unsubscribe-post"]).toBe("List-Unsubscribe=One-Click");
    expect(first.signatures.length).toBeGreaterThan(0);
    for (const signature of first.signatures) {
      expect(signature).toMatchObject({ domain: "demo.example.jp", valid: true });
      expect(signature.headers).toEqual(
        expect.arrayContaining(["from", "subject", "list-unsubscribe", "list-unsubscribe-post"]),
      );
    }
    const other = await receive(at("hanako"), 1, records);
    expect(other.headers.subject).toContain("ﾔﾏﾀﾞ ﾊﾅｺ");
    expect(other.text).toContain("横浜市");
    expect(other.text).not.toContain("髙橋");
  });

  await test.step("open, click, and cancel as her mail program would", async () => {
    const headers = { "User-Agent": browserAgent };
    const [, pixel] = /<img[^>]+src="([^"]+\/t\/[^"]+)"/.exec(first.html) ?? [];
    const [, link] = /<a[^>]+href="([^"]+\/t\/[^"]+)"[^>]*>セール会場を見る/.exec(first.html) ?? [];
    const opened = await fetch(unescaped(pixel), { headers });
    expect(opened.status).toBe(200);
    expect(opened.headers.get("content-type")).toContain("image/");
    expect(opened.headers.get("set-cookie")).toBeNull();
    const clicked = await fetch(unescaped(link), { headers, redirect: "manual" });
    expect(clicked.status).toBe(302);
    expect(clicked.headers.get("location")).toBe(
      `https://shop.example.jp/winter?area=${encodeURIComponent("千代田区")}`,
    );

    // She looks at her report before she leaves: live, without reload.
    await expect(reaction(page, "opened")).toContainText("1");
    await expect(reaction(page, "clicked")).toContainText("1");

    const [, cancel] = /<(https?:[^>]+)>/.exec(first.headers["list-unsubscribe"] ?? "") ?? [];
    const cancelled = await fetch(cancel as string, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: "List-Unsubscribe=One-Click",
      redirect: "manual",
    });
    expect(cancelled.status).toBe(200);
    expect(cancelled.headers.get("set-cookie")).toBeNull();
  });

  await test.step("the report and her page show all of it", async () => {
    await expect(reaction(page, "cancelled")).toContainText("1");
    await expect(page.getByRole("row", { name: /shop\.example\.jp\/winter/ })).toContainText("1");
    await settle(page);
    await picture(page, "report");
    await expectAccessible(page);
    await page.getByRole("tab", { name: "宛先ごとの結果" }).click();
    await page.getByRole("button", { name: misaki }).click();
    await expect(page.getByRole("dialog")).toContainText("250");
    await page.getByRole("dialog").getByRole("link", { name: "連絡先を開く" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "髙橋 美咲" })).toBeVisible();
    for (const words of ["ファイルから取り込み", "メールを送信", "メールを開封", "リンクをクリック", "配信停止"]) {
      await expect(page.getByRole("main").getByText(words).first()).toBeVisible();
    }
    await expectAccessible(page);
  });

  await test.step("the next campaign leaves her out and says so", async () => {
    await page.goto(campaignUrl.replace(/\?.*/, ""));
    await page.goto("/mails");
    await page.getByRole("link", { name: list }).click();
    await page.getByRole("link", { name: "このメールを配信" }).click();
    await chooseAndCheck(page, people - 1);
    await confirmSending(page, people - 1);
    await page.getByRole("tab", { name: "送らなかった人" }).click();
    await expect(page.getByRole("row", { name: new RegExp(misaki.replaceAll(".", "\\.")) })).toContainText(
      /解除済み|配信停止/,
    );
    await receive(at("miyazaki"), 2, {});
    expect(await countMails(misaki)).toBe(1);
  });

  await test.step("home says what went out", async () => {
    await page.getByRole("link", { name: "ホーム", exact: true }).click();
    await expect(page.getByRole("link", { name: list }).first()).toBeVisible();
    await settle(page);
    await picture(page, "home");
    await expectAccessible(page);
  });

  expect(heard).toEqual([]);
});

const reaction = (page: Page, name: string) => page.locator(`[data-reaction="${name}"]`);

const unescaped = (url: string | undefined) => (url ?? "").replaceAll("&amp;", "&");
