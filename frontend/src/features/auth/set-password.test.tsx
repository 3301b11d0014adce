import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { LinkInfo } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { renderScreen } from "@/testing/render";
import { http, server } from "@/testing/server";
import { ForgotScreen } from "./forgot";
import { SetPasswordScreen } from "./set-password";

const link: LinkInfo = {
  purpose: "password_reset",
  login_id: "hanako",
  display_name: "山田 花子",
  company: "サンプル商事",
  expires_at: "2099-01-01T00:00:00Z",
  min_length: 14,
};
const good = "gakubuchi no ura ni kakusu";

function problem(code: string, pointer: string) {
  return {
    type: "about:blank",
    title: "Unprocessable Content",
    status: 422,
    code: "invalid",
    detail: "1 field(s) of the input are not valid",
    errors: [{ pointer, code, detail: "…" }],
  };
}

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function open(token: string) {
  window.history.replaceState(null, "", `/reset#${token}`);
  renderScreen(<SetPasswordScreen purpose="reset" />);
}

beforeEach(loadLateWords);

describe("the page of a mailed link", () => {
  it("takes the token out of the address bar and sets the password with it", async () => {
    const sent: unknown[] = [];
    server.use(
      http.post("/v1/auth/link-checks", async ({ request, response }) => {
        const { password } = await request.json();
        return response(200).json({ ...link, password: password ? { score: 4, problems: [] } : null });
      }),
      http.post("/v1/auth/resets", async ({ request, response }) => {
        sent.push(await request.json());
        return response(204).empty();
      }),
    );
    open("secret-token");
    expect(await screen.findByText(/サンプル商事 のログインID hanako/)).toBeInTheDocument();
    expect(window.location.href).not.toContain("secret-token");
    await userEvent.type(screen.getByLabelText(/^新しいパスワード(?!（)/), good);
    await userEvent.type(screen.getByLabelText(/^新しいパスワード（確認）/), good);
    expect(await screen.findByText("とても強い")).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "パスワードを設定" }));
    expect(await screen.findByText(/新しいパスワードでログインしてください/)).toBeInTheDocument();
    expect(sent).toEqual([{ token: "secret-token", new_password: good }]);
  });

  it("says why a password is not taken, and asks for the company's length", async () => {
    server.use(
      http.post("/v1/auth/link-checks", async ({ request, response }) => {
        const { password } = await request.json();
        const problems = [{ pointer: "/password", code: "leaked", detail: "…" }];
        return response(200).json({ ...link, password: password ? { score: 0, problems } : null });
      }),
    );
    open("t");
    await userEvent.type(await screen.findByLabelText(/^新しいパスワード(?!（)/), "1q2w3e4r5t6y");
    expect(await screen.findByText(/過去に流出したパスワード/)).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "パスワードを設定" }));
    expect(await screen.findByText("14文字以上にしてください。")).toBeInTheDocument();
  });

  it("asks nothing more about a password while it is being set, which uses the link up", async () => {
    const taken = deferred();
    const asked = deferred();
    server.use(
      http.post("/v1/auth/link-checks", async ({ request, response }) => {
        request.signal.addEventListener("abort", () => taken.resolve());
        const { password } = await request.json();
        if (password) {
          asked.resolve();
          await taken.promise;
        }
        return response(200).json({ ...link, password: null });
      }),
      http.post("/v1/auth/resets", async ({ response }) => {
        await taken.promise;
        return response(204).empty();
      }),
    );
    open("t");
    await userEvent.type(await screen.findByLabelText(/^新しいパスワード(?!（)/), good);
    await userEvent.type(screen.getByLabelText(/^新しいパスワード（確認）/), good);
    await asked.promise;
    await userEvent.click(screen.getByRole("button", { name: "パスワードを設定" }));
    expect(await screen.findByText(/新しいパスワードでログインしてください/)).toBeInTheDocument();
  });

  it("leads to another one when it is used up", async () => {
    server.use(
      http.post("/v1/auth/link-checks", ({ response }) => response(422).json(problem("link_invalid", "/token"))),
    );
    open("old");
    expect(await screen.findByRole("alert")).toBeInTheDocument();
    expect(screen.getByRole("link", { name: "パスワードを忘れた方" })).toHaveAttribute("href", "/forgot");
  });
});

describe("a forgotten password", () => {
  it("says the same whoever it is", async () => {
    const asked: unknown[] = [];
    server.use(
      http.post("/v1/auth/reset-requests", async ({ request, response }) => {
        asked.push(await request.json());
        return response(202).empty();
      }),
    );
    renderScreen(<ForgotScreen />);
    await userEvent.type(await screen.findByLabelText("ログインIDまたはメールアドレス"), " nobody ");
    await userEvent.click(screen.getByRole("button", { name: "リンクを送る" }));
    expect(await screen.findByRole("status")).toHaveTextContent("該当するユーザーがいれば");
    expect(asked).toEqual([{ login: "nobody" }]);
  });
});
