import type { Counts } from "@/api/types";

/** Mails whose outcome is final: nothing more will happen by itself. */
export function settled(counts: Counts): number {
  return counts.accepted + counts.failed + counts.unknown + counts.skipped;
}

/** Share of the accepted mails; null where nothing was accepted. */
export function rateOf(part: number, counts: Pick<Counts, "accepted">): number | null {
  return counts.accepted > 0 ? part / counts.accepted : null;
}

export interface Sample {
  at: number;
  done: number;
}

/** Mails a second over the samples at hand; null until two of them tell something. */
export function speed(samples: readonly Sample[]): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.at - first.at < 1_000) {
    return null;
  }
  return Math.max(0, ((last.done - first.done) * 1000) / (last.at - first.at));
}
