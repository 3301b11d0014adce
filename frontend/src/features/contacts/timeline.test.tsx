import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import type { TimelineEntry } from "@/api/types";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { Timeline } from "./timeline";

const id = "0192f0c1-7c1e-7d3a-9b1e-000000000300";
const scanner = {
  machine: true,
  machine_rule: "many_links" as const,
  user_agent: "Mozilla/5.0 <b>Chrome</b>",
  ip: "203.0.113.5",
  seconds_after_acceptance: 2,
};

beforeEach(() => signIn());

it("shows why an event is taken for a machine's, with the evidence", async () => {
  const entry: TimelineEntry = { id: "4", kind: "clicked", at: "2026-11-27T00:00:00Z", summary: scanner };
  server.use(
    http.get("/v1/contacts/{id}/timeline", ({ response }) =>
      response.untyped(new Response(JSON.stringify({ items: [entry], next_cursor: null }))),
    ),
  );
  renderScreen(<Timeline contactId={id} />);
  expect(await screen.findByText(/数秒のうちに複数のリンクを開いた/)).toBeInTheDocument();
  expect(screen.getByText(/203\.0\.113\.5/)).toBeInTheDocument();
});

const delivery = "0192f0c1-7c1e-7d3a-9b1e-000000000400";

function timelineIs(entry: TimelineEntry) {
  server.use(
    http.get("/v1/contacts/{id}/timeline", ({ response }) =>
      response.untyped(new Response(JSON.stringify({ items: [entry], next_cursor: null }))),
    ),
  );
}

it("leads from a step mail that failed to its details, where it can be sent again", async () => {
  timelineIs({
    id: "5",
    kind: "failed",
    at: "2026-11-27T00:00:00Z",
    summary: { machine: false, delivery_id: delivery, campaign_name: "ご案内 1" },
  });
  const asked: string[] = [];
  server.use(
    http.get("/v1/deliveries/{id}", ({ params, response }) => {
      asked.push(params.id);
      const found = {
        id: delivery,
        kind: "sequence",
        state: "failed",
        address: "taro@example.jp",
        events: [],
        attempts: 1,
      };
      return response.untyped(new Response(JSON.stringify(found)));
    }),
  );
  const user = userEvent.setup();
  renderScreen(<Timeline contactId={id} />);
  await user.click(await screen.findByRole("button", { name: "送信の詳細" }));
  const panel = await screen.findByRole("dialog");
  expect(await within(panel).findByText("taro@example.jp")).toBeInTheDocument();
  expect(within(panel).getByRole("button", { name: "このメールを再送" })).toBeInTheDocument();
  expect(asked).toContain(delivery);
});

it("leads nowhere for somebody who may not see deliveries", async () => {
  await signIn({ permissions: ["contacts.read"] });
  timelineIs({
    id: "5",
    kind: "failed",
    at: "2026-11-27T00:00:00Z",
    summary: { machine: false, delivery_id: delivery },
  });
  renderScreen(<Timeline contactId={id} />);
  expect(await screen.findByText("2026/11/27 09:00")).toBeInTheDocument();
  expect(screen.queryByRole("button", { name: "送信の詳細" })).toBeNull();
});
