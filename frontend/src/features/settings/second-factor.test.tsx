import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import type { SecondFactors } from "@/api/types";
import { me, renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { SecondFactorScreen } from "./second-factor";

const none: SecondFactors = {
  totp_since: null,
  passkeys: [],
  recovery_codes_left: 0,
  required: false,
  passkeys_possible: true,
};
const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const codes = Array.from({ length: 10 }, (_, n) => `000${n}-0000-0000-0000`);

beforeEach(() => signIn());

it("sets an app up with QR code and key, and shows the recovery codes once", async () => {
  const user = userEvent.setup();
  let seen = none;
  server.use(
    http.get("/v1/auth/second-factors", ({ response }) => response(200).json(seen)),
    http.post("/v1/auth/totp", ({ response }) =>
      response(201).json({ secret, uri: `otpauth://totp/Kikubari:hanako?secret=${secret}&issuer=Kikubari` }),
    ),
    http.post("/v1/auth/totp/confirm", async ({ request, response }) => {
      expect(await request.json()).toEqual({ code: "123456" });
      seen = { ...none, totp_since: "2026-11-27T09:00:00Z", recovery_codes_left: 10 };
      return response(200).json({ codes });
    }),
    http.get("/v1/me", ({ response }) => response(200).json(me)),
  );
  renderScreen(<SecondFactorScreen />);
  // jsdom has no passkeys: the screen says so instead of offering them.
  expect(await screen.findByText(/パスキーを使えません/)).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "認証アプリを設定" }));
  const dialog = await screen.findByRole("dialog");
  expect(await within(dialog).findByRole("img", { name: "認証アプリで読み取るQRコード" })).toBeInTheDocument();
  expect(within(dialog).getByText("JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP")).toBeInTheDocument();
  await user.type(within(dialog).getByLabelText(/認証アプリの6桁のコード/), "123456{Enter}");
  expect(await within(dialog).findByText("0009-0000-0000-0000")).toBeInTheDocument();
  await user.click(within(dialog).getByRole("button", { name: "保管しました" }));
  expect(await screen.findByText("残り10個")).toBeInTheDocument();
});

it("names what a passkey is before it is removed, and says when the last one has to stay", async () => {
  const user = userEvent.setup();
  const passkey = {
    id: "0192f0c1-7c1e-7d3a-9b1e-000000000003",
    name: "会社のノートPC",
    backed_up: true,
    discoverable: false,
    created_at: "2026-11-27T09:00:00Z",
    last_used_at: null,
  };
  server.use(
    http.get("/v1/auth/second-factors", ({ response }) =>
      response(200).json({ ...none, passkeys: [passkey], recovery_codes_left: 2, required: true }),
    ),
    http.delete("/v1/auth/passkeys/{id}", ({ response }) =>
      response.untyped(
        new Response(JSON.stringify({ type: "about:blank", title: "Conflict", status: 409, code: "last_factor" }), {
          status: 409,
          headers: { "Content-Type": "application/problem+json" },
        }),
      ),
    ),
  );
  renderScreen(<SecondFactorScreen />);
  expect(await screen.findByText(/^パスワードの入力後に使えます/)).toBeInTheDocument();
  await user.click(await screen.findByRole("button", { name: "解除する: 会社のノートPC" }));
  const dialog = await screen.findByRole("dialog");
  expect(within(dialog).getByText("「会社のノートPC」ではログインできなくなります。")).toBeInTheDocument();
  await user.click(within(dialog).getByRole("button", { name: "解除する" }));
  expect(await within(dialog).findByRole("alert")).toHaveTextContent("最後の1つは解除できません");
});
