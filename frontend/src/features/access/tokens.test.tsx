import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { ApiToken } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { me, renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { networksOf } from "./token-form";
import { TokensScreen } from "./tokens";

const token: ApiToken = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000500",
  client_id: "client-of-erp",
  name: "基幹システム",
  scopes: ["contacts.read", "contacts.write", "lists.write"],
  allowed_ips: ["203.0.113.0/24"],
  secret_end: "x9Qz",
  secret_made_at: "2026-11-27T00:00:00Z",
  old_secret_until: null,
  expires_at: "2027-02-25T00:00:00Z",
  state: "active",
  created_by: { id: me.id, display_name: "山田 花子", disabled: false },
  created_at: "2026-11-27T00:00:00Z",
  last_used_at: null,
  last_used_ip: null,
  revoked_at: null,
  version: 1,
};

function tokensAre(...items: ApiToken[]) {
  server.use(
    http.get("/v1/api-tokens", ({ response }) => response(200).json({ items, next_cursor: null })),
    http.get("/v1/roles", ({ response }) =>
      response(200).json({
        items: [
          {
            id: "0192f0c1-7c1e-7d3a-9b1e-000000000600",
            key: "owner",
            name: "所有者",
            builtin: true,
            permissions: me.permissions,
            people: 1,
            version: 1,
            created_at: "2026-11-27T00:00:00Z",
            updated_at: "2026-11-27T00:00:00Z",
          },
        ],
        next_cursor: null,
      }),
    ),
  );
}

function show() {
  return renderScreen(<TokensScreen onCursor={() => undefined} />);
}

beforeEach(async () => {
  await loadLateWords();
  await signIn();
});

describe("API tokens", () => {
  it("are shown with what they may, and never with their secret", async () => {
    tokensAre(token);
    show();
    const table = await screen.findByRole("table", { name: "APIトークン" });
    expect(within(table).getByText("連絡先の閲覧、ほか2件")).toBeInTheDocument();
    expect(within(table).getByText("kkb_…x9Qz")).toBeInTheDocument();
  });

  it("that end soon, or were made by somebody who left, are named above", async () => {
    const maker = { id: me.id, display_name: "退職 太郎", disabled: true };
    tokensAre(
      { ...token, state: "ending" },
      { ...token, id: `${token.id.slice(0, -1)}1`, name: "在庫", created_by: maker },
    );
    show();
    const reminder = await screen.findByRole("alert");
    expect(reminder).toHaveTextContent("まもなく期限が切れるトークンがあります：基幹システム。");
    expect(reminder).toHaveTextContent("停止中のユーザーが発行したトークンがあります：在庫。");
  });

  it("show their secret once, until it is said to be kept", async () => {
    tokensAre();
    const made: unknown[] = [];
    server.use(
      http.post("/v1/api-tokens", async ({ request, response }) => {
        made.push(await request.json());
        return response(201).json({ token, client_secret: "kkb_the-secret" });
      }),
    );
    const user = userEvent.setup();
    show();
    await user.click((await screen.findAllByRole("button", { name: "トークンを発行" }))[0] as HTMLElement);
    const form = await screen.findByRole("dialog");
    await user.click(within(form).getByRole("textbox", { name: "名前" }));
    await user.paste("基幹システム");
    await user.click(within(form).getByRole("textbox", { name: "接続元のIPアドレス" }));
    await user.paste("203.0.113.7, 2001:db8::/32");
    await user.click(await within(form).findByRole("checkbox", { name: "連絡先の登録・変更・取り込み・削除" }));
    expect(within(form).queryByRole("checkbox", { name: "ユーザーの追加・変更・停止" })).toBeNull();
    await user.click(within(form).getByRole("button", { name: "発行する" }));
    const secret = await screen.findByRole("dialog", { name: "「基幹システム」のシークレット" });
    expect(secret).toHaveTextContent("kkb_the-secret");
    expect(made).toEqual([
      {
        name: "基幹システム",
        scopes: ["contacts.write", "contacts.read"],
        allowed_ips: ["203.0.113.7", "2001:db8::/32"],
        lifetime_days: 90,
      },
    ]);
    const close = within(secret).getByRole("button", { name: "閉じる" });
    expect(close).toBeDisabled();
    await user.click(within(secret).getByRole("checkbox", { name: "シークレットを保管しました" }));
    await user.click(close);
    await expect.poll(() => document.body.textContent?.includes("kkb_the-secret")).toBe(false);
  });

  it("are rotated with the overlap that was chosen", async () => {
    tokensAre(token);
    const sent: unknown[] = [];
    server.use(
      http.post("/v1/api-tokens/{id}/rotate", async ({ request, response }) => {
        sent.push(await request.json());
        return response(200).json({ token, client_secret: "kkb_new" });
      }),
    );
    const user = userEvent.setup();
    show();
    await user.click(await screen.findByRole("button", { name: "シークレットを更新: 基幹システム" }));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("combobox", { name: "以前のシークレットを使える期間" }));
    await user.click(await screen.findByRole("option", { name: "すぐに無効にする" }));
    await user.click(within(dialog).getByRole("button", { name: "シークレットを更新" }));
    await expect.poll(() => sent).toEqual([{ overlap_days: 0, lifetime_days: 90 }]);
  });
});

describe("networks", () => {
  it("are split as people write them", () => {
    expect(networksOf(" 203.0.113.7,\n2001:db8::/32、10.0.0.0/8 ")).toEqual([
      "203.0.113.7",
      "2001:db8::/32",
      "10.0.0.0/8",
    ]);
    expect(networksOf("")).toEqual([]);
  });
});
