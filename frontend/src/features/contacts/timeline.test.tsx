import { screen } from "@testing-library/react";
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
