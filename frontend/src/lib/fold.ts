/** Text as a search compares it: width, case and the two kana make no difference ("ｶﾞｰﾄﾞ", "ガード", "がーど"). */
export function fold(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[ァ-ヶ]/g, (kana) => String.fromCharCode(kana.charCodeAt(0) - 0x60));
}

/** Those whose name holds every word of `search`. */
export function matching<T>(items: readonly T[], search: string, nameOf: (item: T) => string): T[] {
  const words = fold(search).split(/\s+/).filter(Boolean);
  return items.filter((item) => {
    const name = fold(nameOf(item));
    return words.every((word) => name.includes(word));
  });
}
