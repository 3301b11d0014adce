import createFetchClient, { type Middleware } from "openapi-fetch";
import createClient from "openapi-react-query";
import { fetchAsPerson } from "@/auth/step-up";
import type { paths } from "./schema.gen";

/** Every POST gets an idempotency key, so that the retry after a renewed token can't create or send twice. */
const idempotency: Middleware = {
  onRequest({ request }) {
    if (request.method === "POST" && !request.headers.has("Idempotency-Key")) {
      request.headers.set("Idempotency-Key", crypto.randomUUID());
    }
    return request;
  },
};

/** An empty or foreign error body (a proxy's page) becomes a problem with the real status. */
const problems: Middleware = {
  async onResponse({ response }) {
    if (response.ok || response.headers.get("content-type")?.includes("json")) {
      return undefined;
    }
    const code = response.status >= 500 ? "unavailable" : "unexpected";
    const problem = { type: "about:blank", status: response.status, code, title: response.statusText || code };
    return new Response(JSON.stringify(problem), {
      status: response.status,
      headers: { "Content-Type": "application/problem+json" },
    });
  },
};

export const client = createFetchClient<paths>({ baseUrl: window.location.origin, fetch: fetchAsPerson });
client.use(idempotency, problems);

/** Typed hooks: `api.useQuery("get", "/v1/lists")`. */
export const api = createClient(client);

/** The header that guards an edit against another person's edit in between. */
export function ifMatch(version: number): { "If-Match": string } {
  return { "If-Match": `"${version}"` };
}

/** Polling and live reading must not count as the person's activity. */
export const inBackground = { headers: { "X-Kikubari-Background": "1" } };
