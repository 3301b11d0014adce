import { execFileSync } from "node:child_process";
import { needed } from "./env";

/** Makes a company in which nothing has been done yet, with the operator's command; answers its owner's log-in. */
export function createTenant(name: string): { loginId: string; password: string } {
  const loginId = `owner-${Date.now().toString(36)}`;
  const answer = execFileSync(
    `${needed("KIKUBARI_BIN")}/kikubari`,
    ["tenant", "create", "--name", name, "--login-id", loginId, "--email", `${loginId}@example.jp`],
    { encoding: "utf8" },
  );
  const password = /^password: (\S+)$/m.exec(answer)?.[1];
  if (!password) {
    throw new Error(`the command printed no password: ${answer}`);
  }
  return { loginId, password };
}
