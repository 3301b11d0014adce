import type { Mail } from "@/api/types";

/** What a mail and a template have in common: everything that is written in the editor. */
export type Content = Pick<
  Mail,
  "subject" | "preheader" | "sender_name" | "sender_address" | "reply_to" | "text" | "html" | "text_mode"
>;

export function contentOf(item: Content): Content {
  const { subject, preheader, sender_name, sender_address, reply_to, text, html, text_mode } = item;
  return { subject, preheader, sender_name, sender_address, reply_to, text, html, text_mode };
}

/** The parts that differ, for a PATCH that says only what changed. */
export function changes(before: Content, after: Content): Partial<Content> {
  const names = Object.keys(after) as (keyof Content)[];
  return Object.fromEntries(names.filter((name) => before[name] !== after[name]).map((name) => [name, after[name]]));
}
