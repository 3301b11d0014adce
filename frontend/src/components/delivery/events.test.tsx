import { screen, within } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { DeliveryEvents } from "./events";

const id = "0192f0c1-7c1e-7d3a-9b1e-000000000300";
const scanner = {
  machine: true,
  machine_rule: "many_links" as const,
  user_agent: "Mozilla/5.0 <b>Chrome</b>",
  ip: "203.0.113.5",
  seconds_after_acceptance: 2,
};
const person = {
  id: "1",
  kind: "open" as const,
  at: "2026-11-27T01:00:00Z",
  machine: false,
  user_agent: "Firefox/140.0",
};

beforeEach(() => signIn());

it("shows what came back of a mail, and why a machine's is one", async () => {
  const click = { ...scanner, id: "2", kind: "click" as const, at: "2026-11-27T00:00:00Z", url: "https://example.jp/" };
  const old = { id: "3", kind: "click" as const, at: "2026-11-26T00:00:00Z", machine: true };
  server.use(
    http.get("/v1/deliveries/{id}", ({ response }) =>
      response.untyped(new Response(JSON.stringify({ events: [person, click, old] }))),
    ),
  );
  renderScreen(<DeliveryEvents id={id} />);
  const section = await screen.findByRole("region", { name: "開封・クリックなどの記録" });
  expect(within(section).getByText("Firefox/140.0")).toBeInTheDocument();
  expect(within(section).getByText(/数秒のうちに複数のリンクを開いた/)).toBeInTheDocument();
  expect(within(section).getByText(/名乗ったソフト: Mozilla\/5\.0 <b>Chrome<\/b>/)).toBeInTheDocument();
  expect(within(section).getByText(/203\.0\.113\.5/)).toBeInTheDocument();
  expect(within(section).getByText(/2秒後/)).toBeInTheDocument();
  expect(within(section).getByText(/記録なし/)).toBeInTheDocument();
  expect(within(section).getAllByText("自動処理とみて、集計に含めていません")).toHaveLength(2);
});
