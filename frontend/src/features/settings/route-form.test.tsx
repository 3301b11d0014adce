import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import type { Route } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { RouteDialog } from "./route-form";

const route: Route = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000500",
  name: "契約リレー",
  kind: "relay",
  host: "smtp.example.co.jp",
  port: 587,
  security: "starttls",
  auth: "plain",
  username: "acme",
  has_password: true,
  source_address: "",
  helo: "",
  max_sessions: 10,
  sign: true,
  enabled: true,
  position: 0,
  weight: 100,
  health: null,
  created_at: "2026-11-24T00:00:00Z",
  version: 1,
};

beforeEach(async () => {
  await loadLateWords();
  await signIn();
});

it("asks for the password again when the route leads elsewhere, and keeps it otherwise", async () => {
  const sent: Record<string, unknown>[] = [];
  server.use(
    http.patch("/v1/routes/{id}", async ({ request, response }) => {
      sent.push(await request.json());
      return response(200).json(route);
    }),
  );
  const user = userEvent.setup();
  renderScreen(<RouteDialog route={route} onClose={() => undefined} />);
  const host = await screen.findByRole("textbox", { name: /^サーバー/ });
  expect(screen.getByText("空欄のままなら、登録済みのパスワードを使い続けます。")).toBeInTheDocument();
  await user.clear(host);
  await user.type(host, "smtp2.example.co.jp");
  const anew = "接続先やユーザー名を変えるときは、パスワードを入力し直してください。";
  expect(screen.getByText(anew)).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "保存" }));
  expect(await screen.findByText("必須項目です。")).toBeInTheDocument();
  expect(sent).toEqual([]);
  await user.type(screen.getByLabelText(/^パスワード/, { selector: "input" }), "another-password");
  await user.click(screen.getByRole("button", { name: "保存" }));
  await expect.poll(() => sent).toMatchObject([{ host: "smtp2.example.co.jp", password: "another-password" }]);
});
