import { execFileSync } from "node:child_process";
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

/** As the SMTP server tells of it. */
export interface InboxMail {
  id: string;
  subject: string;
  text: string;
  to: { address: string }[];
}

const script = fileURLToPath(new URL("./inspect_mail.py", import.meta.url));

/**
 * Mails to an address in the order in which they came. Asked of the SMTP server, which tells of a mail once all of it
 * is written: its folder has files of mails that are still on their way, under names that say nothing of the order.
 */
export async function mailsTo(address: string): Promise<InboxMail[]> {
  const answer = await fetch(`${needed("KIKUBARI_E2E_INBOX_URL")}/api/email`);
  const mails = (await answer.json()) as InboxMail[];
  return mails.filter(({ to }) => to.some((one) => one.address.toLowerCase() === address.toLowerCase()));
}

export async function countMails(address: string): Promise<number> {
  return (await mailsTo(address)).length;
}

/** Waits for the n-th mail to an address and reads it with the public keys given as DNS records. */
export async function receive(address: string, n: number, records: Record<string, string>): Promise<ReceivedMail> {
  await expect.poll(() => countMails(address), { message: `mails to ${address}` }).toBeGreaterThanOrEqual(n);
  const { id } = (await mailsTo(address))[n - 1] as InboxMail;
  const file = path.join(needed("KIKUBARI_E2E_INBOX_DIR"), `${id}.eml`);
  const answer = execFileSync(needed("KIKUBARI_PYTHON"), [script, file], { input: JSON.stringify(records) });
  return JSON.parse(answer.toString()) as ReceivedMail;
}
