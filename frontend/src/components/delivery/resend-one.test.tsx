import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import type { Delivery, SendingKind } from "@/api/types";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { ResendOne } from "./resend-one";

const delivery = { id: "0192f0c1-7c1e-7d3a-9b1e-000000000300", state: "unknown", kind: "sequence" } as Delivery & {
  kind: SendingKind;
};

it("asks before it sends one mail again, and shows a refusal", async () => {
  await signIn();
  const user = userEvent.setup();
  let calls = 0;
  server.use(
    http.post("/v1/deliveries/{id}/resend", ({ response }) => {
      calls += 1;
      return calls === 1
        ? response.untyped(
            new Response(JSON.stringify({ title: "Conflict", status: 409, code: "not_wanted", detail: "no" }), {
              status: 409,
              headers: { "Content-Type": "application/problem+json" },
            }),
          )
        : response.untyped(new Response(JSON.stringify({ ...delivery, state: "queued" })));
    }),
  );
  renderScreen(<ResendOne delivery={delivery} />);
  await user.click(await screen.findByRole("button", { name: "このメールを再送" }));
  const dialog = await screen.findByRole("dialog");
  expect(within(dialog).getByText(/2通目が届くことがあります/)).toBeInTheDocument();
  expect(calls).toBe(0);
  await user.click(within(dialog).getByRole("button", { name: "再送する" }));
  expect(await within(dialog).findByText(/配信停止/)).toBeInTheDocument();
  await user.click(within(dialog).getByRole("button", { name: "再送する" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(calls).toBe(2);
});

it("offers nothing to somebody who may not send", async () => {
  await signIn({ permissions: ["campaigns.read"] });
  renderScreen(
    <>
      <ResendOne delivery={delivery} />
      <p>ready</p>
    </>,
  );
  await screen.findByText("ready");
  expect(screen.queryByRole("button")).toBeNull();
});

it("offers nothing for a mail that was accepted, or of a campaign, which is sent again as a whole", async () => {
  await signIn();
  renderScreen(
    <>
      <ResendOne delivery={{ ...delivery, state: "accepted" }} />
      <ResendOne delivery={{ ...delivery, kind: "campaign" }} />
      <p>ready</p>
    </>,
  );
  await screen.findByText("ready");
  expect(screen.queryByRole("button")).toBeNull();
});
