import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
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
});
