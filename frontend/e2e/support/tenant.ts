import { execFileSync } from "node:child_process";
import { connect, took } from "./api";
import { needed } from "./env";

/**
 * Makes a company in which nothing has been done yet, with the operator's command; answers its owner's log-in. The
 * password that the command prints is good for nothing but its change.
 */
export async function createTenant(name: string): Promise<{ loginId: string; password: string }> {
  const loginId = `owner-${Date.now().toString(36)}`;
  const answer = execFileSync(
    `${needed("KIKUBARI_BIN")}/kikubari`,
    ["tenant", "create", "--name", name, "--login-id", loginId, "--email", `${loginId}@example.jp`],
    { encoding: "utf8" },
  );
  const given = /^password: (\S+)$/m.exec(answer)?.[1];
  if (!given) {
    throw new Error(`the command printed no password: ${answer}`);
  }
  const password = `own-${given}`;
  const api = await connect(needed("KIKUBARI_E2E_URL"), { loginId, password: given });
  await took(api.POST("/v1/auth/password", { body: { current_password: given, new_password: password } }));
  return { loginId, password };
}
