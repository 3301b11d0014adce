import type { PasskeyAssertion, PasskeyChallenge, PasskeyRequest } from "@/api/types";

/** Whether this browser has passkeys at all. */
export function hasPasskeys(): boolean {
  return typeof window.PublicKeyCredential === "function" && window.isSecureContext;
}

function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function toText(buffer: ArrayBuffer): string {
  const plain = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** How long the browser asks before it gives up: as long as the question waits. */
const timeout = 300_000;

function described(ids: readonly string[]): PublicKeyCredentialDescriptor[] {
  return ids.map((id) => ({ type: "public-key", id: toBytes(id) }));
}

/** Asks the person for one of their passkeys; throws a DOMException when they decline. */
export async function askForPasskey(request: PasskeyRequest): Promise<PasskeyAssertion> {
  const credential = (await navigator.credentials.get({
    publicKey: {
      challenge: toBytes(request.challenge),
      rpId: request.rp_id,
      allowCredentials: described(request.credential_ids),
      userVerification: "required",
      timeout,
    },
  })) as PublicKeyCredential;
  const answer = credential.response as AuthenticatorAssertionResponse;
  return {
    credential_id: toText(credential.rawId),
    client_data: toText(answer.clientDataJSON),
    authenticator_data: toText(answer.authenticatorData),
    signature: toText(answer.signature),
  };
}

/** Has the browser make a passkey. */
export async function makePasskey(
  options: PasskeyChallenge,
): Promise<{ client_data: string; attestation_object: string }> {
  const credential = (await navigator.credentials.create({
    publicKey: {
      challenge: toBytes(options.challenge),
      rp: { id: options.rp_id, name: options.rp_name },
      user: { id: toBytes(options.user_id), name: options.user_name, displayName: options.user_display_name },
      pubKeyCredParams: options.algorithms.map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: described(options.exclude_credential_ids),
      authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
      attestation: "none",
      timeout,
    },
  })) as PublicKeyCredential;
  const answer = credential.response as AuthenticatorAttestationResponse;
  return { client_data: toText(answer.clientDataJSON), attestation_object: toText(answer.attestationObject) };
}
