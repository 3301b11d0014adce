import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { Campaign } from "@/api/types";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import Resend from "./resend";

const campaign = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000200",
  name: "12月のお知らせ",
  state: "finished",
  version: 3,
} as Campaign;

/** The answers one after the other; the last one stays. */
function againAre(...answers: { unknown: number; failed: number }[]) {
  server.use(
    http.get("/v1/campaigns/{id}/resend", ({ response }) => {
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      return response(200).json(answer ?? { unknown: 0, failed: 0 });
    }),
  );
}

beforeEach(() => signIn());

describe("sending again", () => {
  it("asks with the exact number and sends it along once", async () => {
    const user = userEvent.setup();
    againAre({ unknown: 3, failed: 0 });
    const sent: unknown[] = [];
    server.use(
      http.post("/v1/campaigns/{id}/resend", async ({ request, response }) => {
        sent.push(await request.json());
        return response.untyped(new Response(JSON.stringify({ ...campaign, state: "sending" })));
      }),
    );
    renderScreen(<Resend campaign={campaign} />);
    await user.click(await screen.findByRole("button", { name: "結果不明の3人に再送" }));
    expect(screen.queryByRole("button", { name: /エラー/ })).toBeNull();
    const dialog = await screen.findByRole("dialog");
    expect(within(dialog).getByText(/2通目が届くことがあります/)).toBeInTheDocument();
    expect(sent).toEqual([]);
    await user.click(within(dialog).getByRole("button", { name: "3人に再送する" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(sent).toEqual([{ group: "unknown", confirmed_people: 3 }]);
  });

  it("shows the new number when the old one isn't true any more", async () => {
    const user = userEvent.setup();
    againAre({ unknown: 0, failed: 12 }, { unknown: 0, failed: 11 });
    server.use(
      http.post("/v1/campaigns/{id}/resend", ({ response }) =>
        response.untyped(
          new Response(JSON.stringify({ title: "Conflict", status: 409, code: "people_changed", detail: "11" }), {
            status: 409,
            headers: { "Content-Type": "application/problem+json" },
          }),
        ),
      ),
    );
    renderScreen(<Resend campaign={campaign} />);
    await user.click(await screen.findByRole("button", { name: "エラーの12人に再送" }));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("button", { name: "12人に再送する" }));
    expect(await within(dialog).findByRole("alert")).toHaveTextContent("人数が変わりました");
    expect(await within(dialog).findByRole("button", { name: "11人に再送する" })).toBeInTheDocument();
  });
});
