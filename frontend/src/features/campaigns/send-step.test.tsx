import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { Campaign } from "@/api/types";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { SendStep } from "./send-step";

const campaign = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000200",
  mail_id: "0192f0c1-7c1e-7d3a-9b1e-000000000300",
  name: "12月のお知らせ",
  state: "draft",
  time_zone: "Asia/Tokyo",
  hours: { mode: "tenant" },
  version: 3,
} as Campaign;

/** The check's answers one after the other; the last one stays. */
function peopleAre(...numbers: number[]) {
  server.use(
    http.get("/v1/campaigns/{id}/preflight", ({ response }) => {
      const number = numbers.length > 1 ? numbers.shift() : numbers[0];
      return response(200).json({
        people: { selected: number ?? 0, will_receive: number ?? 0, left_out: [] },
        checks: [],
        can_send: true,
      });
    }),
  );
}

beforeEach(async () => {
  server.use(
    http.get("/v1/tenant", ({ response }) =>
      response.untyped(
        new Response(JSON.stringify({ sending_hours: { from: "09:00", until: "20:00" } }), {
          headers: { "Content-Type": "application/json" },
        }),
      ),
    ),
    http.get("/v1/mails/{id}", ({ response }) =>
      response.untyped(
        new Response(JSON.stringify({ subject: "冬のお知らせ", sender_name: "A", sender_address: "a@b.jp" }), {
          headers: { "Content-Type": "application/json" },
        }),
      ),
    ),
  );
  await signIn();
});

describe("sending a campaign", () => {
  it("says the exact number of people and sends that number along", async () => {
    const user = userEvent.setup();
    peopleAre(9412);
    const confirmed: number[] = [];
    server.use(
      http.post("/v1/campaigns/{id}/send", async ({ request, response }) => {
        confirmed.push((await request.json()).confirmed_people);
        return response.untyped(new Response(JSON.stringify({ ...campaign, state: "preparing" })));
      }),
    );
    renderScreen(<SendStep campaign={campaign} onBack={() => undefined} />);
    await user.click(await screen.findByRole("button", { name: "9,412人にいますぐ配信" }));
    const dialog = await screen.findByRole("dialog");
    expect(within(dialog).getByText("9,412人に、いますぐ配信します。")).toBeInTheDocument();
    expect(confirmed).toEqual([]);
    await user.click(within(dialog).getByRole("button", { name: "9,412人にいますぐ配信" }));
    await screen.findByText("配信を始めました").catch(() => undefined);
    expect(confirmed).toEqual([9412]);
  });

  it("counts again and asks again when the number isn't true any more", async () => {
    const user = userEvent.setup();
    peopleAre(9412, 9411);
    server.use(
      http.post("/v1/campaigns/{id}/send", ({ response }) =>
        response.untyped(
          new Response(
            JSON.stringify({
              type: "about:blank",
              title: "Conflict",
              status: 409,
              code: "people_changed",
              detail: "9411",
            }),
            { status: 409, headers: { "Content-Type": "application/problem+json" } },
          ),
        ),
      ),
    );
    renderScreen(<SendStep campaign={campaign} onBack={() => undefined} />);
    await user.click(await screen.findByRole("button", { name: "9,412人にいますぐ配信" }));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("button", { name: "9,412人にいますぐ配信" }));
    expect(await within(dialog).findByRole("alert")).toBeInTheDocument();
    expect(await within(dialog).findByRole("button", { name: "9,411人にいますぐ配信" })).toBeInTheDocument();
  });

  it("saves the hours of this campaign when they are chosen", async () => {
    const user = userEvent.setup();
    peopleAre(9412);
    const saved: unknown[] = [];
    server.use(
      http.patch("/v1/campaigns/{id}", async ({ request, response }) => {
        saved.push((await request.json()).hours);
        return response.untyped(new Response(JSON.stringify({ ...campaign, hours: { mode: "any" }, version: 4 })));
      }),
    );
    renderScreen(<SendStep campaign={campaign} onBack={() => undefined} />);
    const choice = await screen.findByRole("combobox", { name: "配信する時間帯" });
    await screen.findByDisplayValue("会社の設定に従う（09:00〜20:00）");
    await user.click(choice);
    await user.click(await screen.findByRole("option", { name: "時間帯を問わない" }));
    expect(saved).toEqual([{ mode: "any", own: null }]);
  });

  it("offers nothing to someone who may not send", async () => {
    await signIn({ permissions: ["campaigns.read", "campaigns.write"] });
    peopleAre(9412);
    renderScreen(<SendStep campaign={campaign} onBack={() => undefined} />);
    expect(await screen.findByRole("button", { name: "9,412人にいますぐ配信" })).toBeDisabled();
  });
});
