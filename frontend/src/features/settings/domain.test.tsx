import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { SenderDomain } from "@/api/types";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { DomainScreen } from "./domain";

const domain: SenderDomain = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000500",
  domain: "example.co.jp",
  keys: [],
  records: [
    {
      purpose: "return_path",
      name: "bounce.example.co.jp",
      type: "CNAME",
      value: "bounce.kikubari.example",
      checked: { state: "missing", at: "2026-11-24T00:00:00Z" },
      found: null,
    },
  ],
  return_path_label: "bounce",
  host: { checked: { state: "ok", at: "2026-11-24T00:00:00Z" }, found: "mx.example.co.jp\n203.0.113.5" },
  version: 3,
  created_at: "2026-11-24T00:00:00Z",
};

beforeEach(async () => {
  server.use(http.get("/v1/sender-domains/{id}", ({ response }) => response(200).json(domain)));
  await loadLateWords();
  await signIn();
});

describe("a sender domain", () => {
  it("has lights for its return path, which is optional, and for its own records", async () => {
    renderScreen(<DomainScreen domainId={domain.id} />);
    expect(await screen.findByText("bounce.example.co.jp")).toBeInTheDocument();
    expect(screen.getByText("未登録（任意）")).toBeInTheDocument();
    expect(screen.getByText("mx.example.co.jp, 203.0.113.5")).toBeInTheDocument();
  });

  it("says since when a record is amiss, and nothing where all is well", async () => {
    const since = "2026-11-24T00:00:00Z";
    const host = { checked: { state: "missing" as const, at: since, since }, found: null };
    const key = {
      selector: "kk1",
      algorithm: "rsa-sha256" as const,
      active: true,
      public_key: "AAAA",
      record: { name: "kk1._domainkey.example.co.jp", type: "TXT", value: "v=DKIM1" },
      checked: { state: "ok" as const, at: since, since },
    };
    server.use(
      http.get("/v1/sender-domains/{id}", ({ response }) => response(200).json({ ...domain, host, keys: [key] })),
    );
    renderScreen(<DomainScreen domainId={domain.id} />);
    expect(await screen.findByText(/2026.*の確認から/)).toBeInTheDocument();
    expect(screen.getAllByText(/の確認から/)).toHaveLength(1);
  });

  it("gives its return path another name", async () => {
    const sent: unknown[] = [];
    server.use(
      http.put("/v1/sender-domains/{id}", async ({ request, response }) => {
        sent.push([request.headers.get("If-Match"), await request.json()]);
        return response(200).json({ ...domain, return_path_label: "rp", version: 4 });
      }),
    );
    const user = userEvent.setup();
    renderScreen(<DomainScreen domainId={domain.id} />);
    await user.click(await screen.findByRole("button", { name: "名前を変更" }));
    const dialog = await screen.findByRole("dialog");
    const field = within(dialog).getByRole("textbox");
    await user.clear(field);
    await user.type(field, "RP");
    await user.click(within(dialog).getByRole("button", { name: "保存" }));
    await expect.poll(() => sent).toEqual([['"3"', { return_path_label: "rp" }]]);
  });
});
