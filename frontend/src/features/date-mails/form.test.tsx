import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { DateMail } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { DateMailForm } from "./form";
import { reasonText } from "./text";

const old = { id: "0192f0c1-7c1e-7d3a-9b1e-000000000501", name: "ずっと前のメール" };
const wanted = { id: "0192f0c1-7c1e-7d3a-9b1e-000000000502", name: "誕生日のお祝い" };

/** As of a tenant with more mails than a page holds: nothing but a search finds one. */
function mailsAre() {
  const asked: string[] = [];
  server.use(
    http.get("/v1/contact-fields", ({ response }) => response(200).json({ items: [], next_cursor: null })),
    http.get("/v1/lists", ({ response }) => response(200).json({ items: [], next_cursor: null })),
    http.get("/v1/mails", ({ query, response }) => {
      const q = query.get("q") ?? "";
      asked.push(q);
      const items = q === "誕生" ? [wanted] : [];
      return response.untyped(new Response(JSON.stringify({ items, next_cursor: null })));
    }),
    http.get("/v1/mails/{id}", ({ response }) => response.untyped(new Response(JSON.stringify(old)))),
  );
  return asked;
}

beforeEach(async () => {
  await loadLateWords();
  await signIn();
});

describe("the form of a date mail", () => {
  it("finds a mail by its name on the server and shows the chosen one wherever it stands", async () => {
    const user = userEvent.setup();
    const asked = mailsAre();
    const dateMail = {
      id: "0192f0c1-7c1e-7d3a-9b1e-000000000500",
      name: "お誕生日",
      mail_id: old.id,
      field: "birthday",
      offset_days: 0,
      repeat: "yearly",
      send_at: "09:00",
      time_zone: "Asia/Tokyo",
      audience: { all: true, list_ids: [], exclude_list_ids: [] },
      state: "paused",
      version: 1,
    } as unknown as DateMail;
    renderScreen(<DateMailForm dateMail={dateMail} onClose={() => {}} />);
    const mail = await screen.findByRole("combobox", { name: /メール/ });
    await screen.findByDisplayValue(old.name);
    await user.clear(mail);
    await user.type(mail, "誕生");
    await user.click(await screen.findByRole("option", { name: wanted.name, hidden: true }));
    expect(mail).toHaveValue(wanted.name);
    expect(asked).toContain("誕生");
  });
});

describe("why a day was kept back", () => {
  const day = (text: string) => text.replaceAll("-", "/");
  it.each([
    [
      "not_ready: route, body",
      "前回の配信日は、配信前チェックで問題が見つかったため送られませんでした（配信経路・本文）",
    ],
    ["missed: 2026-02-28 2026-03-21", /^2026\/02\/28から2026\/03\/21までの分は/],
    ["missed: 2026-02-28 2026-02-28", /^2026\/02\/28の分は/],
    ["restored", /^データベースがバックアップから復元された/],
    ["something new", "something new"],
  ])("%s", (reason, expected) => {
    const text = reasonText(reason, day);
    expect(expected instanceof RegExp ? expected.test(text) : text === expected, text).toBe(true);
  });
});
