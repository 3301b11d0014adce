import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { Role } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { me, renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { RolesScreen } from "./roles";

function role(key: string, permissions: string[], more: Partial<Role> = {}): Role {
  return {
    id: `0192f0c1-7c1e-7d3a-9b1e-${key.padStart(12, "0").slice(0, 12)}`,
    key,
    name: key,
    builtin: true,
    permissions,
    people: 1,
    version: 1,
    created_at: "2026-11-27T00:00:00Z",
    updated_at: "2026-11-27T00:00:00Z",
    ...more,
  };
}

const owner = role("owner", me.permissions);
const own = role("r1", ["contacts.read", "contacts.write"], {
  name: "編集のみ",
  builtin: false,
  people: 2,
  version: 3,
});

function rolesAre(...items: Role[]) {
  server.use(http.get("/v1/roles", ({ response }) => response(200).json({ items, next_cursor: null })));
}

beforeEach(async () => {
  await loadLateWords();
  await signIn();
});

describe("roles", () => {
  it("are a table of permissions in words", async () => {
    rolesAre(owner, own);
    renderScreen(<RolesScreen />);
    const row = await screen.findByRole("row", { name: /連絡先の書き出し/ });
    expect(
      within(row)
        .getAllByRole("img")
        .map((cell) => cell.getAttribute("aria-label")),
    ).toEqual(["できる", "できない"]);
    expect(screen.getByRole("columnheader", { name: /編集のみ/ })).toHaveTextContent("2人");
    expect(screen.queryByRole("button", { name: "編集: オーナー" })).toBeNull();
  });

  it("are made from the example that edits and does not send", async () => {
    rolesAre(owner);
    const made: { name: string; permissions: string[] }[] = [];
    server.use(
      http.post("/v1/roles", async ({ request, response }) => {
        made.push((await request.json()) as (typeof made)[number]);
        return response(201).json(own);
      }),
    );
    const user = userEvent.setup();
    renderScreen(<RolesScreen />);
    await user.click(await screen.findByRole("button", { name: "権限を追加" }));
    const dialog = await screen.findByRole("dialog");
    await user.type(within(dialog).getByRole("textbox", { name: "名前" }), "制作");
    await user.click(within(dialog).getByRole("combobox", { name: "もとにする権限" }));
    await user.click(await screen.findByRole("option", { name: "例：編集のみ（配信はできない）" }));
    await user.click(within(dialog).getByRole("button", { name: "保存" }));
    await expect.poll(() => made.length).toBe(1);
    expect(made[0]?.name).toBe("制作");
    expect(made[0]?.permissions).toContain("campaigns.write");
    expect(made[0]?.permissions).not.toContain("campaigns.send");
  });

  it("give nothing that one does not have", async () => {
    await signIn({ permissions: me.permissions.filter((p) => p !== "contacts.export" && p !== "tenant.own") });
    rolesAre(owner);
    const user = userEvent.setup();
    renderScreen(<RolesScreen />);
    await user.click(await screen.findByRole("button", { name: "コピーして作成: オーナー" }));
    const dialog = await screen.findByRole("dialog");
    const box = within(dialog).getByRole("checkbox", { name: "連絡先の書き出し" });
    expect(box).toBeDisabled();
    expect(box).not.toBeChecked();
    expect(within(dialog).getByRole("checkbox", { name: "連絡先の閲覧" })).toBeChecked();
    expect(within(dialog).queryByRole("checkbox", { name: "オーナーの任命と契約の終了" })).toBeNull();
  });

  it("that people have are not deleted, and say how many", async () => {
    rolesAre(owner, own);
    const user = userEvent.setup();
    renderScreen(<RolesScreen />);
    await user.click(await screen.findByRole("button", { name: "削除: 編集のみ" }));
    const dialog = await screen.findByRole("dialog");
    expect(dialog).toHaveTextContent("ユーザーが2人いるため、削除できません");
    expect(within(dialog).getByRole("button", { name: "削除" })).toBeDisabled();
  });
});
