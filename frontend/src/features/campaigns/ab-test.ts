import type { AbTestPlan, Campaign } from "@/api/types";

/** A, B and so on, from 1. */
export const letterOf = (position: number) => String.fromCharCode(64 + position);

export type AbTest = NonNullable<Campaign["ab_test"]>;

export interface VariantDraft {
  mail_id: string | null;
  subject: string;
  sender_name: string;
  sender_address: string;
}

/** A test while it is written. */
export type TestDraft = Pick<AbTest, "share" | "metric" | "decision"> & {
  hours: number | string;
  variants: VariantDraft[];
};

export const bareVariant: VariantDraft = { mail_id: null, subject: "", sender_name: "", sender_address: "" };

export const newTest: TestDraft = {
  share: 20,
  metric: "opens",
  decision: "automatic",
  hours: 4,
  variants: [bareVariant, bareVariant],
};

export const draftOf = (test: AbTest): TestDraft => ({
  share: test.share,
  metric: test.metric,
  decision: test.decision,
  hours: test.wait_minutes / 60,
  variants: test.variants.map((variant) => ({
    mail_id: variant.mail_id ?? null,
    subject: variant.subject ?? "",
    sender_name: variant.sender_name ?? "",
    sender_address: variant.sender_address ?? "",
  })),
});

export const planOf = (draft: TestDraft): AbTestPlan => ({
  share: draft.share,
  metric: draft.metric,
  decision: draft.decision,
  wait_minutes: Math.round(Number(draft.hours) * 60),
  variants: draft.variants.map((variant) => ({
    mail_id: variant.mail_id,
    subject: variant.subject.trim() || null,
    sender_name: variant.sender_name.trim() || null,
    sender_address: variant.sender_address.trim() || null,
  })),
});

const textOf = (variant: VariantDraft) =>
  JSON.stringify([variant.mail_id, variant.subject.trim(), variant.sender_name.trim(), variant.sender_address.trim()]);

export const isBare = (variant: VariantDraft) => textOf(variant) === textOf(bareVariant);

/** Place of the variant before this one that says the same; -1: there is none. */
export function twinOf(variants: readonly VariantDraft[], index: number): number {
  const text = variants[index] && textOf(variants[index]);
  return variants.slice(0, index).findIndex((other) => textOf(other) === text);
}

/** About how many people get the test, one variant of it, and what won. */
export function splitOf(people: number, share: number, variants: number) {
  const tested = Math.round((people * share) / 100);
  return { tested, each: Math.floor(tested / variants), rest: people - tested };
}
