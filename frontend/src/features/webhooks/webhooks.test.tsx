import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Webhook, WebhookMessage } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { messageStanding, standing, topicGroups } from "./events";
import { WebhooksScreen } from "./list";
import { pretty } from "./message";
import { WebhookScreen } from "./one";
import { parseWebhook } from "./search";

const crm: Webhook = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000500",
  url: "https://crm.example.co.jp/hooks",
  description: "CRM",
  events: ["contact.created", "message.clicked"],
  enabled: true,
  disabled_reason: null,
  old_secret_until: null,
  failures: 0,
  failing_since: null,
  retry_at: null,
  last_error: null,
  last_failure_at: null,
  last_success_at: "2026-11-27T00:00:00Z",
  created_at: "2026-11-24T00:00:00Z",
  version: 3,
};

const message: WebhookMessage = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000501",
  message_id: "msg_0192f0c17c1e7d3a9b1e000000000501",
  type: "message.clicked",
  event_count: 100,
  state: "failed",
  reason: "given_up",
  attempts: 12,
  due_at: null,
  status: 503,
  error: "HTTP 503",
  created_at: "2026-11-27T00:00:00Z",
  finished_at: "2026-11-27T00:00:00Z",
};

const hostile = '<img src=x onerror="alert(1)">';

function webhookIs(webhook: Webhook) {
  server.use(
    http.get("/v1/webhooks", ({ response }) => response(200).json({ items: [webhook], next_cursor: null })),
    http.get("/v1/webhooks/{id}", ({ response }) => response(200).json(webhook)),
    http.get("/v1/webhooks/{id}/messages", ({ response }) =>
      response(200).json({ items: [message], next_cursor: null }),
    ),
    http.get("/v1/webhooks/{id}/messages/{message_id}", ({ response }) =>
      response(200).json({
        ...message,
        body: '{"type":"message.clicked"}',
        tries: [
          { number: 12, at: message.created_at, duration_ms: 41, status: 503, error: "HTTP 503", answer: hostile },
        ],
      }),
    ),
  );
}

beforeEach(async () => {
  await loadLateWords();
  await signIn();
});

describe("webhooks", () => {
  it("offer each kind of event once", () => {
    const topics = topicGroups.flatMap((group) => group.topics);
    expect(new Set(topics).size).toBe(topics.length);
    expect(topics).toHaveLength(22);
  });

  it("say how they are", () => {
    expect(standing(crm)).toEqual({ tone: "good", label: "webhooks.on" });
    expect(standing({ ...crm, failures: 2 }).tone).toBe("warn");
    expect(standing({ ...crm, enabled: false }).label).toBe("webhooks.off");
    expect(standing({ ...crm, enabled: false, disabled_reason: "gone" }).label).toBe("webhooks.disabled_gone");
    expect(messageStanding({ ...message, state: "pending", attempts: 0 }).label).toBe("webhooks.message_pending");
    expect(messageStanding({ ...message, state: "pending", attempts: 1 }).label).toBe("webhooks.message_retrying");
    expect(pretty('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(pretty("no json")).toBe("no json");
    expect(parseWebhook({ state: "broken", type: "contact.created", open: 1 })).toEqual({
      state: undefined,
      type: "contact.created",
      open: "1",
      cursor: undefined,
    });
  });

  it("are added, and show their secret once, until the person says that it is kept", async () => {
    webhookIs(crm);
    const made: unknown[] = [];
    server.use(
      http.post("/v1/webhooks", async ({ request, response }) => {
        made.push(await request.json());
        return response(201).json({ ...crm, secret: "whsec_c2VjcmV0" });
      }),
    );
    const user = userEvent.setup();
    renderScreen(<WebhooksScreen />);
    await user.click((await screen.findAllByRole("button", { name: "Webhookを追加" }))[0] as HTMLElement);
    const form = await screen.findByRole("dialog");
    await user.click(within(form).getByRole("button", { name: "保存" }));
    expect(within(form).getByText("通知するイベントを1つ以上選んでください。")).toBeInTheDocument();
    await user.type(within(form).getByLabelText(/通知先URL/), "https://crm.example.co.jp/hooks");
    await user.click(within(form).getByLabelText("クリック"));
    await user.click(within(form).getByRole("button", { name: "保存" }));
    expect(await screen.findByText("whsec_c2VjcmV0")).toBeInTheDocument();
    expect(made).toEqual([
      { url: "https://crm.example.co.jp/hooks", description: "", events: ["message.clicked"], enabled: true },
    ]);
    const secret = screen.getByRole("dialog", { name: "署名シークレット" });
    expect(within(secret).getByRole("button", { name: "閉じる" })).toBeDisabled();
    await user.click(within(secret).getByLabelText("シークレットを控えました"));
    await user.click(within(secret).getByRole("button", { name: "閉じる" }));
    await expect.poll(() => screen.queryByText("whsec_c2VjcmV0")).toBeNull();
  });

  it("say what is wrong, and show a hostile answer as text", async () => {
    webhookIs({ ...crm, enabled: false, disabled_reason: "failing", last_error: "HTTP 503", failures: 12 });
    const onSearch = vi.fn();
    renderScreen(<WebhookScreen webhookId={crm.id} search={{ open: message.id }} onSearch={onSearch} />);
    expect(await screen.findByText(/3日間一度も通知できなかったため/)).toBeInTheDocument();
    expect(screen.getByRole("button", { name: "テスト通知を送る" })).toBeDisabled();
    expect(await screen.findByText(hostile)).toBeInTheDocument();
    expect(document.querySelector("img[src=x]")).toBeNull();
  });

  it("send failed messages again since a time", async () => {
    webhookIs(crm);
    const asked: unknown[] = [];
    server.use(
      http.post("/v1/webhooks/{id}/replay", async ({ request, response }) => {
        asked.push(await request.json());
        return response(202).json({ messages: 7 });
      }),
    );
    const user = userEvent.setup();
    renderScreen(<WebhookScreen webhookId={crm.id} search={{}} onSearch={vi.fn()} />);
    await user.click(await screen.findByRole("button", { name: "失敗した通知を再送" }));
    await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "再送する" }));
    await expect.poll(() => asked).toHaveLength(1);
    expect(asked[0]).toEqual({ since: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) });
    await expect.poll(() => screen.queryByRole("dialog")).toBeNull();
  });
});
