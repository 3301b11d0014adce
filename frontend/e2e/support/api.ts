import createClient, { type Client } from "openapi-fetch";
import type { paths } from "../../src/api/schema.gen";
import { demo } from "./env";

export type Api = Client<paths>;

/** The documented API as an integrator uses it: for what a test needs to be there before its story begins. */
export async function connect(baseUrl: string, login = demo()): Promise<Api> {
  const anonymous = createClient<paths>({ baseUrl });
  const { data, error } = await anonymous.POST("/v1/auth/login", {
    body: { login_id: login.loginId, password: login.password },
  });
  if (!data || !("access_token" in data)) {
    throw new Error(`log-in refused: ${JSON.stringify(error)}`);
  }
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${data.access_token}` } });
}

/** The data of an answer; a refusal ends the test with the server's words. */
export async function took<T>(answer: Promise<{ data?: T; error?: unknown }>): Promise<T> {
  const { data, error } = await answer;
  if (error !== undefined) {
    throw new Error(JSON.stringify(error));
  }
  return data as T;
}
