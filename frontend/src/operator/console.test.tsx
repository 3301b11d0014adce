import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { afterEach, describe, expect, it, vi } from "vitest";
import { queryClient } from "@/api/query";
import { server } from "@/testing/server";
import { Console } from "./console";
import { operatorSession } from "./session";

const minute = 60_000;
const issued = { access_token: "a1", expires_in: 28_800, name: "山田", session_expires_at: "2026-11-28T18:00:00Z" };
const tenant = {
  id: "0192f0c1-7c1e-7d3a-9b1e-5d2f6a7b8c9d",
  name: "株式会社サンプル",
  state: "active",
  suspended_at: null,
  suspended_reason: null,
  created_at: "2026-11-01T00:00:00Z",
  contacts: 1,
  users: 1,
  mails: 1,
};

async function show() {
  const loggedOut = vi.fn();
  server.use(
    http.post("*/v1/auth/code", () => HttpResponse.json(issued)),
    http.post("*/v1/auth/logout", () => {
      loggedOut();
      return new HttpResponse(null, { status: 204 });
    }),
    http.get("*/v1/me", () => HttpResponse.json({ name: "山田" })),
    http.get("*/v1/tenants", () => HttpResponse.json({ items: [tenant], next_cursor: null, total: null })),
  );
  await operatorSession.finish("t", "123456");
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={queryClient}>
        <Console />
      </QueryClientProvider>
    </MantineProvider>,
  );
  await screen.findByText(tenant.name);
  return loggedOut;
}

describe("the console", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("announces the idle log-out, carries it out, and keeps nothing of a company", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true, toFake: ["Date", "setInterval", "clearInterval"] });
    const loggedOut = await show();
    act(() => vi.setSystemTime(Date.now() + 14 * minute + 5_000));
    await act(() => vi.advanceTimersByTimeAsync(1_000));
    expect(await screen.findByText("まもなくログアウトします")).toBeVisible();
    expect(loggedOut).not.toHaveBeenCalled();
    act(() => vi.setSystemTime(Date.now() + minute));
    await act(() => vi.advanceTimersByTimeAsync(1_000));
    expect(await screen.findByRole("textbox", { name: /ログインID/ })).toBeVisible();
    expect(loggedOut).toHaveBeenCalledTimes(1);
    expect(screen.queryByText(tenant.name)).toBeNull();
    expect(queryClient.getQueryCache().getAll()).toEqual([]);
  });

  it("asks for a code where the last one is too old, and makes the company behind it", async () => {
    let proved = false;
    server.use(
      http.post("*/v1/auth/step-up", async ({ request }) => {
        proved = ((await request.json()) as { code: string }).code === "654321";
        return new HttpResponse(null, { status: 204 });
      }),
      http.post("*/v1/tenants", () => {
        const refusal = { status: 403, code: "code_required", title: "Forbidden", detail: "a code is needed" };
        return proved
          ? HttpResponse.json({ tenant, owner_login_id: "sample-owner", owner_password: "shown-once" }, { status: 201 })
          : HttpResponse.json(refusal, { status: 403 });
      }),
    );
    await show();
    const user = userEvent.setup();
    await user.click(screen.getByRole("button", { name: "企業を追加" }));
    const dialog = within(await screen.findByRole("dialog"));
    const fill = (label: RegExp, value: string) =>
      fireEvent.change(dialog.getByLabelText(label), { target: { value } });
    fill(/企業名/, "株式会社サンプル");
    fill(/所有者の氏名/, "花子");
    fill(/所有者のログインID/, "sample-owner");
    fill(/所有者のメールアドレス/, "hanako@example.jp");
    expect(dialog.queryByLabelText(/6桁のコード/)).toBeNull();
    await user.click(dialog.getByRole("button", { name: "保存" }));
    await dialog.findByLabelText(/6桁のコード/);
    fill(/6桁のコード/, "654321");
    await user.click(dialog.getByRole("button", { name: "保存" }));
    expect(await screen.findByText("shown-once")).toBeVisible();
  });

  it("asks for a code before an erasure is taken back", async () => {
    let proved = false;
    let taken = false;
    const none = { items: [], next_cursor: null, total: null };
    const amount = { used: 1, quota: null };
    const detail = {
      tenant: { ...tenant, state: "suspended", suspended_reason: "解約" },
      usage: { contacts: amount, users: amount, storage: amount, mails: amount },
      last_active_at: null,
    };
    server.use(
      http.get("*/v1/tenants/:id", () => HttpResponse.json(detail)),
      http.get("*/v1/tenants/:id/support-grants", () => HttpResponse.json(none)),
      http.get("*/v1/erasures", () => HttpResponse.json(none)),
      http.get("*/v1/audit", () => HttpResponse.json(none)),
      http.post("*/v1/auth/step-up", () => {
        proved = true;
        return new HttpResponse(null, { status: 204 });
      }),
      http.delete("*/v1/tenants/:id/erasure", () => {
        const refusal = { status: 403, code: "code_required", title: "Forbidden", detail: "a code is needed" };
        taken = proved;
        return proved ? new HttpResponse(null, { status: 204 }) : HttpResponse.json(refusal, { status: 403 });
      }),
    );
    await show();
    const user = userEvent.setup();
    await user.click(screen.getByRole("button", { name: tenant.name }));
    const take = "削除の予約を取り消す";
    await user.click(await screen.findByRole("button", { name: take }));
    const dialog = within(await screen.findByRole("dialog"));
    await user.click(dialog.getByRole("button", { name: take }));
    const code = await dialog.findByLabelText(/6桁のコード/);
    expect(taken).toBe(false);
    expect(dialog.getByRole("button", { name: take })).toBeDisabled();
    fireEvent.change(code, { target: { value: "654321" } });
    await user.click(dialog.getByRole("button", { name: take }));
    await vi.waitFor(() => expect(taken).toBe(true));
  });
});
