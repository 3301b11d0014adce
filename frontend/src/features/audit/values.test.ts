import { expect, it } from "vitest";
import { createFormat } from "@/i18n/format";
import { fieldText, queryText, valueText } from "./values";

const list = "0192f0c1-7c1e-7d3a-9b1e-000000000901";
const about = {
  kind: "campaign",
  format: createFormat("ja", "Asia/Tokyo"),
  lists: new Map([[list, "月刊ニュース"]]),
};

it.each([
  ["name", "名前"],
  ["steps.0.delay", "ステップ › 1番目 › 間隔"],
  ["legal.sender_name", "特定電子メール法の表示 › 差出人名"],
  ["something.new", "something › new"],
])("says what %s is", (path, words) => {
  expect(fieldText(path)).toBe(words);
});

it.each([
  ["state", "sending", "配信中"],
  ["state", "something_new", "something_new"],
  ["colour", "gray", "グレー"],
  ["enabled", true, "はい"],
  ["list_ids", [list, "0192f0c1-7c1e-7d3a-9b1e-000000000902"], "月刊ニュース・0192f0c1-7c1e-7d3a-9b1e-000000000902"],
  ["list_ids", [], "（なし）"],
  ["reply_to", null, "（なし）"],
  ["scheduled_at", "2026-11-27T00:30:00Z", "2026/11/27 09:30"],
  ["people", 12345, "12,345"],
  ["port", 8443, "8443"],
  // A name that happens to be a code is a name.
  ["name", "password", "password"],
])("shows %s %s", (path, value, words) => {
  expect(valueText(path, value, about)).toBe(words);
});

it("shows a sequence's states as a sequence's", () => {
  expect(valueText("state", "finished", { ...about, kind: "sequence" })).toBe("受付終了");
});

it("says what a list was narrowed by", () => {
  const { kind: _, ...rest } = about;
  expect(queryText(`q=髙橋&status=active&list_id=${list}&odd`, "contact", rest)).toBe(
    "検索語: 髙橋・状態: 有効・配信グループ: 月刊ニュース・odd: （なし）",
  );
});
