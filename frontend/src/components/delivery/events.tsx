import { Text } from "@mantine/core";
import { api } from "@/api/client";
import type { DeliveryEvent } from "@/api/types";
import { ErrorView, LoadingView } from "@/components/ui/state-view";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { MachineEvidence } from "./machine";

/** As many as the API gives. */
const most = 200;

/** The words of the contact's history. */
const happenings: Record<DeliveryEvent["kind"], string> = {
  open: "opened",
  click: "clicked",
  bounce: "bounced",
  complaint: "complained",
  cancel: "cancelled",
};

/** What came back of one mail, newest first: by people, and by machines with the reason. */
export function DeliveryEvents({ id }: { id: string }) {
  const t = useT();
  // A screen that has just read the mail reads it once.
  const query = api.useQuery("get", "/v1/deliveries/{id}", { params: { path: { id } } }, { staleTime: 5_000 });
  if (query.error) {
    return <ErrorView error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (!query.data) {
    return <LoadingView />;
  }
  const { events } = query.data;
  return (
    <section aria-label={t("machine.events")}>
      <Text fw={600} size="sm" mt="md" mb={4}>
        {t("machine.events")}
      </Text>
      {events.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("machine.events_empty")}
        </Text>
      ) : null}
      <ul style={{ listStyle: "none", margin: 0, padding: 0 }}>
        {events.map((event) => (
          <Entry key={event.id} event={event} />
        ))}
      </ul>
      {events.length === most ? (
        <Text size="xs" c="dimmed" mt={4}>
          {t("machine.events_most")}
        </Text>
      ) : null}
    </section>
  );
}

function Entry({ event }: { event: DeliveryEvent }) {
  const format = useFormat();
  return (
    <li style={{ marginBottom: 8, overflowWrap: "anywhere" }}>
      <Text size="sm">
        <time dateTime={event.at} className="num">
          {format.dateTime(event.at)}
        </time>{" "}
        {translateCode("timeline", happenings[event.kind])}
        {event.url ? ` · ${event.url}` : null}
      </Text>
      {event.machine ? <MachineEvidence of={event} /> : null}
      {!event.machine && event.user_agent ? (
        <Text size="xs" c="dimmed">
          {event.user_agent}
        </Text>
      ) : null}
    </li>
  );
}
