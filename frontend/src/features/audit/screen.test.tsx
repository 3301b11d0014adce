import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { AccessEntry, AuditEntry, Job } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { AuditScreen } from "./screen";

const sent: AuditEntry = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000500",
  number: 12,
  at: "2026-11-27T00:30:00Z",
  actor_kind: "user",
  actor_id: "0192f0c1-7c1e-7d3a-9b1e-000000000001",
  actor_name: "山田 花子",
  action: "campaign.sent",
  subject_kind: "campaign",
  subject_id: "0192f0c1-7c1e-7d3a-9b1e-000000000600",
  subject_name: "11月号",
  ip: "203.0.113.9",
};

const look: AccessEntry = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000700",
  at: "2026-11-27T00:31:00Z",
  actor_kind: "operator",
  actor_id: null,
  actor_name: null,
  operation: "list_contacts",
  subject_kind: "contact",
  subject_id: null,
  query: "q=髙橋",
  ip: null,
  request_id: null,
};

const job: Job = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000800",
  kind: "audit_verify",
  state: "succeeded",
  progress: { done: 12, total: 12 },
  result: {
    entries: 12,
    hash: "ab".repeat(32),
    erased: 0,
    faults: [
      { kind: "changed", number: 5, until: 5 },
      { kind: "cut", number: 11, until: 12 },
    ],
    more_faults: 0,
  },
  created_at: "2026-11-27T00:32:00Z",
};

beforeEach(async () => {
  server.use(
    http.get("/v1/users", ({ response }) => response(200).json({ items: [], next_cursor: null })),
    http.get("/v1/audit-entries", ({ response }) => response(200).json({ items: [sent], next_cursor: null })),
    http.get("/v1/audit-entries/{id}", ({ response }) =>
      response(200).json({
        ...sent,
        before: { state: "draft", name: "11月号" },
        after: { state: "preparing", name: "11月号" },
        hash: "cd".repeat(32),
      }),
    ),
    http.get("/v1/access-entries", ({ response }) => response(200).json({ items: [look], next_cursor: null })),
  );
  await loadLateWords();
  await signIn();
});

describe("the trace", () => {
  it("says who did what to what, in words", async () => {
    const onSearch = vi.fn();
    renderScreen(<AuditScreen search={{}} onSearch={onSearch} />);
    const table = await screen.findByRole("table", { name: "操作" });
    expect(within(table).getByText("山田 花子")).toBeInTheDocument();
    expect(within(table).getByText("配信: 11月号")).toBeInTheDocument();
    await userEvent.click(within(table).getByRole("button", { name: "配信を開始しました" }));
    expect(onSearch).toHaveBeenCalledWith({ open: sent.id });
  });

  it("shows what an entry changed, and nothing that stayed", async () => {
    renderScreen(<AuditScreen search={{ open: sent.id }} onSearch={() => undefined} />);
    const dialog = await screen.findByRole("dialog");
    const changes = await within(dialog).findByRole("table", { name: "変更内容" });
    expect(within(changes).getByRole("row", { name: "状態 下書き 配信準備中" })).toBeInTheDocument();
    expect(within(changes).queryByText("名前")).not.toBeInTheDocument();
    // What was stored stands behind it, whole.
    const raw = within(dialog).getByText(/"state": "preparing"/);
    expect(raw).not.toBeVisible();
    await userEvent.click(within(dialog).getByText("元のデータ"));
    expect(raw).toBeVisible();
    expect(raw).toHaveTextContent("11月号");
  });

  it("says in words what staff of the operator looked at, and nothing by a field's name", async () => {
    const viewed = {
      ...sent,
      actor_kind: "operator",
      action: "support.viewed",
      subject_kind: "contact",
      subject_name: null,
      before: null,
      after: { operation: "list_contact_timeline", grant_id: sent.subject_id, operator: "佐藤 次郎" },
      hash: "cd".repeat(32),
    } as const;
    server.use(http.get("/v1/audit-entries/{id}", ({ response }) => response(200).json(viewed)));
    renderScreen(<AuditScreen search={{ open: sent.id }} onSearch={() => undefined} />);
    const dialog = await screen.findByRole("dialog");
    expect(await within(dialog).findByText("佐藤 次郎")).toBeInTheDocument();
    expect(within(dialog).getByText("連絡先の履歴を表示")).toBeInTheDocument();
    expect(within(dialog).getByRole("link", { name: "サポートアクセスの許可の一覧" })).toBeInTheDocument();
    // But in what was stored, behind its summary.
    expect(within(dialog).queryByText(/grant_id|operation|operator/, { ignore: "details *" })).not.toBeInTheDocument();
    expect(within(dialog).queryByRole("table")).not.toBeInTheDocument();
  });

  it("says what a grant of support access covers, and keeps what it has no words for", async () => {
    const granted = {
      ...sent,
      action: "support.granted",
      subject_kind: "support_grant",
      subject_name: null,
      before: null,
      after: { reason: "お問い合わせ 1", permissions: ["contacts.read", "mails.read"], hours: 24, ticket: "A-1" },
      hash: "cd".repeat(32),
    } as const;
    server.use(http.get("/v1/audit-entries/{id}", ({ response }) => response(200).json(granted)));
    renderScreen(<AuditScreen search={{ open: sent.id }} onSearch={() => undefined} />);
    const dialog = await screen.findByRole("dialog");
    expect(await within(dialog).findByText("お問い合わせ 1")).toBeInTheDocument();
    expect(within(dialog).getByText("連絡先（氏名・メールアドレスを含む） / メールの内容")).toBeInTheDocument();
    expect(within(dialog).getByText("24時間")).toBeInTheDocument();
    const rest = within(dialog).getByRole("table", { name: "変更内容" });
    expect(within(rest).getByText("ticket")).toBeInTheDocument();
    expect(within(rest).queryByText("reason")).not.toBeInTheDocument();
  });

  it("says who looked at people's data, the operator too", async () => {
    renderScreen(<AuditScreen search={{ view: "looks" }} onSearch={() => undefined} />);
    const table = await screen.findByRole("table", { name: "閲覧" });
    expect(within(table).getByText("運用担当者")).toBeInTheDocument();
    expect(within(table).getByText("連絡先の一覧を表示・検索（検索語: 髙橋）")).toBeInTheDocument();
  });

  it("names the entries at which a verification found the chain broken", async () => {
    server.use(
      http.post("/v1/audit-verifications", ({ response }) => response(202).json({ ...job, state: "queued" })),
      http.get("/v1/jobs/{id}", ({ response }) => response(200).json(job)),
    );
    renderScreen(<AuditScreen search={{}} onSearch={() => undefined} />);
    await userEvent.click(await screen.findByRole("button", { name: "改ざんがないか検証" }));
    const alert = await screen.findByRole("alert");
    expect(within(alert).getByText(/書き換え、または順番の入れ替えがあります.*記録番号 5/)).toBeInTheDocument();
    expect(within(alert).getByText(/末尾の記録がありません.*記録番号 11〜12/)).toBeInTheDocument();
  });
});
