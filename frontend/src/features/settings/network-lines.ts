/** One network a line, or with commas or spaces between; people paste both. */
export function networkLines(text: string): string[] {
  return text
    .split(/[\s,、]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
