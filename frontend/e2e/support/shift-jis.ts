/** Character → bytes, from what the platform's decoder makes of every one- and two-byte code. */
const codes = new Map<string, number[]>();
const decoder = new TextDecoder("shift_jis", { fatal: true });

function learn(bytes: number[]): void {
  try {
    const character = decoder.decode(Uint8Array.from(bytes));
    // IBM's extension comes twice; the later row is the one that Windows writes.
    codes.set(character, bytes);
  } catch {
    // No character has this code.
  }
}

for (let one = 0; one < 0x100; one += 1) {
  learn([one]);
  if ((one >= 0x81 && one <= 0x9f) || (one >= 0xe0 && one <= 0xfc)) {
    for (let two = 0x40; two <= 0xfc; two += 1) {
      learn([one, two]);
    }
  }
}

/** What a Japanese Excel writes into a CSV file. Throws for what it can't hold, for example an emoji. */
export function encodeShiftJis(text: string): Buffer {
  return Buffer.from(
    [...text].flatMap((character) => {
      const bytes = codes.get(character);
      if (!bytes) {
        throw new Error(`Shift_JIS has no ${character}`);
      }
      return bytes;
    }),
  );
}

export function decodeShiftJis(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
