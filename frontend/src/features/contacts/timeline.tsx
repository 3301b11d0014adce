import { Button, Timeline as MantineTimeline, Stack, Text } from "@mantine/core";
import {
  type Icon,
  IconBan,
  IconCircle,
  IconClick,
  IconFileImport,
  IconMailOff,
  IconMailOpened,
  IconPencil,
  IconPlus,
  IconSend,
  IconUserMinus,
  IconUserPlus,
  IconWritingSign,
} from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { client } from "@/api/client";
import type { TimelineEntry } from "@/api/types";
import { ErrorView, LoadingView } from "@/components/ui/state-view";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

const icons: Record<string, Icon> = {
  created: IconPlus,
  imported: IconFileImport,
  updated: IconPencil,
  subscribed: IconUserPlus,
  cancelled: IconUserMinus,
  accepted: IconSend,
  queued: IconSend,
  unsubscribed: IconUserMinus,
  bounced: IconMailOff,
  complained: IconMailOff,
  failed: IconMailOff,
  opened: IconMailOpened,
  clicked: IconClick,
  consent_given: IconWritingSign,
  consent_withdrawn: IconWritingSign,
  suppressed: IconBan,
};

/** Everything that happened with one person, newest first. */
export function Timeline(props: { contactId: string }) {
  const t = useT();
  const format = useFormat();
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
          const EntryIcon = icons[entry.kind] ?? IconCircle;
          return (
            <MantineTimeline.Item
              key={`${entry.kind}-${entry.id}-${entry.at}`}
              bullet={<EntryIcon size={14} aria-hidden />}
              title={
                <Text size="sm" fw={500}>
                  {translateCode("timeline", entry.kind)}
                </Text>
              }
            >
              <EntryDetail entry={entry} />
              <Text size="xs" c="dimmed" className="num">
                <time dateTime={entry.at}>{format.dateTime(entry.at)}</time>
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
    </Stack>
  );
}

const shownParts = [
  "campaign_name",
  "mail_name",
  "subject",
  "list_name",
  "url",
  "source",
  "reason",
  "reply",
  "detail",
  "filename",
  "value",
];

/** What the entry is about: the summary's words that mean something to a person, in a fixed order. */
function EntryDetail({ entry }: { entry: TimelineEntry }) {
  const summary = (entry.summary ?? {}) as Record<string, unknown>;
  const parts = shownParts
    .map((name) => [name, summary[name]] as const)
    .filter((part): part is readonly [string, string] => typeof part[1] === "string" && part[1] !== "")
    .map(([name, value]) =>
      name === "source" ? translateCode("source", value) : name === "reason" ? translateCode("reason", value) : value,
    );
  return parts.length > 0 ? (
    <Text size="sm" c="dimmed">
      {parts.join(" · ")}
    </Text>
  ) : null;
}
