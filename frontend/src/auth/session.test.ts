import { describe, expect, it, vi } from "vitest";
import { me } from "@/testing/render";
import { SessionStore } from "./session";

const origin = "http://localhost:3000";

interface Script {
  refresh?: (calls: number) => Response | Promise<Response>;
  api?: (token: string | null, calls: number) => Response;
}

function answer(status: number, body?: unknown): Response {
  return new Response(body === undefined ? null : JSON.stringify(body), { status });
}

const sessionWith = (token: string, expires_in = 600) => ({
  access_token: token,
  token_type: "Bearer",
  expires_in,
  me,
});

/** A store against a small scripted server; counts what it was asked. */
function setUp(script: Script) {
  const calls = { refresh: 0, api: 0, login: 0, logout: 0 };
  const bodies: string[] = [];
  let clock = 1_000_000;
  const fetch = vi.fn(async (request: Request) => {
    const path = new URL(request.url).pathname;
    if (path === "/v1/auth/login") {
      calls.login += 1;
      return answer(200, sessionWith("first"));
    }
    if (path === "/v1/auth/refresh") {
      calls.refresh += 1;
      return (await script.refresh?.(calls.refresh)) ?? answer(200, sessionWith(`renewed-${calls.refresh}`));
    }
    if (path === "/v1/auth/logout") {
      calls.logout += 1;
      return answer(204);
    }
    calls.api += 1;
    bodies.push(await request.text());
    return script.api?.(request.headers.get("Authorization"), calls.api) ?? answer(200, {});
  });
  const posted: unknown[] = [];
  const listeners: ((event: MessageEvent) => void)[] = [];
  const store = new SessionStore({
    fetch,
    now: () => clock,
    exclusive: (task) => task(),
    channel: {
      postMessage: (message: unknown) => posted.push(message),
      addEventListener: (_type: string, listener: unknown) => listeners.push(listener as (event: MessageEvent) => void),
    },
    origin,
  });
  return {
    store,
    calls,
    bodies,
    posted,
    hear: (data: unknown) => {
      for (const listener of listeners) {
        listener({ data } as MessageEvent);
      }
    },
    pass: (ms: number) => {
      clock += ms;
    },
  };
}

const get = () => new Request(`${origin}/v1/contacts`);
const onlyWith = (token: string) => (sent: string | null) => answer(sent === `Bearer ${token}` ? 200 : 401);

describe("the session", () => {
  it("renews once for many requests that meet a 401 at the same time", async () => {
    const { store, calls } = setUp({ api: onlyWith("renewed-1") });
    await store.login("hanako", "secret");
    const answers = await Promise.all([store.fetch(get()), store.fetch(get()), store.fetch(get())]);
    expect(answers.map((item) => item.status)).toEqual([200, 200, 200]);
    expect(calls.refresh).toBe(1);
    expect(calls.api).toBe(6);
  });

  it("sends the body again with the retry", async () => {
    const { store, bodies } = setUp({ api: onlyWith("renewed-1") });
    await store.login("hanako", "secret");
    await store.fetch(new Request(`${origin}/v1/lists`, { method: "POST", body: '{"name":"a"}' }));
    expect(bodies).toEqual(['{"name":"a"}', '{"name":"a"}']);
  });

  it("retries only once", async () => {
    const { store, calls } = setUp({ api: () => answer(401) });
    await store.login("hanako", "secret");
    const response = await store.fetch(get());
    expect(response.status).toBe(401);
    expect(calls).toMatchObject({ api: 2, refresh: 1 });
  });

  it("renews before the token ends instead of waiting for a 401", async () => {
    const { store, calls, pass } = setUp({ api: onlyWith("renewed-1") });
    await store.login("hanako", "secret");
    pass(590_000);
    expect((await store.fetch(get())).status).toBe(200);
    expect(calls).toMatchObject({ api: 1, refresh: 1 });
  });

  it("ends when the server refuses the renewal", async () => {
    const { store } = setUp({ api: () => answer(401), refresh: () => answer(401) });
    await store.login("hanako", "secret");
    await store.fetch(get());
    expect(store.state).toEqual({ status: "anonymous", reason: "expired" });
  });

  it("does not end while the server can't answer", async () => {
    const { store } = setUp({ api: () => answer(401), refresh: () => answer(503) });
    await store.login("hanako", "secret");
    await expect(store.fetch(get())).rejects.toThrow("503");
    expect(store.state.status).toBe("signed_in");
  });

  it("never ends on a 403", async () => {
    const { store, calls } = setUp({ api: () => answer(403) });
    await store.login("hanako", "secret");
    expect((await store.fetch(get())).status).toBe(403);
    expect(store.state.status).toBe("signed_in");
    expect(calls.refresh).toBe(0);
  });

  it("goes on with the cookie's session after a reload", async () => {
    const { store, calls } = setUp({});
    expect((await store.resume()).status).toBe("signed_in");
    await store.resume();
    expect(calls.refresh).toBe(1);
  });

  it("is anonymous, without a reason, when there is nothing to resume", async () => {
    const { store } = setUp({ refresh: () => answer(401) });
    expect(await store.resume()).toEqual({ status: "anonymous", reason: null });
  });

  it("ends in every tab at log-out", async () => {
    const { store, posted, calls } = setUp({});
    await store.login("hanako", "secret");
    await store.logout("idle");
    expect(store.state).toEqual({ status: "anonymous", reason: "idle" });
    expect(calls.logout).toBe(1);
    expect(posted).toContainEqual({ type: "signed_out", reason: "idle" });
  });

  it("follows a log-out of another tab", async () => {
    const { store, hear } = setUp({});
    await store.login("hanako", "secret");
    hear({ type: "signed_out", reason: "signed_out" });
    expect(store.state).toEqual({ status: "anonymous", reason: "signed_out" });
  });

  it("tells the server when a renewal serves a background request", async () => {
    let header: string | null = "unset";
    const store = new SessionStore({
      fetch: async (request) => {
        if (request.url.endsWith("/refresh")) {
          header = request.headers.get("X-Kikubari-Background");
          return answer(200, sessionWith("renewed"));
        }
        return answer(200, {});
      },
      now: () => 0,
      exclusive: (task) => task(),
      channel: null,
      origin,
    });
    await store.fetch(new Request(`${origin}/v1/jobs/1`, { headers: { "X-Kikubari-Background": "1" } }));
    expect(header).toBe("1");
  });
});
