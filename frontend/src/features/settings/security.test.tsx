import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { Tenant, User } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { networkLines } from "./network-lines";
import { SecurityScreen } from "./security";
import { UsersScreen } from "./users";

const tenant: Tenant = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000002",
  name: "サンプル商事",
  time_zone: "Asia/Tokyo",
  locale: "ja",
  idle_minutes: 30,
  legal: { sender_name: "", postal_address: "", contact: "" },
  soft_bounce_limit: 3,
  second_factor_required: false,
  step_up_people: 10_000,
  sending_hours: null,
  frequency_cap: null,
  password_policy: { min_length: 12, history: 0, expiry_months: null },
  allowed_networks: [],
  your_address: "203.0.113.9",
  version: 7,
};
const invited: User = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000009",
  login_id: "newcomer",
  display_name: "新人 太郎",
  email: "new@example.co.jp",
  role: "editor",
  role_name: "編集者",
  second_factor: false,
  locale: "ja",
  disabled: false,
  state: "invited",
  invitation_expires_at: "2099-01-01T00:00:00Z",
  last_login_at: null,
  created_at: "2026-11-27T00:00:00Z",
  version: 1,
};

beforeEach(async () => {
  await loadLateWords();
  await signIn();
});

describe("security settings", () => {
  it("take one's own address into the list with one click", async () => {
    const sent: unknown[] = [];
    server.use(
      http.get("/v1/tenant", ({ response }) => response(200).json(tenant)),
      http.patch("/v1/tenant", async ({ request, response }) => {
        sent.push(await request.json());
        return response(200).json({ ...tenant, allowed_networks: ["203.0.113.9"], version: 8 });
      }),
    );
    renderScreen(<SecurityScreen />);
    await userEvent.click(await screen.findByRole("button", { name: "追加する" }));
    expect(screen.getByLabelText(/許可するネットワーク/)).toHaveValue("203.0.113.9");
    await userEvent.click(screen.getByRole("button", { name: "保存" }));
    await waitFor(() => expect(sent).toHaveLength(1));
    expect(sent).toEqual([
      {
        password_policy: { min_length: 12, history: 0, expiry_months: null },
        idle_minutes: 30,
        allowed_networks: ["203.0.113.9"],
      },
    ]);
  });

  it("read networks as people paste them", () => {
    expect(networkLines(" 203.0.113.0/24, 2001:db8::/32\n\n198.51.100.7、10.0.0.1 ")).toEqual([
      "203.0.113.0/24",
      "2001:db8::/32",
      "198.51.100.7",
      "10.0.0.1",
    ]);
    expect(networkLines(" \n")).toEqual([]);
  });
});

describe("log-ins of others", () => {
  it("of everybody are ended after a question that says who stays", async () => {
    let ended = 0;
    server.use(
      http.get("/v1/tenant", ({ response }) => response(200).json(tenant)),
      http.delete("/v1/tenant/sessions", ({ response }) => {
        ended += 1;
        return response(204).empty();
      }),
    );
    renderScreen(<SecurityScreen />);
    await userEvent.click(await screen.findByRole("button", { name: "全員をログアウトさせる" }));
    const dialog = await screen.findByRole("dialog");
    expect(within(dialog).getByText(/例外は、今お使いのこの端末だけです/)).toBeInTheDocument();
    expect(ended).toBe(0);
    await userEvent.click(within(dialog).getByRole("button", { name: "全員をログアウトさせる" }));
    await waitFor(() => expect(ended).toBe(1));
  });

  it("of everybody are for those who keep the security settings", async () => {
    await signIn({ permissions: ["settings.read", "settings.write"] });
    server.use(http.get("/v1/tenant", ({ response }) => response(200).json(tenant)));
    renderScreen(<SecurityScreen />);
    expect(await screen.findByLabelText(/許可するネットワーク/)).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "全員をログアウトさせる" })).not.toBeInTheDocument();
  });

  it("of one person are ended from the list, by name", async () => {
    const active: User = { ...invited, state: "active", invitation_expires_at: null };
    const ended: string[] = [];
    server.use(
      http.get("/v1/users", ({ response }) => response(200).json({ items: [active], next_cursor: null })),
      http.delete("/v1/users/{id}/sessions", ({ params, response }) => {
        ended.push(params.id);
        return response(204).empty();
      }),
    );
    renderScreen(<UsersScreen onCursor={() => undefined} />);
    await userEvent.click(await screen.findByRole("button", { name: "操作メニュー: 新人 太郎" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "すべての端末からログアウトさせる" }));
    const dialog = await screen.findByRole("dialog");
    expect(within(dialog).getByText(/新人 太郎さんを/)).toBeInTheDocument();
    await userEvent.click(within(dialog).getByRole("button", { name: "ログアウトさせる" }));
    await waitFor(() => expect(ended).toEqual([active.id]));
  });
});

describe("people who were invited", () => {
  it("are shown with the time of their link, and invited again", async () => {
    let again = 0;
    server.use(
      http.get("/v1/users", ({ response }) => response(200).json({ items: [invited], next_cursor: null })),
      http.post("/v1/users/{id}/invitation", ({ response }) => {
        again += 1;
        return response(200).json(invited);
      }),
    );
    renderScreen(<UsersScreen onCursor={() => undefined} />);
    expect(await screen.findByText("招待中")).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "操作メニュー: 新人 太郎" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "招待を再送" }));
    await waitFor(() => expect(again).toBe(1));
  });
});
