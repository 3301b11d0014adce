import type { PasskeyAssertion, PasskeyChallenge, PasskeyLogInChallenge, PasskeyRequest } from "@/api/types";

/** Whether this browser has passkeys at all, and for this page: they belong to a name, never to an address. */
export function hasPasskeys(): boolean {
  const isAddress = /^[\d.]+$|^\[/.test(window.location.hostname);
  return typeof window.PublicKeyCredential === "function" && window.isSecureContext && !isAddress;
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
  return (await asserted(request, request.credential_ids)).passkey;
}

/** Asks whoever is there for any passkey of this service, which says whose it is. */
export async function askForAnyPasskey(
  request: PasskeyLogInChallenge,
): Promise<{ user_handle: string; passkey: PasskeyAssertion }> {
  return asserted(request, []);
}

async function asserted(request: { challenge: string; rp_id: string }, ids: readonly string[]) {
  const credential = (await navigator.credentials.get({
    publicKey: {
      challenge: toBytes(request.challenge),
      rpId: request.rp_id,
      allowCredentials: described(ids),
      userVerification: "required",
      timeout,
    },
  })) as PublicKeyCredential;
  const answer = credential.response as AuthenticatorAssertionResponse;
  return {
    user_handle: answer.userHandle ? toText(answer.userHandle) : "",
    passkey: {
      credential_id: toText(credential.rawId),
      client_data: toText(answer.clientDataJSON),
      authenticator_data: toText(answer.authenticatorData),
      signature: toText(answer.signature),
    },
  };
}

/** Has the browser make a passkey. */
export async function makePasskey(
  options: PasskeyChallenge,
): Promise<{ client_data: string; attestation_object: string; discoverable: boolean }> {
  const credential = (await navigator.credentials.create({
    publicKey: {
      challenge: toBytes(options.challenge),
      rp: { id: options.rp_id, name: options.rp_name },
      user: { id: toBytes(options.user_id), name: options.user_name, displayName: options.user_display_name },
      pubKeyCredParams: options.algorithms.map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: described(options.exclude_credential_ids),
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      attestation: "none",
      extensions: { credProps: true },
      timeout,
    },
  })) as PublicKeyCredential;
  const answer = credential.response as AuthenticatorAttestationResponse;
  // A browser that can't say so has kept to what was required of it.
  const discoverable = credential.getClientExtensionResults().credProps?.rk ?? true;
  return {
    client_data: toText(answer.clientDataJSON),
    attestation_object: toText(answer.attestationObject),
    discoverable,
  };
}
