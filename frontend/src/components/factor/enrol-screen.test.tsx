import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import { loadLateWords } from "@/i18n";
import { me, renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import EnrolScreen from "./enrol-screen";

beforeEach(async () => {
  await loadLateWords();
});

it("wants one's own password before it sets up a factor", async () => {
  const second_factor = { enrolled: false, required: true };
  await signIn({ second_factor, password: { expires_at: null, must_change: true } });
  const asked: string[] = [];
  server.use(
    http.get("/v1/auth/second-factors", ({ response }) => {
      asked.push("factors");
      return response(200).json({
        totp_since: null,
        passkeys: [],
        recovery_codes_left: 0,
        required: true,
        passkeys_possible: true,
      });
    }),
    http.post("/v1/auth/password-checks", ({ response }) =>
      response(200).json({ acceptable: true, score: 4, problems: [] } as never),
    ),
    http.post("/v1/auth/password", ({ response }) => response(204).empty()),
    http.get("/v1/me", ({ response }) => response(200).json({ ...me, second_factor })),
  );
  const user = userEvent.setup();
  renderScreen(<EnrolScreen />);
  await user.type(await screen.findByLabelText(/^現在のパスワード/), "given to me 1");
  expect(screen.queryByText("認証アプリを設定する")).not.toBeInTheDocument();
  expect(asked).toEqual([]);
  await user.type(screen.getByLabelText(/^新しいパスワード(?!（)/), "gakubuchi no ura");
  await user.type(screen.getByLabelText(/^新しいパスワード（確認）/), "gakubuchi no ura");
  await user.click(screen.getByRole("button", { name: "パスワードを変更" }));
  expect(await screen.findByText("認証アプリを設定する")).toBeInTheDocument();
});
