import { beforeEach, expect, it, vi } from "vitest";
import { client } from "@/api/client";
import { session } from "@/auth/session";
import { me, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { settleStepUp } from "./step-up";

const refusal = (code: string) =>
  new Response(JSON.stringify({ type: "about:blank", title: "Forbidden", status: 403, code, detail: "" }), {
    status: 403,
    headers: { "Content-Type": "application/problem+json" },
  });

beforeEach(() => signIn());

/** Refuses until the person proved who they are; keeps the idempotency keys that came. */
function refuseUntil(proved: () => boolean): string[] {
  const keys: string[] = [];
  server.use(
    http.post("/v1/auth/recovery-codes", ({ request, response }) => {
      keys.push(request.headers.get("Idempotency-Key") ?? "");
      return proved() ? response(201).json({ codes: ["a"] }) : response.untyped(refusal("step_up_required"));
    }),
  );
  return keys;
}

it("sends a refused request again, under another key, once the person proved who they are", async () => {
  let proved = false;
  const keys = refuseUntil(() => proved);
  const [one, two] = [client.POST("/v1/auth/recovery-codes"), client.POST("/v1/auth/recovery-codes")];
  await vi.waitFor(() => expect(keys.length).toBe(2));
  proved = true;
  // The second may meet the refusal a little later than the first: both wait for one dialog.
  await vi.waitFor(() => {
    settleStepUp(true);
    expect(keys.length).toBe(4);
  });
  expect((await one).data).toEqual({ codes: ["a"] });
  expect((await two).data).toEqual({ codes: ["a"] });
  expect(new Set(keys).size).toBe(4);
});

it("answers the refusal when the person closes the dialog", async () => {
  const keys = refuseUntil(() => false);
  const asked = client.POST("/v1/auth/recovery-codes");
  await vi.waitFor(() => expect(keys.length).toBe(1));
  const closed = vi.waitFor(() => {
    settleStepUp(false);
    return asked;
  });
  const { error } = await closed;
  expect(error).toMatchObject({ code: "step_up_required" });
  expect(keys.length).toBe(1);
});

it("reads who is logged in anew when the company wants a second factor by now", async () => {
  server.use(
    http.get("/v1/lists", ({ response }) => response.untyped(refusal("second_factor_required"))),
    http.get("/v1/me", ({ response }) =>
      response(200).json({ ...me, second_factor: { enrolled: false, required: true } }),
    ),
  );
  await client.GET("/v1/lists", { params: {} });
  const state = session.state;
  expect(state.status === "signed_in" && state.me.second_factor.required).toBe(true);
});
