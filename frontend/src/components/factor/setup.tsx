import { useState } from "react";
import { rereadMe } from "@/auth/step-up";
import { PasskeySetup } from "./passkey-setup";
import { RecoveryCodes } from "./recovery-codes";
import { TotpSetup } from "./totp-setup";

interface Props {
  kind: "totp" | "passkey";
  /** After the set-up, and after the recovery codes where there were any. */
  onDone: () => void;
  onCancel: () => void;
}

/** The set-up of one factor, and the recovery codes that come with the first. */
export function FactorSetup(props: Props) {
  const [codes, setCodes] = useState<string[] | null>(null);
  const finish = () => {
    props.onDone();
    void rereadMe();
  };
  const done = (made: string[]) => (made.length > 0 ? setCodes(made) : finish());
  if (codes) {
    return <RecoveryCodes codes={codes} onClose={finish} />;
  }
  const Setup = props.kind === "totp" ? TotpSetup : PasskeySetup;
  return <Setup onDone={done} onCancel={props.onCancel} />;
}
