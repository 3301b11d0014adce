import { expect, it } from "vitest";
import { matching } from "./fold";

const names = ["会員ガード", "Ｎｅｗｓ 2026年", "news 2025年", "お知らせ"];
const found = (search: string) => matching(names, search, (name) => name);

it.each([
  ["ｶﾞｰﾄﾞ", ["会員ガード"]],
  ["がーど", ["会員ガード"]],
  ["NEWS", ["Ｎｅｗｓ 2026年", "news 2025年"]],
  ["2026 news", ["Ｎｅｗｓ 2026年"]],
  ["お知ラセ", ["お知らせ"]],
  ["　", names],
  ["ない", []],
])("finds %s", (search, expected) => {
  expect(found(search)).toEqual(expected);
});
