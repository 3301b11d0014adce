import { Text } from "@mantine/core";
import { type Key, type Params, translate, useT } from "@/i18n";

/** Beginnings and parts of what the service notes when it got no answer, and what each means. */
const kinds: readonly [RegExp, Key][] = [
  [/^the answer did not come in time|^no connection:.*timed out|^no answer$/i, "webhooks.failure_timed_out"],
  [/^no connection:.*refused/i, "webhooks.failure_refused"],
  [/^no connection:.*(unreachable|no route)/i, "webhooks.failure_unreachable"],
  [/^no connection:/i, "webhooks.failure_no_connection"],
  [/^the name has no address/i, "webhooks.failure_no_address"],
  [/^DNS:/i, "webhooks.failure_dns"],
  [/^the name leads to an address that may not be asked|^the address leads/i, "webhooks.failure_inside"],
  [/^the address /i, "webhooks.failure_address"],
  [/^TLS:.*(expired|notvalidyet|not valid yet)/i, "webhooks.failure_tls_expired"],
  [/^TLS:.*(notvalidforname|not valid for name)/i, "webhooks.failure_tls_name"],
  [/^TLS:.*unknown\s?issuer/i, "webhooks.failure_tls_issuer"],
  [/^TLS:/i, "webhooks.failure_tls"],
  [/^the connection broke/i, "webhooks.failure_broken"],
  [/^the answer is no HTTP/i, "webhooks.failure_no_http"],
];

/** Statuses that have words of their own; others by their hundred. */
function statusKey(status: number): Key | null {
  switch (status) {
    case 401:
    case 403:
      return "webhooks.failure_not_allowed";
    case 404:
      return "webhooks.failure_not_found";
    case 410:
      return "webhooks.failure_gone";
    case 429:
      return "webhooks.failure_too_many";
    default:
      break;
  }
  if (status >= 300 && status < 400) {
    return "webhooks.failure_redirect";
  }
  if (status >= 500 && status < 600) {
    return "webhooks.failure_server";
  }
  return status >= 400 && status < 500 ? "webhooks.failure_client" : null;
}

/** Why a notification did not get through, in words; null for what this client does not know. */
export function failureText(error: string): string | null {
  const status = /^HTTP (\d{3})$/.exec(error)?.[1];
  const params: Params | undefined = status ? { status: `HTTP ${status}` } : undefined;
  const key = status ? statusKey(Number(status)) : kinds.find(([pattern]) => pattern.test(error))?.[1];
  return key ? translate(key, params) : null;
}

/** The words, and behind them what the service noted, for whoever looks after the receiver. */
export function Failure({ error }: { error: string }) {
  const t = useT();
  const words = failureText(error);
  // Of a status, the words say all that there is.
  if (!words || /^HTTP /.test(error)) {
    return <span style={{ overflowWrap: "anywhere" }}>{words ?? error}</span>;
  }
  return (
    <>
      {words}
      <details>
        <Text component="summary" size="xs" c="dimmed" style={{ cursor: "pointer" }}>
          {t("webhooks.failure_raw")}
        </Text>
        <Text size="xs" c="dimmed" className="kb-mono" style={{ overflowWrap: "anywhere" }}>
          {error}
        </Text>
      </details>
    </>
  );
}
