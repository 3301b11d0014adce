import { beforeEach, expect, it } from "vitest";
import { api } from "@/api/client";
import { queryClient } from "@/api/query";
import { signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { updateMail } from "./queries";

beforeEach(() => signIn());

it("shows the new name of a mail that saved itself in the list of mails", async () => {
  const mail = { id: "0192f0c1-7c1e-7d3a-9b1e-000000000300", name: "夏", version: 2 };
  server.use(http.patch("/v1/mails/{id}", ({ response }) => response.untyped(new Response(JSON.stringify(mail)))));
  const { queryKey } = api.queryOptions("get", "/v1/mails", {});
  queryClient.setQueryData(queryKey, { items: [], next_cursor: null });
  await updateMail(mail.id, 1, { name: "夏" });
  expect(queryClient.getQueryState(queryKey)?.isInvalidated).toBe(true);
});
