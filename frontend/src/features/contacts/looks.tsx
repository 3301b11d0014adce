import { Button, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { client } from "@/api/client";
import { ErrorView, LoadingView } from "@/components/ui/state-view";
import { translate, translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** Who looked at this person's data, newest first. */
export function ContactLooks(props: { contactId: string }) {
  const t = useT();
  const format = useFormat();
  const query = useInfiniteQuery({
    queryKey: ["get", "/v1/access-entries", props.contactId],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }) => {
      const { data, error } = await client.GET("/v1/access-entries", {
        params: { query: { subject_id: props.contactId, limit: 30, cursor: pageParam } },
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
  const looks = query.data.pages.flatMap((page) => page.items);
  return (
    <Stack gap="sm">
      <Text size="xs" c="dimmed">
        {t("audit.looks_help")}
      </Text>
      {looks.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("audit.nobody_looked")}
        </Text>
      ) : null}
      {looks.map((look) => (
        <div key={look.id}>
          <Text size="sm" fw={500}>
            {look.actor_name ?? translateCode("audit_actor", look.actor_kind)}
          </Text>
          <Text size="sm">{translateCode("audit_look", look.operation)}</Text>
          <Text size="xs" c="dimmed" className="num">
            <time dateTime={look.at}>{format.dateTime(look.at)}</time>
            {look.ip ? ` · ${translate("audit.ip")} ${look.ip}` : null}
          </Text>
        </div>
      ))}
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
