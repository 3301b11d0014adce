import { Button, Timeline as MantineTimeline, Stack, Text, UnstyledButton } from "@mantine/core";
import {
  type Icon,
  IconBan,
  IconCircle,
  IconClick,
  IconClock,
  IconFileImport,
  IconFlag,
  IconMailOff,
  IconMailOpened,
  IconMailQuestion,
  IconPencil,
  IconPlus,
  IconSend,
  IconUserMinus,
  IconUserPlus,
  IconWritingSign,
} from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { client } from "@/api/client";
import type { TimelineEntry } from "@/api/types";
import { useCan } from "@/auth/guard";
import { MachineEvidence } from "@/components/delivery/machine";
import { SidePanel } from "@/components/ui/dialog";
import { TextLink } from "@/components/ui/link-button";
import { ErrorView, LoadingView } from "@/components/ui/state-view";
import { translateCode, translateCodeOr, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { sourceText } from "./source";

const DeliveryById = lazy(async () => ({ default: (await import("@/components/delivery/one")).DeliveryById }));

const icons: Record<string, Icon> = {
  created: IconPlus,
  imported: IconFileImport,
  updated: IconPencil,
  subscribed: IconUserPlus,
  cancelled: IconUserMinus,
  consent_given: IconWritingSign,
  consent_withdrawn: IconWritingSign,
  queued: IconClock,
  accepted: IconSend,
  deferred: IconClock,
  failed: IconMailOff,
  unknown: IconMailQuestion,
  skipped: IconBan,
  bounced: IconMailOff,
  complained: IconFlag,
  unsubscribed: IconUserMinus,
  opened: IconMailOpened,
  clicked: IconClick,
  suppressed: IconBan,
};

/** Everything that happened with one person, newest first. */
export function Timeline(props: { contactId: string }) {
  const t = useT();
  const format = useFormat();
  const seesDeliveries = useCan("campaigns.read");
  const [opened, setOpened] = useState<string | null>(null);
  const query = useInfiniteQuery({
    queryKey: ["get", `/v1/contacts/${props.contactId}/timeline`],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }) => {
      const { data, error } = await client.GET("/v1/contacts/{id}/timeline", {
        params: { path: { id: props.contactId }, query: { limit: 30, cursor: pageParam } },
        signal,
      });
      if (!data) {
        throw error;
      }
      return data;
    },
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  if (query.error) {
    return <ErrorView error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (!query.data) {
    return <LoadingView />;
  }
  const entries = query.data.pages.flatMap((page) => page.items);
  if (entries.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t("timeline.empty")}
      </Text>
    );
  }
  return (
    <Stack>
      <MantineTimeline bulletSize={26} lineWidth={1} active={-1}>
        {entries.map((entry) => {
          const deliveryId = seesDeliveries ? entry.summary.delivery_id : null;
          const EntryIcon = icons[entry.kind] ?? IconCircle;
          return (
            <MantineTimeline.Item
              key={`${entry.kind}-${entry.id}`}
              bullet={<EntryIcon size={14} aria-hidden />}
              title={
                <Text size="sm" fw={500}>
                  {translateCode("timeline", entry.kind)}
                </Text>
              }
            >
              <EntryDetail entry={entry} />
              {entry.summary.machine ? <MachineEvidence of={entry.summary} /> : null}
              <Text size="xs" c="dimmed" className="num">
                <time dateTime={entry.at}>{format.dateTime(entry.at)}</time>
                {deliveryId ? (
                  <>
                    {" · "}
                    <UnstyledButton
                      fz="xs"
                      td="underline"
                      mt={4}
                      mih={24}
                      aria-haspopup="dialog"
                      onClick={() => setOpened(deliveryId)}
                    >
                      {t("timeline.delivery")}
                    </UnstyledButton>
                  </>
                ) : null}
              </Text>
            </MantineTimeline.Item>
          );
        })}
      </MantineTimeline>
      {query.hasNextPage ? (
        <Button
          variant="default"
          size="xs"
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {t("timeline.more")}
        </Button>
      ) : null}
      <SidePanel opened={opened !== null} onClose={() => setOpened(null)} title={t("common.details")} position="right">
        {opened ? (
          <Suspense fallback={<LoadingView />}>
            <DeliveryById id={opened} />
          </Suspense>
        ) : null}
      </SidePanel>
    </Stack>
  );
}

/** What the entry is about, in a fixed order. What a server said or a person wrote is shown as it came. */
function EntryDetail({ entry }: { entry: TimelineEntry }) {
  const { campaign_id, campaign_name, list_name, url, source, reason, reply, detail } = entry.summary;
  const parts = [
    list_name,
    url,
    source ? sourceText(source) : null,
    reason ? translateCodeOr("reason", reason, translateCode("suppression_reason", reason)) : null,
    reply,
    detail,
  ].filter((part) => part);
  if (parts.length === 0 && !campaign_name) {
    return null;
  }
  return (
    <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
      {campaign_id && campaign_name ? (
        <TextLink to="/campaigns/$campaignId" params={{ campaignId: campaign_id }} size="sm" underline="always">
          {campaign_name}
        </TextLink>
      ) : (
        campaign_name
      )}
      {campaign_name && parts.length > 0 ? " · " : null}
      {parts.join(" · ")}
    </Text>
  );
}
