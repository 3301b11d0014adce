import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { SecondFactorQuestion } from "@/api/types";
import { renderScreen } from "@/testing/render";
import { type Proof, ProofForm } from "./proof-form";

const question: SecondFactorQuestion = {
  token: "t",
  expires_in: 300,
  methods: ["totp", "recovery_code"],
  passkey: null,
};

it("takes the code that the phone offers, and shows a refusal at the field", async () => {
  const user = userEvent.setup();
  const onProof = vi.fn<(proof: Proof) => Promise<void>>().mockRejectedValueOnce({
    status: 422,
    code: "invalid",
    title: "",
    errors: [{ pointer: "/totp", code: "wrong_proof", detail: "is not right" }],
  });
  renderScreen(<ProofForm question={question} submit="ログイン" onProof={onProof} />);
  const field = await screen.findByLabelText("認証アプリの6桁のコード");
  expect(field).toHaveAttribute("autocomplete", "one-time-code");
  expect(field).toHaveAttribute("inputmode", "numeric");
  await user.click(screen.getByRole("button", { name: "ログイン" }));
  expect(onProof).not.toHaveBeenCalled();
  await user.type(field, "123 456{Enter}");
  expect(onProof).toHaveBeenLastCalledWith({ totp: "123 456" });
  expect(await screen.findByText("正しくないか、すでに使われています。")).toBeInTheDocument();
  expect(field).toBeInvalid();
});

it("changes to a recovery code and back", async () => {
  const user = userEvent.setup();
  const onProof = vi.fn<(proof: Proof) => Promise<void>>().mockResolvedValue();
  renderScreen(<ProofForm question={question} submit="ログイン" onProof={onProof} />);
  await user.click(await screen.findByRole("button", { name: "リカバリーコードを使う" }));
  await user.type(screen.getByLabelText("リカバリーコード"), "0a1b-2c3d-4e5f-6g7h-8j9k-mnpq{Enter}");
  expect(onProof).toHaveBeenLastCalledWith({ recovery_code: "0a1b-2c3d-4e5f-6g7h-8j9k-mnpq" });
  await user.click(screen.getByRole("button", { name: "認証アプリのコードを使う" }));
  expect(screen.getByLabelText("認証アプリの6桁のコード")).toBeInTheDocument();
});

it("says what a step could not be done for, when it belongs to no field", async () => {
  const user = userEvent.setup();
  const onProof = async () => {
    throw { status: 401, code: "challenge_over", title: "" };
  };
  renderScreen(<ProofForm question={question} submit="ログイン" onProof={onProof} />);
  await user.type(await screen.findByLabelText("認証アプリの6桁のコード"), "123456{Enter}");
  expect(await screen.findByRole("alert")).toHaveTextContent("時間切れか");
});

it("asks for the password of who has no second factor", async () => {
  const user = userEvent.setup();
  const onProof = vi.fn<(proof: Proof) => Promise<void>>().mockResolvedValue();
  renderScreen(<ProofForm question={{ ...question, methods: ["password"] }} submit="確認する" onProof={onProof} />);
  await user.type(await screen.findByLabelText("パスワード"), "correct horse{Enter}");
  expect(onProof).toHaveBeenLastCalledWith({ password: "correct horse" });
});
