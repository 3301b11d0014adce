import { Alert, Button, Group, Skeleton, Stack, Text, ThemeIcon } from "@mantine/core";
import { type Icon, IconAlertTriangle, IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { toProblem } from "@/api/problem";
import { problemText } from "@/api/problem-text";
import { useT } from "@/i18n";

/** What a screen without data says: what belongs here, and the next step as a button. */
export function EmptyState(props: { icon: Icon; title: string; body: string; action?: ReactNode; heading?: boolean }) {
  return (
    <Stack align="center" gap="xs" py={48} px="md">
      <ThemeIcon variant="light" size={44} radius="xl" color="gray">
        <props.icon size={24} stroke={1.6} aria-hidden />
      </ThemeIcon>
      <Text fw={600} component={props.heading ? "h1" : "p"} m={0}>
        {props.title}
      </Text>
      <Text c="dimmed" size="sm" ta="center" maw={460}>
        {props.body}
      </Text>
      {props.action ? (
        <Group mt="xs" justify="center">
          {props.action}
        </Group>
      ) : null}
    </Stack>
  );
}

export function ErrorView(props: { error: unknown; onRetry?: () => void }) {
  const t = useT();
  const problem = toProblem(props.error);
  if (problem.status === 403) {
    return <ForbiddenView />;
  }
  return (
    <Alert
      color="red"
      variant="outline"
      icon={<IconAlertTriangle size={18} />}
      title={t("state.error_title")}
      // Mantine's red misses 4.5:1 on white.
      styles={{ title: { color: "var(--kb-bad)" }, icon: { color: "var(--kb-bad)" } }}
      role="alert"
    >
      <Text size="sm">{problemText(props.error)}</Text>
      {problem.request_id ? (
        <Text size="xs" c="dimmed" className="kb-mono" mt={4}>
          {t("state.request_id")}: {problem.request_id}
        </Text>
      ) : null}
      {props.onRetry ? (
        <Button mt="sm" size="xs" variant="default" onClick={props.onRetry}>
          {t("state.retry")}
        </Button>
      ) : null}
    </Alert>
  );
}

export function ForbiddenView() {
  const t = useT();
  return <EmptyState heading icon={IconLock} title={t("state.forbidden_title")} body={t("state.forbidden_body")} />;
}

export function LoadingView(props: { rows?: number }) {
  const t = useT();
  return (
    <Stack gap="xs" aria-busy="true" role="status" aria-label={t("state.loading")}>
      {Array.from({ length: props.rows ?? 5 }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: grey bars have no identity
        <Skeleton key={row} height={18} width={`${92 - (row % 3) * 14}%`} />
      ))}
    </Stack>
  );
}

interface QueryLike<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** Loading, error and no-permission of one query; the children get the data. */
export function QueryView<T>(props: { query: QueryLike<T>; rows?: number; children: (data: T) => ReactNode }) {
  const { query } = props;
  if (query.data !== undefined) {
    return props.children(query.data);
  }
  if (query.error) {
    return <ErrorView error={query.error} onRetry={() => void query.refetch()} />;
  }
  return <LoadingView rows={props.rows} />;
}
