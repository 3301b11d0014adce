/** Puts a token where the cursor is, in place of what is selected; answers the new text and where the cursor goes. */
export function insertAt(text: string, start: number, end: number, token: string): { text: string; cursor: number } {
  const from = Math.min(Math.max(start, 0), text.length);
  const to = Math.min(Math.max(end, from), text.length);
  return { text: text.slice(0, from) + token + text.slice(to), cursor: from + token.length };
}
