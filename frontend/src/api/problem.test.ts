import { describe, expect, it } from "vitest";
import { setLocale } from "@/i18n";
import { fieldErrors, pointerToPath, toProblem } from "./problem";
import { problemForForm, problemText } from "./problem-text";

const invalid = (errors: { pointer: string; code: string; detail: string }[]) => ({
  type: "about:blank",
  status: 422,
  code: "invalid",
  title: "Unprocessable Content",
  detail: "fields of the input are not valid",
  errors,
});

describe("problems", () => {
  it("turns a JSON pointer into a form path", () => {
    expect(pointerToPath("/legal/sender_name")).toBe("legal.sender_name");
    expect(pointerToPath("/fields/a~1b")).toBe("fields.a/b");
  });

  it("puts errors at the fields of the form and keeps the rest", () => {
    const { fields, rest } = fieldErrors(
      invalid([
        { pointer: "/email", code: "x", detail: "wrong" },
        { pointer: "/legal/contact", code: "x", detail: "missing" },
        { pointer: "/elsewhere", code: "x", detail: "strange" },
      ]),
      ["email", "legal.contact", "legal"],
    );
    expect(fields).toEqual({ email: "wrong", "legal.contact": "missing" });
    expect(rest).toEqual(["strange"]);
  });

  it("loses no second error of the same field", () => {
    const { fields, rest } = fieldErrors(
      invalid([
        { pointer: "/email", code: "x", detail: "first" },
        { pointer: "/email", code: "x", detail: "second" },
      ]),
      ["email"],
    );
    expect(fields).toEqual({ email: "first" });
    expect(rest).toEqual(["second"]);
  });

  it("words known codes in the person's language and falls back to the server's words", async () => {
    await setLocale("ja");
    expect(problemForForm(invalid([{ pointer: "/name", code: "required", detail: "is missing" }]), ["name"])).toEqual({
      fields: { name: "必須項目です。" },
      form: null,
    });
    expect(problemText(invalid([{ pointer: "/name", code: "unheard_of", detail: "says the server" }]))).toBe(
      "says the server",
    );
  });

  it("keeps the line, and the name of what is missing, of the server's text", async () => {
    await setLocale("ja");
    const text = (code: string, detail: string) => problemText(invalid([{ pointer: "/html", code, detail }]));
    expect(text("unknown_block", 'line 12: there is no block "footer"')).toBe(
      "12行目: 共通ブロック「footer」が見つかりません。",
    );
    expect(text("unknown_fields", "the mail uses what no contact has: rank, age")).toBe(
      "連絡先にない項目を差し込んでいます（rank, age）。",
    );
  });

  it("shows a refusal without fields above the form", () => {
    const conflict = {
      type: "about:blank",
      status: 409,
      code: "unheard_of",
      title: "Conflict",
      detail: "it is in use",
    };
    expect(problemForForm(conflict, ["name"])).toEqual({ fields: {}, form: "it is in use" });
  });

  it("tells an unreachable server from a bug", () => {
    expect(toProblem(new TypeError("Failed to fetch")).code).toBe("offline");
    expect(toProblem(new Error("boom"))).toMatchObject({ code: "unexpected", title: "boom" });
  });
});
