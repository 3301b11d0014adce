import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { renderScreen } from "@/testing/render";
import { http, server } from "@/testing/server";
import { LoginScreen } from "./login";

it("says what became of a password that was given too long ago, and whom to ask", async () => {
  server.use(
    http.post("/v1/auth/login", ({ response }) =>
      response(403).json(
        {
          type: "about:blank",
          title: "Forbidden",
          status: 403,
          code: "given_password_over",
          detail: "this password was given to you more than 72 hours ago",
          request_id: "0192f0c1-7c1e-7d3a-9b1e-5d2f6a7b8c9d",
        },
        { headers: { "content-type": "application/problem+json" } },
      ),
    ),
  );
  renderScreen(<LoginScreen next="/" />);
  await userEvent.type(await screen.findByLabelText(/ログインID/), "given");
  await userEvent.type(screen.getByLabelText(/パスワード/, { selector: "input" }), "thimble volcano quartz");
  await userEvent.click(screen.getByRole("button", { name: "ログイン" }));
  expect(await screen.findByRole("alert")).toHaveTextContent(/72時間以内に変更されなかったため/);
});
