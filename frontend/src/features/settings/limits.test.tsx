import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { SendLimit } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { LimitsScreen } from "./limits";

const docomo: SendLimit = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000400",
  site: "docomo",
  sender_domain: "example.co.jp",
  route_id: null,
  per_minute: 600,
  max_sessions: 5,
  suspended: false,
  warm_up: { from: "2026-11-24", first: 500, growth: 50, until: 50_000 },
  used_today: 120,
  most_today: 500,
  sessions_in_use: 2,
  version: 4,
  created_at: "2026-11-24T00:00:00Z",
  updated_at: "2026-11-24T00:00:00Z",
};

function limitsAre(...items: SendLimit[]) {
  server.use(http.get("/v1/send-limits", ({ response }) => response(200).json({ items, next_cursor: null })));
}

beforeEach(async () => {
  server.use(
    http.get("/v1/routes", ({ response }) => response(200).json({ items: [], next_cursor: null })),
    http.get("/v1/send-slowdowns", ({ response }) => response(200).json({ items: [], next_cursor: null })),
  );
  await loadLateWords();
  await signIn();
});

describe("limits of sending", () => {
  it("are shown by the names that people use, with what went today", async () => {
    limitsAre(docomo);
    renderScreen(<LimitsScreen />);
    const table = await screen.findByRole("table", { name: "送信量の上限" });
    expect(within(table).getByText("ドコモ")).toBeInTheDocument();
    expect(within(table).getByText("本日 120 / 500通")).toBeInTheDocument();
    expect(within(table).getByText("使用中 2 / 5")).toBeInTheDocument();
  });

  it("are suspended with all else as it was", async () => {
    limitsAre(docomo);
    const sent: unknown[] = [];
    server.use(
      http.put("/v1/send-limits/{id}", async ({ request, response }) => {
        sent.push([request.headers.get("If-Match"), await request.json()]);
        return response(200).json({ ...docomo, suspended: true, version: 5 });
      }),
    );
    const user = userEvent.setup();
    renderScreen(<LimitsScreen />);
    await user.click(await screen.findByRole("button", { name: "停止: ドコモ" }));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("button", { name: "停止" }));
    await expect
      .poll(() => sent)
      .toEqual([['"4"', { per_minute: 600, max_sessions: 5, suspended: true, warm_up: docomo.warm_up }]]);
  });

  it("stop everything where nothing was limited", async () => {
    limitsAre();
    const made: unknown[] = [];
    server.use(
      http.post("/v1/send-limits", async ({ request, response }) => {
        made.push(await request.json());
        return response(201).json({ ...docomo, site: null, sender_domain: null, suspended: true });
      }),
    );
    const user = userEvent.setup();
    renderScreen(<LimitsScreen />);
    await user.click(await screen.findByRole("button", { name: "すべての配信を停止" }));
    await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "停止" }));
    await expect.poll(() => made).toEqual([{ suspended: true }]);
  });
});
