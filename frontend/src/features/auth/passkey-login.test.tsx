import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { loadLateWords } from "@/i18n";
import { renderScreen } from "@/testing/render";
import { http, server } from "@/testing/server";
import PasskeyLogin from "./passkey-login";

const bytes = (text: string) => new TextEncoder().encode(text).buffer;
const credential = {
  rawId: bytes("id"),
  response: {
    clientDataJSON: bytes("client"),
    authenticatorData: bytes("data"),
    signature: bytes("signed"),
    userHandle: bytes("handle"),
  },
};
const get = vi.fn();

beforeEach(async () => {
  await loadLateWords();
  vi.stubGlobal("PublicKeyCredential", class {});
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("navigator", Object.assign(Object.create(navigator), { credentials: { get } }));
  get.mockReset();
  server.use(
    http.post("/v1/auth/passkey-login-challenges", ({ response }) =>
      response(200).json({ token: "t", expires_in: 300, rp_id: "localhost", challenge: "AAAA" }),
    ),
  );
});

afterEach(() => vi.unstubAllGlobals());

it("asks for any passkey and says what the server answered to it", async () => {
  get.mockResolvedValue(credential);
  const sent: unknown[] = [];
  server.use(
    http.post("/v1/auth/passkey-logins", async ({ request, response }) => {
      sent.push(await request.json());
      return response(401).json({ type: "about:blank", title: "", status: 401, code: "wrong_passkey", detail: "" });
    }),
  );
  const onError = vi.fn();
  renderScreen(<PasskeyLogin onError={onError} />);
  await userEvent.click(await screen.findByRole("button", { name: "パスキーでログイン" }));
  await vi.waitFor(() => expect(onError).toHaveBeenLastCalledWith(expect.stringMatching(/このパスキーでは/)));
  const { publicKey } = get.mock.calls[0]?.[0] ?? {};
  expect(publicKey).toMatchObject({ rpId: "localhost", allowCredentials: [], userVerification: "required" });
  expect(sent).toEqual([
    {
      token: "t",
      user_handle: "aGFuZGxl",
      passkey: { credential_id: "aWQ", client_data: "Y2xpZW50", authenticator_data: "ZGF0YQ", signature: "c2lnbmVk" },
    },
  ]);
});

it("leads back to the password when the person declines", async () => {
  get.mockRejectedValue(new DOMException("", "NotAllowedError"));
  const onError = vi.fn();
  renderScreen(<PasskeyLogin onError={onError} />);
  await userEvent.click(await screen.findByRole("button", { name: "パスキーでログイン" }));
  await vi.waitFor(() => expect(onError).toHaveBeenLastCalledWith(expect.stringMatching(/パスワードでログイン/)));
});

it("is not there where the browser has no passkeys", () => {
  vi.stubGlobal("PublicKeyCredential", undefined);
  renderScreen(<PasskeyLogin onError={() => {}} />);
  expect(screen.queryByRole("button")).not.toBeInTheDocument();
});
