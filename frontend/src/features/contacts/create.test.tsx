import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import CreateContactDialog from "./create";

beforeEach(async () => {
  server.use(http.get("/v1/lists", ({ response }) => response(200).json({ items: [], next_cursor: null })));
  await signIn();
});

it("shows the server's refusal at the field and keeps what was typed", async () => {
  const user = userEvent.setup();
  server.use(
    http.post("/v1/contacts", ({ response }) =>
      response.untyped(
        new Response(
          JSON.stringify({
            type: "about:blank",
            title: "Unprocessable Content",
            status: 422,
            code: "invalid",
            detail: "1 field(s) of the input are not valid",
            errors: [{ pointer: "/email", code: "malformed", detail: "is no mail address" }],
          }),
          { status: 422, headers: { "Content-Type": "application/problem+json" } },
        ),
      ),
    ),
  );
  renderScreen(<CreateContactDialog onClose={() => undefined} fields={[]} />);
  const email = await screen.findByRole("textbox", { name: /メールアドレス/ });
  await user.type(email, "taro＠example");
  await user.click(screen.getByRole("button", { name: "追加" }));
  expect(await screen.findByText("形式が正しくありません。")).toBeInTheDocument();
  expect(email).toHaveValue("taro＠example");
  expect(email).toHaveAttribute("aria-invalid", "true");
});

it("doesn't ask the server without an address", async () => {
  const user = userEvent.setup();
  renderScreen(<CreateContactDialog onClose={() => undefined} fields={[]} />);
  await user.click(await screen.findByRole("button", { name: "追加" }));
  expect(await screen.findByText("メールアドレスを入力してください。")).toBeInTheDocument();
});
