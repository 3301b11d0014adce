import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import PurgeDialog from "./purge-dialog";

const campaign = { id: "0192f0c1-7c1e-7d3a-9b1e-000000000200", name: "12月のお知らせ" };

/** So many wait, by what was asked. */
function waitingAre(count: (query: URLSearchParams) => number) {
  server.use(
    http.get("/v1/purges", ({ request, response }) =>
      response(200).json({ waiting: count(new URL(request.url).searchParams), in_hand: 3 }),
    ),
  );
}

beforeEach(async () => {
  await loadLateWords();
  await signIn();
});

describe("purging what waits", () => {
  it("says how many it is, for the site that was chosen, and purges that alone", async () => {
    waitingAre((query) => (query.get("site") === "docomo" ? 120 : 1_234));
    const sent: unknown[] = [];
    server.use(
      http.post("/v1/purges", async ({ request, response }) => {
        sent.push(await request.json());
        return response(200).json({ skipped: 120 });
      }),
    );
    const user = userEvent.setup();
    const onClose = vi.fn();
    renderScreen(<PurgeDialog campaign={campaign} onClose={onClose} />);
    const dialog = await screen.findByRole("dialog");
    expect(await within(dialog).findByRole("button", { name: "1,234通を取り消す" })).toBeEnabled();
    expect(within(dialog).getByRole("status")).toHaveTextContent("送信処理に入っている3通は止まりません");
    expect(within(dialog).getByText(/「12月のお知らせ」のすべての宛先/)).toBeInTheDocument();
    await user.click(within(dialog).getByRole("combobox"));
    await user.click(await screen.findByRole("option", { name: "ドコモ" }));
    const purge = await within(dialog).findByRole("button", { name: "120通を取り消す" });
    expect(sent).toEqual([]);
    await user.click(purge);
    await waitFor(() => expect(onClose).toHaveBeenCalled());
    expect(sent).toEqual([{ campaign_id: campaign.id, site: "docomo" }]);
  });

  it("has nothing to do where nothing waits", async () => {
    waitingAre(() => 0);
    renderScreen(<PurgeDialog onClose={() => {}} />);
    const dialog = await screen.findByRole("dialog");
    expect(await within(dialog).findByRole("button", { name: "0通を取り消す" })).toBeDisabled();
  });
});
