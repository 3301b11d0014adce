import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { describe, expect, it } from "vitest";
import { server } from "@/testing/server";
import { LogInScreen } from "./log-in";

function show(expired = false) {
  render(
    <MantineProvider env="test">
      <LogInScreen expired={expired} />
    </MantineProvider>,
  );
}

async function firstStep() {
  const user = userEvent.setup();
  await user.type(screen.getByRole("textbox", { name: /ログインID/ }), "yamada");
  await user.type(screen.getByLabelText(/パスワード/), "correct horse battery");
  await user.click(screen.getByRole("button", { name: "次へ" }));
  return user;
}

describe("the log-in of staff", () => {
  it("asks for a code after the password, and says why one was refused", async () => {
    const sent: unknown[] = [];
    server.use(
      http.post("*/v1/auth/login", () => HttpResponse.json({ step: "code", ticket: "t1", secret: null, uri: null })),
      http.post("*/v1/auth/code", async ({ request }) => {
        sent.push(await request.json());
        const refusal = {
          status: 401,
          code: "wrong_code_of_a_test",
          title: "Unauthorized",
          detail: "コードが違います",
        };
        return HttpResponse.json(refusal, { status: 401 });
      }),
    );
    show();
    const user = await firstStep();
    await user.type(await screen.findByRole("textbox", { name: /6桁のコード/ }), "123 456");
    await user.click(screen.getByRole("button", { name: "ログイン" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("コードが違います");
    expect(sent).toEqual([{ ticket: "t1", code: "123 456" }]);
  });

  it("sets the authenticator app up the first time, with a password of one's own", async () => {
    const sent: unknown[] = [];
    server.use(
      http.post("*/v1/auth/login", () =>
        HttpResponse.json({ step: "setup", ticket: "t1", secret: "GEZDGNBVGY3TQOJQ", uri: "otpauth://totp/x" }),
      ),
      http.post("*/v1/auth/code", async ({ request }) => {
        sent.push(await request.json());
        return HttpResponse.json({ access_token: "a", expires_in: 300, name: "山田", session_expires_at: "" });
      }),
    );
    show();
    const user = await firstStep();
    expect(await screen.findByText("GEZD GNBV GY3T QOJQ")).toBeInTheDocument();
    const button = screen.getByRole("button", { name: "設定してログイン" });
    await user.type(screen.getByRole("textbox", { name: /6桁のコード/ }), "123456");
    expect(button).toBeDisabled();
    await user.type(screen.getByLabelText(/新しいパスワード/), "a password of my own");
    await user.click(button);
    expect(sent).toEqual([{ ticket: "t1", code: "123456", new_password: "a password of my own" }]);
  });

  it("says that the session is over", () => {
    show(true);
    expect(screen.getByRole("status")).toHaveTextContent("15分操作がなかったか");
  });
});
