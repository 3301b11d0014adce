import { useSyncExternalStore } from "react";
import { queryClient } from "@/api/query";
import type { components } from "./schema.gen";

type Issued = components["schemas"]["OperatorTokensIssued"];
export type Step = components["schemas"]["OperatorStep"];
export type State =
  | { status: "resuming" }
  | { status: "anonymous"; expired: boolean }
  | { status: "signed_in"; name: string };

type Message = "signed_out" | "expired" | "signed_in";

interface Around {
  /** What the console's tabs tell each other by. */
  channel: Pick<BroadcastChannel, "postMessage" | "addEventListener"> | null;
  /** Drops what was read: it is the tenants' data, and nobody's who comes next. */
  forget: () => void;
}

/** Renew this long before the token ends. */
const renewBeforeMs = 20_000;

/** Who of the staff is logged in. The access token lives in this object alone; the refresh cookie is the browser's. */
export class OperatorSession {
  #state: State = { status: "resuming" };
  #token: string | null = null;
  #endsAt = 0;
  #renewing: Promise<boolean> | null = null;
  #listeners = new Set<() => void>();
  #send: (request: Request) => Promise<Response>;
  #now: () => number;
  #around: Around;

  constructor(
    send: (request: Request) => Promise<Response>,
    now: () => number = Date.now,
    around: Around = { channel: null, forget: () => undefined },
  ) {
    this.#send = send;
    this.#now = now;
    this.#around = around;
    around.channel?.addEventListener("message", (event) => this.#heard((event as MessageEvent<Message>).data));
  }

  get state(): State {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** After a reload: goes on with the session that the cookie stands for. */
  async resume(): Promise<void> {
    const resumed = await this.#renew().catch(() => false);
    if (!resumed) {
      this.#become({ status: "anonymous", expired: false });
    }
  }

  /** The first step; throws the problem of a refusal. */
  async begin(loginId: string, password: string): Promise<Step> {
    return this.#answer<Step>(await this.#post("/v1/auth/login", { login_id: loginId, password }));
  }

  /** The second step; throws the problem of a refusal. */
  async finish(ticket: string, code: string, newPassword?: string): Promise<void> {
    const body = { ticket, code, ...(newPassword === undefined ? {} : { new_password: newPassword }) };
    this.#accept(await this.#answer<Issued>(await this.#post("/v1/auth/code", body)));
    this.#around.channel?.postMessage("signed_in" satisfies Message);
  }

  /** Ends the session on the server, then here and in the other tabs. */
  async logOut(expired = false): Promise<void> {
    await this.#post("/v1/auth/logout").catch(() => undefined);
    this.#end(expired);
    this.#around.channel?.postMessage((expired ? "expired" : "signed_out") satisfies Message);
  }

  /** fetch with the access token; one renewal and one retry when the server answers 401. */
  fetch = async (request: Request): Promise<Response> => {
    const again = request.clone();
    if (this.#endsAt - renewBeforeMs <= this.#now()) {
      await this.#renew();
    }
    const response = await this.#send(this.#signed(request));
    if (response.status !== 401) {
      return response;
    }
    return (await this.#renew()) ? this.#send(this.#signed(again)) : response;
  };

  #signed(request: Request): Request {
    if (this.#token) {
      request.headers.set("Authorization", `Bearer ${this.#token}`);
    }
    return request;
  }

  #renew(): Promise<boolean> {
    this.#renewing ??= this.#refresh().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #refresh(): Promise<boolean> {
    const response = await this.#post("/v1/auth/refresh");
    if (response.ok) {
      this.#accept((await response.json()) as Issued);
      return true;
    }
    // Only a refusal ends the session; a server that is down or busy does not.
    if (response.status >= 500 || response.status === 429) {
      throw new TypeError(`refresh answered ${response.status}`);
    }
    if (this.#state.status === "signed_in") {
      this.#end(true);
    }
    return false;
  }

  #post(path: string, body?: object): Promise<Response> {
    const headers = new Headers({ "X-Kikubari-Client": "web" });
    if (body) {
      headers.set("Content-Type", "application/json");
    }
    const init: RequestInit = { method: "POST", headers, credentials: "same-origin" };
    return this.#send(
      new Request(window.location.origin + path, body ? { ...init, body: JSON.stringify(body) } : init),
    );
  }

  async #answer<T>(response: Response): Promise<T> {
    const body: unknown = await response.json();
    if (!response.ok) {
      throw body;
    }
    return body as T;
  }

  #accept(issued: Issued): void {
    this.#token = issued.access_token;
    this.#endsAt = this.#now() + issued.expires_in * 1000;
    this.#become({ status: "signed_in", name: issued.name });
  }

  #end(expired: boolean): void {
    this.#token = null;
    this.#endsAt = 0;
    this.#become({ status: "anonymous", expired });
    this.#around.forget();
  }

  #heard(message: Message): void {
    if (message === "signed_in") {
      if (this.#state.status === "anonymous") {
        this.#renew().catch(() => undefined);
      }
    } else if (this.#state.status === "signed_in") {
      this.#end(message === "expired");
    }
  }

  #become(state: State): void {
    this.#state = state;
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

export const operatorSession = new OperatorSession((request) => fetch(request), Date.now, {
  channel: typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("kikubari.operator.session"),
  forget: () => queryClient.clear(),
});

export function useOperatorSession(): State {
  return useSyncExternalStore(operatorSession.subscribe, () => operatorSession.state);
}
