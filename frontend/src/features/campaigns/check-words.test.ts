import { beforeAll, describe, expect, it } from "vitest";
import { setLocale } from "@/i18n";
import { type Check, checkHelp, checkPlace } from "./check-words";

const labels = new Map([["{{ city }}", "市区町村"]]);
const check = (code: string, detail = "", count: number | null = null): Check => ({
  code,
  level: "block",
  detail,
  count,
});

describe("what pre-flight says", () => {
  beforeAll(() => setLocale("ja"));

  it("names the parts of the mail that a legal item is missing in", () => {
    expect(checkHelp(check("legal_contact", "text, html"), labels)).toBe(
      "テキスト本文・HTML本文に入っていません。フッターなどに加えてください。",
    );
    expect(checkPlace(check("legal_contact", "text, html"))).toBe("mail");
  });

  it("leads to the organisation's page when the legal item is not filled in at all", () => {
    expect(checkHelp(check("legal_contact", "settings"), labels)).toBe("会社情報に登録されていません。");
    expect(checkPlace(check("legal_contact", "settings"))).toBe("organisation");
  });

  it("calls a field by its label and says how many people have no value", () => {
    expect(checkHelp(check("empty_values", "city", 1204), labels)).toBe(
      "「市区町村」の値がない人が1,204人います。その部分は空欄になります。",
    );
    expect(checkHelp(check("empty_values", "unlabelled", 2), labels)).toContain("「unlabelled」");
  });

  it("shows the server's detail for a code it doesn't know", () => {
    expect(checkHelp(check("brand_new", "said by the server"), labels)).toBe("said by the server");
  });
});
