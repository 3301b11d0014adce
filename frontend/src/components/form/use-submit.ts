import type { UseFormReturnType } from "@mantine/form";
import { useState } from "react";
import { problemForForm } from "@/api/problem-text";

/**
 * Runs a save: the server's validation errors land at their fields, everything else in `error`, and what the
 * person typed stays.
 */
// biome-ignore lint/suspicious/noExplicitAny: Mantine's form type is invariant in its values
export function useSubmit<F extends UseFormReturnType<any, any>>(form: F) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = async (save: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    setError(null);
    try {
      await save();
      return true;
    } catch (cause) {
      const known = fieldPaths(form.getValues() as Record<string, unknown>);
      const { fields, form: message } = problemForForm(cause, known);
      form.setErrors(fields);
      setError(message);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run };
}

/** "legal.sender_name" comes before "legal", so that an error finds the innermost field. */
function fieldPaths(values: Record<string, unknown>, prefix = ""): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const path = prefix + name;
    const inner =
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? fieldPaths(value as Record<string, unknown>, `${path}.`)
        : [];
    return [...inner, path];
  });
}
