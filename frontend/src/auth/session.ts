import { useSyncExternalStore } from "react";
import type { LogInAnswer, Me, SecondFactorQuestion, Session } from "@/api/types";

export type EndReason = "signed_out" | "idle" | "expired";
export type SessionState =
  | { status: "resuming" }
  | { status: "anonymous"; reason: EndReason | null }
  | { status: "signed_in"; me: Me };

/** What a log-in that did not end in a session led to. */
export type LogInRest = { refusal: Response } | { question: SecondFactorQuestion };

type Message = { type: "signed_out"; reason: EndReason } | { type: "signed_in" };

interface Surroundings {
  fetch: (request: Request) => Promise<Response>;
  now: () => number;
  /** Runs one task at a time over all tabs: the refresh cookie is used up by each use. */
  exclusive: <T>(task: () => Promise<T>) => Promise<T>;
  channel: Pick<BroadcastChannel, "postMessage" | "addEventListener"> | null;
  origin: string;
}

/** Renew this long before the token ends, so that a request in flight doesn't meet its end. */
const renewBeforeMs = 20_000;
export const backgroundHeader = "X-Kikubari-Background";

/**
 * Who is logged in. The access token lives in this object alone (never in storage); the refresh cookie is
 * the browser's. All renewals of a tab share one request, and tabs take turns.
 */
export class SessionStore {
  #state: SessionState = { status: "resuming" };
  #token: string | null = null;
  #expiresAt = 0;
  #refreshing: Promise<boolean> | null = null;
  #resumed: Promise<SessionState> | null = null;
  #listeners = new Set<() => void>();
  #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
    around.channel?.addEventListener("message", (event) => this.#heard((event as MessageEvent<Message>).data));
  }

  get state(): SessionState {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Once per page load: tries to go on with the session that the cookie stands for. */
  resume(): Promise<SessionState> {
    this.#resumed ??= this.#refresh(false)
      .catch(() => false)
      .then((resumed) => {
        if (!resumed && this.#state.status === "resuming") {
          this.#become({ status: "anonymous", reason: null });
        }
        return this.#state;
      });
    return this.#resumed;
  }

  /** Answers null when logged in, otherwise the refusal or the question for a second factor. */
  async login(loginId: string, password: string): Promise<LogInRest | null> {
    return this.#enter("/v1/auth/login", { login_id: loginId, password });
  }

  /** Answers the question for a factor; null when logged in, otherwise the refusal. */
  async finishLogin(token: string, proof: object, path = "/v1/auth/second-factors"): Promise<Response | null> {
    const rest = await this.#enter(path, { token, ...proof });
    return rest && "refusal" in rest ? rest.refusal : null;
  }

  async #enter(path: string, body: object): Promise<LogInRest | null> {
    const response = await this.#around.fetch(this.#post(path, JSON.stringify(body)));
    if (!response.ok) {
      return { refusal: response };
    }
    const answer = (await response.json()) as LogInAnswer;
    if ("second_factor" in answer) {
      return { question: answer.second_factor };
    }
    this.#accept(answer);
    this.#around.channel?.postMessage({ type: "signed_in" } satisfies Message);
    return null;
  }

  /** Ends the session on the server, then here and in the other tabs. */
  async logout(reason: EndReason = "signed_out"): Promise<void> {
    try {
      await this.#around.exclusive(() => this.#around.fetch(this.#post("/v1/auth/logout")));
    } catch {
      // Unreachable: the page logs out all the same, the server's idle time-out does the rest.
    }
    this.#end(reason);
    this.#around.channel?.postMessage({ type: "signed_out", reason } satisfies Message);
  }

  /** Takes over a changed profile. */
  setMe(me: Me): void {
    if (this.#state.status === "signed_in") {
      this.#become({ status: "signed_in", me });
    }
  }

  /** A token that still lasts, or null. For requests that can't go through `fetch` (uploads with progress). */
  async token(background = false): Promise<string | null> {
    if (this.#token && this.#expiresAt - renewBeforeMs > this.#around.now()) {
      return this.#token;
    }
    return (await this.#refresh(background)) ? this.#token : null;
  }

  /** fetch with the access token; one renewal and one retry when the server answers 401. A 403 is only an answer. */
  fetch = async (request: Request): Promise<Response> => {
    const background = request.headers.has(backgroundHeader);
    const again = request.clone();
    const token = await this.token(background);
    const response = await this.#around.fetch(withToken(request, token));
    if (response.status !== 401 || token === null) {
      return response;
    }
    const renewed = token === this.#token ? await this.#refresh(background) : this.#token !== null;
    return renewed ? this.#around.fetch(withToken(again, this.#token)) : response;
  };

  #refresh(background: boolean): Promise<boolean> {
    this.#refreshing ??= this.#around
      .exclusive(() => this.#renew(background))
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  async #renew(background: boolean): Promise<boolean> {
    const request = this.#post("/v1/auth/refresh");
    if (background) {
      request.headers.set(backgroundHeader, "1");
    }
    const response = await this.#around.fetch(request);
    if (response.ok) {
      this.#accept((await response.json()) as Session);
      return true;
    }
    // Only a refusal ends the session; a server that is down or busy does not.
    if (response.status >= 500 || response.status === 429) {
      throw new TypeError(`refresh answered ${response.status}`);
    }
    if (this.#state.status === "signed_in") {
      this.#end("expired");
    }
    return false;
  }

  #post(path: string, body?: string): Request {
    const headers = new Headers({ "X-Kikubari-Client": "web" });
    if (body !== undefined) {
      headers.set("Content-Type", "application/json");
    }
    return new Request(this.#around.origin + path, {
      method: "POST",
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body }),
    });
  }

  #accept(session: Session): void {
    this.#token = session.access_token;
    this.#expiresAt = this.#around.now() + session.expires_in * 1000;
    this.#become({ status: "signed_in", me: session.me });
  }

  #end(reason: EndReason): void {
    this.#token = null;
    this.#expiresAt = 0;
    this.#become({ status: "anonymous", reason });
  }

  #heard(message: Message): void {
    if (message.type === "signed_out" && this.#state.status === "signed_in") {
      this.#end(message.reason);
    } else if (message.type === "signed_in" && this.#state.status === "anonymous") {
      this.#refresh(true).catch(() => undefined);
    }
  }

  #become(state: SessionState): void {
    this.#state = state;
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

function withToken(request: Request, token: string | null): Request {
  if (token) {
    request.headers.set("Authorization", `Bearer ${token}`);
  }
  return request;
}

/** One at a time over all tabs where the browser has locks, otherwise within this tab (the refresh is shared there). */
async function exclusive<T>(task: () => Promise<T>): Promise<T> {
  if (!("locks" in navigator)) {
    return task();
  }
  return (await navigator.locks.request("kikubari.refresh", task)) as T;
}

export const session = new SessionStore({
  fetch: (request) => fetch(request),
  now: () => Date.now(),
  exclusive,
  channel: typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("kikubari.session"),
  origin: window.location.origin,
});

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, () => session.state);
}
