import path from "node:path";
import { describe, expect, it } from "vitest";
import { en } from "../src/i18n/en";
import { late as enLate } from "../src/i18n/en/late";
import { ja } from "../src/i18n/ja";
import { late as jaLate } from "../src/i18n/ja/late";
import { codesOf, codesOfTree } from "./codes.mjs";

const file = "domain/src/list/mod.rs";

describe("the codes of the server", () => {
  it.each([
    ['DomainError::conflict("name_taken", "x")', "problem.name_taken"],
    ['DomainError::conflict(\n    "name_taken",\n    format!("{a}, {b}"),\n)', "problem.name_taken"],
    ['DomainError::invalid(format!("/a/{i}"), "too_many", "x")', "invalid.too_many"],
    ['FieldError::new(at(&a, (b, c)), "required", "a, b")', "invalid.required"],
    ['v.add("/name", "too_long", format!("{n}"))', "invalid.too_long"],
    ['return wrong("port", "may name, only")', "invalid.port"],
    ['DomainError::Refused {\n  code: "goes_out",\n  detail }', "problem.goes_out"],
    ['problem(StatusCode::FORBIDDEN, "address_not_allowed", "x")', "problem.address_not_allowed"],
    ['self.problem(line, "unknown_block", &format!("x"))', "invalid.unknown_block"],
    ['used_up("quota_users")', "problem.quota_users"],
  ])("are found in %s", (source, code) => {
    expect(codesOf(file, source)).toEqual([code]);
  });

  it("are not those of tests, of the operator's console, or of a set that something is added to", () => {
    expect(codesOf(file, 'x\n#[cfg(test)]\nmod tests { conflict("made_up", "x") }')).toEqual([]);
    expect(codesOf("domain/src/operator/mod.rs", 'conflict("not_suspended", "x")')).toEqual([]);
    expect(codesOf(file, 'seen.add("word")')).toEqual([]);
  });

  it("all have words in both languages", () => {
    const codes = codesOfTree(path.resolve(import.meta.dirname, "../../crates"));
    // Far fewer would mean that the check itself is broken.
    expect(codes.size).toBeGreaterThan(140);
    const without = (words: object) =>
      [...codes].filter(([code]) => !(code in words)).map(([code, at]) => [code, at[0]]);
    expect(without({ ...ja, ...jaLate })).toEqual([]);
    expect(without({ ...en, ...enLate })).toEqual([]);
  });
});
