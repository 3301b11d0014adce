import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "@playwright/test";
import { needed } from "./env";

export interface ReceivedMail {
  headers: Record<string, string>;
  text: string;
  html: string;
  signatures: { domain: string; selector: string; algorithm: string; headers: string[]; valid: boolean }[];
}

const script = fileURLToPath(new URL("./inspect_mail.py", import.meta.url));

/** Raw mails at the SMTP server with the address in their To header and the words in them, oldest first. */
function find(address: string): string[] {
  const folder = needed("KIKUBARI_E2E_INBOX_DIR");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".eml"))
    .map((name) => path.join(folder, name))
    .filter((file) => new RegExp(`^To:.*${address.replaceAll(".", "\\.")}`, "im").test(readFileSync(file, "latin1")));
}

export function countMails(address: string): number {
  return find(address).length;
}

/** Waits for the n-th mail to an address and reads it with the public keys given as DNS records. */
export async function receive(address: string, n: number, records: Record<string, string>): Promise<ReceivedMail> {
  await expect.poll(() => countMails(address), { message: `mails to ${address}` }).toBeGreaterThanOrEqual(n);
  const file = find(address)[n - 1] as string;
  const answer = execFileSync(needed("KIKUBARI_PYTHON"), [script, file], { input: JSON.stringify(records) });
  return JSON.parse(answer.toString()) as ReceivedMail;
}
