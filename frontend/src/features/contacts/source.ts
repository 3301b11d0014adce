import { translateCode } from "@/i18n";

/** Where something came from: "import:<id>" is "Import", a known code its word, what a person wrote stays as it is. */
export function sourceText(source: string): string {
  return translateCode("source", /^(import|form|signup):[0-9a-f-]+$/.exec(source)?.[1] ?? source);
}
