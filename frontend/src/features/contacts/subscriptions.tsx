import { Switch, Table, Text } from "@mantine/core";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { Subscription } from "@/api/types";
import { useCan } from "@/auth/guard";
import { notifyDone, notifyProblem } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { sourceText } from "./source";

/** The lists a person stands in, since when and by what, and a switch for each. */
export function Subscriptions(props: { contactId: string }) {
  const t = useT();
  const format = useFormat();
  const canWrite = useCan("contacts.write");
  const query = api.useQuery("get", "/v1/contacts/{id}/subscriptions", { params: { path: { id: props.contactId } } });
  const change = api.useMutation("put", "/v1/contacts/{id}/subscriptions/{list_id}");
  const toggle = async (subscription: Subscription) => {
    const status = subscription.status === "subscribed" ? "unsubscribed" : "subscribed";
    try {
      await change.mutateAsync({
        params: { path: { id: props.contactId, list_id: subscription.list_id } },
        body: { status },
      });
      await refresh("/v1/contacts", "/v1/lists");
      notifyDone(t("common.saved"));
    } catch (cause) {
      notifyProblem(cause);
    }
  };
  return (
    <QueryView query={query} rows={3}>
      {({ items }) =>
        items.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t("subscriptions.empty")}
          </Text>
        ) : (
          <Table verticalSpacing={6} horizontalSpacing={0}>
            <Table.Tbody>
              {items.map((item) => (
                <Table.Tr key={item.list_id}>
                  <Table.Td>
                    <Text size="sm" fw={500}>
                      {item.list_name}
                    </Text>
                    <Text size="xs" c="dimmed" className="num">
                      {item.history[0]
                        ? `${format.dateTime(item.since)} · ${sourceText(item.history[0].source)}`
                        : format.dateTime(item.since)}
                    </Text>
                  </Table.Td>
                  <Table.Td w={150}>
                    <Switch
                      size="sm"
                      label={t(`subscription_status.${item.status}`)}
                      checked={item.status === "subscribed"}
                      disabled={!canWrite || change.isPending}
                      onChange={() => void toggle(item)}
                      aria-label={`${item.list_name}: ${t(`subscription_status.${item.status}`)}`}
                    />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )
      }
    </QueryView>
  );
}
