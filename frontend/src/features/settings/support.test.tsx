import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { SupportGrant } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { SupportScreen } from "./support";

const grant: SupportGrant = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000900",
  reason: "お問い合わせ 1234",
  permissions: ["reports.read"],
  granted_by: "気配 太郎",
  created_at: "2026-11-27T00:00:00Z",
  expires_at: "2026-11-28T00:00:00Z",
  revoked_at: null,
  active: true,
  looks: 3,
  looked_at: "2026-11-27T01:00:00Z",
};

function grantsAre(...items: SupportGrant[]) {
  server.use(
    http.get("/v1/support-grants", ({ response }) => response(200).json({ items, next_cursor: null, total: null })),
  );
}

beforeEach(async () => {
  await loadLateWords();
  await signIn();
});

describe("support access", () => {
  it("shows what was granted and how often staff looked", async () => {
    grantsAre(grant);
    renderScreen(<SupportScreen onCursor={() => undefined} />);
    const table = await screen.findByRole("table", { name: "サポートアクセス" });
    expect(within(table).getByText("レポート")).toBeInTheDocument();
    expect(within(table).getByText(/^3回（最後は/)).toBeInTheDocument();
  });

  it("is revoked after a question that says what happens", async () => {
    grantsAre(grant);
    const revoked: string[] = [];
    server.use(
      http.post("/v1/support-grants/{id}/revoke", ({ params, response }) => {
        revoked.push(params.id);
        return response(200).json({ ...grant, active: false, revoked_at: "2026-11-27T02:00:00Z" });
      }),
    );
    const user = userEvent.setup();
    renderScreen(<SupportScreen onCursor={() => undefined} />);
    await user.click(await screen.findByRole("button", { name: "取り消す: お問い合わせ 1234" }));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("button", { name: "取り消す" }));
    expect(revoked).toEqual([grant.id]);
  });

  it("is granted with a reason, a scope and an end", async () => {
    grantsAre();
    const sent: unknown[] = [];
    server.use(
      http.post("/v1/support-grants", async ({ request, response }) => {
        sent.push(await request.json());
        return response(201).json(grant);
      }),
    );
    const user = userEvent.setup();
    renderScreen(<SupportScreen onCursor={() => undefined} />);
    await user.click(await screen.findByRole("button", { name: "アクセスを許可" }));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("button", { name: "許可する" }));
    expect(sent).toEqual([]);
    await user.type(within(dialog).getByRole("textbox", { name: /理由/ }), "お問い合わせ 1234");
    await user.click(within(dialog).getByRole("checkbox", { name: "レポート" }));
    await user.click(within(dialog).getByRole("button", { name: "許可する" }));
    expect(sent).toEqual([{ reason: "お問い合わせ 1234", permissions: ["reports.read"], hours: 24 }]);
  });
});
