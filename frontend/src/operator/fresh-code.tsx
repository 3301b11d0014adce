import { TextInput } from "@mantine/core";
import { useState } from "react";
import { toProblem } from "@/api/problem";
import { api } from "./client";
import { useWords } from "./words";

/**
 * A code of the app for what can't be taken back. The server says when the last one is too old; then it is asked
 * for where the person is, and what they were about to do is sent again behind it.
 */
export function useFreshCode() {
  const w = useWords();
  const [asked, setAsked] = useState(false);
  const [code, setCode] = useState("");
  const stepUp = api.useMutation("post", "/v1/auth/step-up");
  const forget = () => {
    setAsked(false);
    setCode("");
  };
  const run = async (work: () => Promise<unknown>): Promise<void> => {
    if (asked) {
      await stepUp.mutateAsync({ body: { code } });
      forget();
    }
    try {
      await work();
    } catch (cause) {
      setAsked(toProblem(cause).code === "code_required");
      throw cause;
    }
  };
  const field = asked ? (
    <TextInput
      label={w.code}
      description={w.codeHelp}
      required
      inputMode="numeric"
      autoComplete="one-time-code"
      maxLength={16}
      value={code}
      onChange={(event) => setCode(event.currentTarget.value)}
    />
  ) : null;
  return { run, field, forget, ready: !asked || code.replace(/\s/g, "").length === 6 };
}
