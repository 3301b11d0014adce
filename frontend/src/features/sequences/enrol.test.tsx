import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import type { Sequence } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { EnrolDialog } from "./enrol";

const sequence = { id: "0192f0c1-7c1e-7d3a-9b1e-000000000600", name: "ご案内", state: "active" } as Sequence;

beforeEach(async () => {
  server.use(http.get("/v1/lists", ({ response }) => response(200).json({ items: [], next_cursor: null })));
  await loadLateWords();
  await signIn();
});

it("says how many come in before an audience does, and sends that number along", async () => {
  const numbers = [1200, 1201];
  const confirmed: number[] = [];
  server.use(
    http.post("/v1/sequences/{id}/intake-count", ({ response }) =>
      response(200).json({ people: numbers.shift() ?? 0 }),
    ),
    http.post("/v1/sequences/{id}/intakes", async ({ request, response }) => {
      confirmed.push((await request.json()).confirmed_people);
      const problem = { type: "about:blank", title: "Conflict", status: 409, code: "people_changed", detail: "1201" };
      return response.untyped(
        new Response(JSON.stringify(problem), { status: 409, headers: { "Content-Type": "application/problem+json" } }),
      );
    }),
  );
  const user = userEvent.setup();
  renderScreen(<EnrolDialog sequence={sequence} onClose={() => undefined} />);
  await user.click(await screen.findByRole("radio", { name: "すべての連絡先" }));
  await user.click(screen.getByRole("button", { name: "人数を確認" }));
  expect(await screen.findByText(/^1,200人を追加します/)).toBeInTheDocument();
  expect(confirmed).toEqual([]);
  await user.click(screen.getByRole("button", { name: "対象者を追加" }));
  // Somebody came meanwhile: the new number is asked about.
  expect(await screen.findByText(/人数が変わりました/)).toBeInTheDocument();
  expect(confirmed).toEqual([1200]);
  await user.click(screen.getByRole("button", { name: "人数を確認" }));
  expect(await screen.findByText(/^1,201人を追加します/)).toBeInTheDocument();
});
