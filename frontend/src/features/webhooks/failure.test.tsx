import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it } from "vitest";
import { setLocale } from "@/i18n";
import { Failure, failureText } from "./failure";

afterEach(() => setLocale("ja"));

describe("why a notification did not get through", () => {
  // As mailer::egress writes them.
  it.each([
    ["the answer did not come in time", /時間内に応答がありません/],
    ["no connection: timed out", /時間内に応答がありません/],
    ["no connection: Connection refused (os error 111)", /接続を拒否/],
    ["no connection: No route to host (os error 113)", /ネットワークに届きません/],
    ["no connection: something new", /接続できません/],
    ["the name has no address", /IPアドレスが見つかりません/],
    ["DNS: proto error: request timed out", /名前解決（DNS）/],
    ["the name leads to an address that may not be asked", /社内・内部のアドレス/],
    ["the address leads to an address that is none of the internet: the operator names the exceptions", /社内・内部/],
    ["the address must begin with https://", /URLに問題/],
    ["TLS: invalid peer certificate: certificate expired: verification time 1", /有効期限/],
    ['TLS: invalid peer certificate: certificate not valid for name "a"', /ホスト名と一致しません/],
    ["TLS: invalid peer certificate: UnknownIssuer", /認証局/],
    ["TLS: received fatal alert: HandshakeFailure", /暗号化通信（TLS）/],
    ["the connection broke: unexpected end of file", /途中で接続が切れました/],
    ["the answer is no HTTP", /HTTPの応答ではありません/],
    ["HTTP 302", /転送.*HTTP 302/],
    ["HTTP 403", /権限.*HTTP 403/],
    ["HTTP 404", /見つかりません.*HTTP 404/],
    ["HTTP 410", /HTTP 410/],
    ["HTTP 422", /受け付けませんでした.*HTTP 422/],
    ["HTTP 429", /多すぎる.*HTTP 429/],
    ["HTTP 503", /サーバーでエラー.*HTTP 503/],
  ])("%s", async (error, words) => {
    expect(failureText(error)).toMatch(words);
    await setLocale("en");
    expect(failureText(error)).toMatch(/^[A-Z][\x20-\x7e’–“”]+$/);
  });

  it("is shown as it came when nobody knows it", () => {
    expect(failureText("something new")).toBeNull();
    expect(failureText("HTTP 999")).toBeNull();
  });

  it("has what the service noted behind it", async () => {
    const raw = "TLS: invalid peer certificate: UnknownIssuer";
    render(
      <MantineProvider env="test">
        <Failure error={raw} />
      </MantineProvider>,
    );
    expect(screen.getByText(/認証局/)).toBeVisible();
    expect(screen.getByText(raw)).not.toBeVisible();
    await userEvent.setup().click(screen.getByText("エラーの詳細"));
    expect(screen.getByText(raw)).toBeVisible();
  });
});
