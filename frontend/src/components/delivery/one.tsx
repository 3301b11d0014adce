import { Text } from "@mantine/core";
import { api } from "@/api/client";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { DeliveryDetail } from "./detail";
import { ResendOne } from "./resend-one";

/** One mail by its id: to whom, what became of it, and sending it again where that is possible for a single one. */
export function DeliveryById({ id }: { id: string }) {
  const t = useT();
  const query = api.useQuery("get", "/v1/deliveries/{id}", { params: { path: { id } } });
  return (
    <QueryView query={query}>
      {(delivery) => (
        <>
          <Text fw={600} style={{ overflowWrap: "anywhere" }}>
            {delivery.address}
          </Text>
          <Text size="sm" c="dimmed" mb="sm">
            {delivery.campaign_name}
          </Text>
          <ResendOne delivery={delivery} />
          <DeliveryDetail delivery={delivery} />
          {delivery.message_id ? (
            <Text size="xs" c="dimmed" mt="sm" className="kb-mono" style={{ overflowWrap: "anywhere" }}>
              {t("transactional.message_id")}: {delivery.message_id}
            </Text>
          ) : null}
        </>
      )}
    </QueryView>
  );
}
