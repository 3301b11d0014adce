/** Offset of a time zone at an instant, in milliseconds east of UTC. */
function offsetAt(instant: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(new Date(instant));
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((item) => item.type === type)?.value);
  const wall = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return wall - Math.floor(instant / 1000) * 1000;
}

/** Wall-clock time of a zone ("2026-12-01T09:00") → the instant as RFC 3339 in UTC. */
export function wallToUtc(wall: string, timeZone: string): string {
  const asIfUtc = Date.parse(`${wall.replace(" ", "T").slice(0, 16)}:00Z`);
  const guess = asIfUtc - offsetAt(asIfUtc, timeZone);
  // Around a change of clocks the offset of the guess is the right one.
  return new Date(asIfUtc - offsetAt(guess, timeZone)).toISOString();
}

/** Instant → wall-clock time of a zone, "2026-12-01T09:00". */
export function utcToWall(iso: string, timeZone: string): string {
  const instant = Date.parse(iso);
  return new Date(instant + offsetAt(instant, timeZone)).toISOString().slice(0, 16);
}
