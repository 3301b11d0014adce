import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Campaign } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import AbTestForm from "./ab-test-form";

const campaign = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000200",
  name: "春の新商品",
  state: "draft",
  version: 3,
  best_hour: false,
  ab_test: null,
} as unknown as Campaign;

/** What is sent to the campaign. */
function changes(status = 200, problem?: unknown) {
  const sent: unknown[] = [];
  server.use(
    http.patch("/v1/campaigns/{id}", async ({ request, response }) => {
      sent.push(await request.json());
      return problem
        ? response.untyped(
            new Response(JSON.stringify(problem), {
              status,
              headers: { "Content-Type": "application/problem+json" },
            }),
          )
        : response.untyped(new Response(JSON.stringify({ ...campaign, version: 4 })));
    }),
  );
  return sent;
}

/** Mails by what was asked for. */
function mailsAre() {
  const asked: (string | null)[] = [];
  server.use(
    http.get("/v1/mails", ({ request, response }) => {
      const q = new URL(request.url).searchParams.get("q");
      asked.push(q);
      const name = q ? `${q}のご案内` : "最近のメール";
      const items = [{ id: "0192f0c1-7c1e-7d3a-9b1e-0000000003ff", name }];
      return response.untyped(new Response(JSON.stringify({ items, next_cursor: null })));
    }),
  );
  return asked;
}

const show = (onDirty = vi.fn(), of = campaign) => {
  renderScreen(<AbTestForm campaign={of} mail={undefined} people={100} disabled={false} onDirty={onDirty} />);
  return onDirty;
};

beforeEach(async () => {
  await loadLateWords();
  await signIn();
});

describe("the form of an A/B test", () => {
  it("begins with two variants, says that something waits to be saved, and saves all of it", async () => {
    mailsAre();
    const sent = changes();
    const user = userEvent.setup();
    const onDirty = show();
    await user.click(await screen.findByRole("switch"));
    expect(onDirty).toHaveBeenLastCalledWith(true);
    const groups = screen.getAllByRole("group", { name: /^[AB]案$/ });
    expect(groups).toHaveLength(2);
    for (const [index, text] of ["春", "夏"].entries()) {
      await user.type(within(groups[index] as HTMLElement).getByRole("textbox", { name: "件名" }), text);
    }
    await user.click(screen.getByRole("button", { name: "A/Bテストを保存" }));
    const bare = { mail_id: null, sender_name: null, sender_address: null };
    await expect
      .poll(() => sent)
      .toEqual([
        {
          ab_test: {
            share: 20,
            metric: "opens",
            decision: "automatic",
            wait_minutes: 240,
            variants: [
              { ...bare, subject: "春" },
              { ...bare, subject: "夏" },
            ],
          },
        },
      ]);
    await expect.poll(() => onDirty.mock.lastCall).toEqual([false]);
  });

  it("has five variants at most and two at least", async () => {
    mailsAre();
    const user = userEvent.setup();
    show();
    await user.click(await screen.findByRole("switch"));
    const add = () => screen.queryByRole("button", { name: "案を追加" });
    for (let n = 2; n < 5; n++) {
      await user.click(add() as HTMLElement);
    }
    expect(add()).toBeNull();
    const remove = () => screen.queryAllByRole("button", { name: /削除/ });
    for (let n = 5; n > 2; n--) {
      await user.click(remove()[0] as HTMLElement);
    }
    expect(remove()).toHaveLength(0);
  });

  it("finds a variant's mail on the server, by a part of its name", async () => {
    const asked = mailsAre();
    const user = userEvent.setup();
    show();
    await user.click(await screen.findByRole("switch"));
    const [first] = screen.getAllByRole("group", { name: /^[AB]案$/ });
    const mail = within(first as HTMLElement).getByRole("combobox", { name: "別のメール" });
    await user.type(mail, "夏");
    await expect.poll(() => asked).toContain("夏");
    await user.click(await screen.findByRole("option", { name: "夏のご案内" }));
    expect(mail).toHaveValue("夏のご案内");
  });

  it("says which variant is the same as one before it, before the server is asked", async () => {
    mailsAre();
    const sent = changes();
    const user = userEvent.setup();
    const onDirty = show();
    await user.click(await screen.findByRole("switch"));
    await user.click(screen.getByRole("button", { name: "A/Bテストを保存" }));
    const second = screen.getByRole("group", { name: "B案" });
    expect(await within(second).findByRole("alert")).toHaveTextContent("A案と同じ内容です");
    expect(sent).toEqual([]);
    expect(onDirty).toHaveBeenLastCalledWith(true);
  });

  it("shows what the server says is wrong at its field, in the person's language, and stays unsaved", async () => {
    mailsAre();
    const pointer = "/ab_test/variants/1/sender_address";
    changes(422, {
      title: "Unprocessable",
      status: 422,
      code: "invalid",
      errors: [{ pointer, code: "malformed", detail: "is not an address" }],
    });
    const user = userEvent.setup();
    const onDirty = show();
    await user.click(await screen.findByRole("switch"));
    const second = screen.getByRole("group", { name: "B案" });
    const address = within(second).getByRole("textbox", { name: "差出人アドレス" });
    await user.type(address, "x");
    await user.click(screen.getByRole("button", { name: "A/Bテストを保存" }));
    await expect.poll(() => address).toHaveAccessibleDescription("形式が正しくありません。");
    expect(onDirty).toHaveBeenLastCalledWith(true);
  });

  it("says how many people get what", async () => {
    mailsAre();
    const user = userEvent.setup();
    show();
    await user.click(await screen.findByRole("switch"));
    expect(screen.getByText(/約20人（1案あたり約10人）.*約80人/)).toBeVisible();
  });

  it("asks before a saved test is thrown away", async () => {
    mailsAre();
    const sent = changes();
    const user = userEvent.setup();
    const saved = {
      share: 20,
      metric: "opens",
      decision: "manual",
      wait_minutes: 240,
      variants: [{ subject: "春" }, { subject: "夏" }],
    } as Campaign["ab_test"];
    show(vi.fn(), { ...campaign, ab_test: saved });
    await user.click(await screen.findByRole("switch"));
    const dialog = await screen.findByRole("dialog", { name: "A/Bテストの取りやめ" });
    expect(sent).toEqual([]);
    expect(screen.getByDisplayValue("夏")).toBeInTheDocument();
    await user.click(within(dialog).getByRole("button", { name: "A/Bテストをやめる" }));
    await expect.poll(() => sent).toEqual([{ ab_test: null }]);
    await expect.poll(() => screen.queryByDisplayValue("夏")).toBeNull();
  });
});
