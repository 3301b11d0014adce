import { translateCodeOr } from "@/i18n";

const complaintsOfMails = /^complaints (\d+)\/(\d+)$/;

/** Whether this was held because too many people complained: `complaints 12/3400`. */
export function isForComplaints(reason: string): boolean {
  return complaintsOfMails.test(reason);
}

/** Why the service itself paused something, in words; text that it does not know stands as it is. */
export function heldText(reason: string): string {
  const [, complaints, mails] = complaintsOfMails.exec(reason) ?? [];
  if (complaints === undefined || mails === undefined) {
    return translateCodeOr("held", reason, reason);
  }
  const rate = ((Number(complaints) / Math.max(Number(mails), 1)) * 100).toFixed(2);
  return translateCodeOr("held", "complaints", reason, {
    complaints: Number(complaints),
    mails: Number(mails),
    rate,
  });
}
