import { HttpResponse, http } from "msw";
import { describe, expect, it } from "vitest";
import { queryClient } from "@/api/query";
import { server as network } from "@/testing/server";
import { OperatorSession, operatorSession } from "./session";

const issued = { access_token: "a1", expires_in: 300, name: "山田", session_expires_at: "2026-11-27T18:00:00Z" };
const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

/** A server that answers by path, and remembers what it was asked. */
function server(answers: Record<string, () => Response>) {
  const asked: Request[] = [];
  const send = async (request: Request) => {
    asked.push(request.clone());
    const answer = answers[new URL(request.url).pathname];
    return answer ? answer() : json(404, {});
  };
  return { asked, send };
}

describe("the session of staff", () => {
  it("is not open after the first step", async () => {
    const { send } = server({ "/v1/auth/login": () => json(200, { step: "code", ticket: "t" }) });
    const session = new OperatorSession(send);
    await session.begin("yamada", "password");
    expect(session.state.status).toBe("resuming");
  });

  it("opens with the code, and signs what is sent", async () => {
    const { asked, send } = server({ "/v1/auth/code": () => json(200, issued), "/v1/me": () => json(200, {}) });
    const session = new OperatorSession(send);
    await session.finish("t", "123456");
    expect(session.state).toEqual({ status: "signed_in", name: "山田" });
    await session.fetch(new Request("http://localhost/v1/me"));
    expect(asked.at(-1)?.headers.get("Authorization")).toBe("Bearer a1");
  });

  it("throws the server's refusal of a code and stays closed", async () => {
    const refusal = { status: 401, code: "wrong_code", title: "Unauthorized" };
    const { send } = server({ "/v1/auth/code": () => json(401, refusal) });
    const session = new OperatorSession(send);
    await expect(session.finish("t", "000000")).rejects.toEqual(refusal);
    expect(session.state.status).toBe("resuming");
  });

  it("ends as expired when neither token nor cookie is taken any more", async () => {
    const { send } = server({
      "/v1/auth/code": () => json(200, issued),
      "/v1/auth/refresh": () => json(401, {}),
      "/v1/me": () => json(401, {}),
    });
    const session = new OperatorSession(send);
    await session.finish("t", "123456");
    await session.fetch(new Request("http://localhost/v1/me"));
    expect(session.state).toEqual({ status: "anonymous", expired: true });
  });

  it("drops what was read when it ends, however it ends, and tells the other tabs", async () => {
    const posted: string[] = [];
    let hear: (message: string) => void = () => undefined;
    let forgotten = 0;
    const around = {
      channel: {
        postMessage: (message: string) => posted.push(message),
        addEventListener: (_type: string, listener: unknown) => {
          hear = (data) => (listener as (event: { data: string }) => void)({ data });
        },
      } as unknown as BroadcastChannel,
      forget: () => {
        forgotten += 1;
      },
    };
    let taken = true;
    const { send } = server({
      "/v1/auth/code": () => json(200, issued),
      "/v1/auth/refresh": () => (taken ? json(200, issued) : json(401, {})),
      "/v1/auth/logout": () => new Response(null, { status: 204 }),
      "/v1/me": () => json(401, {}),
    });
    const session = new OperatorSession(send, Date.now, around);
    await session.finish("t", "123456");
    await session.logOut(true);
    expect(session.state).toEqual({ status: "anonymous", expired: true });
    expect(forgotten).toBe(1);
    expect(posted).toEqual(["signed_in", "expired"]);
    // Another tab logs in, and out.
    hear("signed_in");
    await expect.poll(() => session.state.status).toBe("signed_in");
    hear("signed_out");
    expect(session.state).toEqual({ status: "anonymous", expired: false });
    expect(forgotten).toBe(2);
    // The server ends it.
    hear("signed_in");
    await expect.poll(() => session.state.status).toBe("signed_in");
    taken = false;
    await session.fetch(new Request("http://localhost/v1/me"));
    expect(session.state.status).toBe("anonymous");
    expect(forgotten).toBe(3);
  });

  it("leaves nothing of a company in the console's memory", async () => {
    network.use(http.post("*/v1/auth/logout", () => new HttpResponse(null, { status: 204 })));
    queryClient.setQueryData(["get", "/v1/support/x/contacts"], { items: ["hanako@example.jp"] });
    await operatorSession.logOut();
    expect(queryClient.getQueryCache().getAll()).toEqual([]);
  });

  it("is not ended by a refusal for lack of a grant", async () => {
    const { send } = server({ "/v1/auth/code": () => json(200, issued), "/v1/x": () => json(403, {}) });
    const session = new OperatorSession(send);
    await session.finish("t", "123456");
    await session.fetch(new Request("http://localhost/v1/x"));
    expect(session.state.status).toBe("signed_in");
  });
});
