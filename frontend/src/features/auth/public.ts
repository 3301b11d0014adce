import createFetchClient from "openapi-fetch";
import { toProblem } from "@/api/problem";
import type { paths } from "@/api/schema.gen";

/** For people who are not logged in: without a token, and without trying to get one. */
const anonymous = createFetchClient<paths>({
  baseUrl: window.location.origin,
  fetch: (request) => fetch(request),
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

function unwrap<T>({ data, error, response }: Answer<T>): T {
  if (!response.ok) {
    throw toProblem(error ?? new Error(response.statusText));
  }
  return data as T;
}

export async function requestReset(login: string): Promise<void> {
  unwrap(await anonymous.POST("/v1/auth/reset-requests", { body: { login } }));
}

export async function passkeyChallenge() {
  return unwrap(await anonymous.POST("/v1/auth/passkey-login-challenges"));
}

export async function checkLink(token: string, password?: string, signal?: AbortSignal) {
  return unwrap(await anonymous.POST("/v1/auth/link-checks", { body: { token, password }, signal }));
}

export async function setPassword(purpose: "reset" | "invitation", token: string, new_password: string) {
  const body = { token, new_password };
  if (purpose === "reset") {
    unwrap(await anonymous.POST("/v1/auth/resets", { body }));
  } else {
    unwrap(await anonymous.POST("/v1/auth/invitation-acceptances", { body }));
  }
}
