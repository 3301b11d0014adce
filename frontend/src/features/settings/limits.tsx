import { ActionIcon, Button, Group, Stack, Text } from "@mantine/core";
import { IconGauge, IconPencil, IconPlayerPause, IconPlayerPlay, IconPlus, IconTrash } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { api } from "@/api/client";
import type { SendLimit } from "@/api/types";
import { useCan } from "@/auth/guard";
import { siteName } from "@/components/delivery/sites";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { EmptyState } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { LimitDialog } from "./limit-form";
import { type LimitStep, LimitStepDialog } from "./limit-steps";
import { Slowdowns } from "./slowdowns";

const PurgeDialog = lazy(() => import("@/components/delivery/purge-dialog"));

/** How much goes where: limits set by people, and sites that asked for less. */
export function LimitsScreen() {
  const t = useT();
  const canWrite = useCan("settings.write");
  const canSend = useCan("campaigns.send");
  const [editing, setEditing] = useState<SendLimit | "new" | null>(null);
  const [step, setStep] = useState<LimitStep | null>(null);
  const [purging, setPurging] = useState(false);
  const query = api.useQuery(
    "get",
    "/v1/send-limits",
    { params: { query: { limit: 200 } } },
    { refetchInterval: 10_000 },
  );
  const limits = query.data?.items;
  const routes = api.useQuery("get", "/v1/routes", { params: { query: { limit: 200 } } });
  const routeName = (id: string) => routes.data?.items.find((route) => route.id === id)?.name ?? id;
  const whole = limits?.find((row) => row.site == null && row.sender_domain == null && row.route_id == null) ?? null;
  const create = canWrite ? (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
      {t("limits.create")}
    </Button>
  ) : null;
  return (
    <Page
      title={t("nav.limits")}
      description={t("limits.description")}
      actions={
        <>
          {canSend ? (
            <Button variant="default" onClick={() => setPurging(true)}>
              {t("limits.purge")}
            </Button>
          ) : null}
          {canWrite && limits && !whole?.suspended ? (
            <Button variant="default" onClick={() => setStep({ kind: "suspend", limit: whole })}>
              {t("limits.suspend_all")}
            </Button>
          ) : null}
          {create}
        </>
      }
    >
      <Stack gap="md">
        <div className="kb-panel">
          <DataTable
            caption={t("nav.limits")}
            columns={columns({ t, routeName, canWrite, onEdit: setEditing, onStep: setStep })}
            rows={limits}
            rowId={(row) => row.id}
            error={query.error}
            onRetry={() => void query.refetch()}
            empty={
              <EmptyState
                icon={IconGauge}
                title={t("limits.empty_title")}
                body={t("limits.empty_body")}
                action={create}
              />
            }
          />
        </div>
        <Slowdowns />
      </Stack>
      {editing ? <LimitDialog limit={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
      {step ? <LimitStepDialog step={step} onClose={() => setStep(null)} /> : null}
      {purging ? (
        <Suspense>
          <PurgeDialog onClose={() => setPurging(false)} />
        </Suspense>
      ) : null}
    </Page>
  );
}

interface Tools {
  t: ReturnType<typeof useT>;
  routeName: (id: string) => string;
  canWrite: boolean;
  onEdit: (limit: SendLimit) => void;
  onStep: (step: LimitStep) => void;
}

function columns({ t, routeName, canWrite, onEdit, onStep }: Tools): Column<SendLimit>[] {
  const all: Column<SendLimit>[] = [
    {
      id: "site",
      header: t("limits.site"),
      cell: (row) => (
        <Text size="sm" fw={500} style={{ overflowWrap: "anywhere" }}>
          {row.site == null ? t("limits.all_sites") : siteName(row.site)}
        </Text>
      ),
    },
    {
      id: "sender_domain",
      header: t("limits.sender_domain"),
      cell: (row) => row.sender_domain ?? t("limits.all_domains"),
    },
    {
      id: "route",
      header: t("limits.route"),
      cell: (row) => (row.route_id ? routeName(row.route_id) : t("limits.all_routes")),
    },
    { id: "per_minute", header: t("limits.per_minute"), numeric: true, cell: (row) => <Pace limit={row} /> },
    { id: "sessions", header: t("limits.sessions"), numeric: true, cell: (row) => <Sessions limit={row} /> },
    { id: "warm_up", header: t("limits.warm_up"), cell: (row) => <WarmUp limit={row} /> },
    {
      id: "state",
      header: t("limits.state"),
      cell: (row) => (
        <Status
          tone={row.suspended ? "warn" : "good"}
          label={t(row.suspended ? "limits.suspended" : "limits.active")}
        />
      ),
    },
  ];
  if (!canWrite) {
    return all;
  }
  return [
    ...all,
    {
      id: "actions",
      header: t("common.menu"),
      actions: true,
      width: 120,
      cell: (row) => <Actions limit={row} onEdit={onEdit} onStep={onStep} />,
    },
  ];
}

function Pace({ limit }: { limit: SendLimit }) {
  const t = useT();
  const format = useFormat();
  return limit.per_minute == null ? t("limits.no_pace") : format.number(limit.per_minute);
}

function Sessions({ limit }: { limit: SendLimit }) {
  const t = useT();
  const format = useFormat();
  return limit.max_sessions == null
    ? t("limits.no_pace")
    : t("limits.sessions_in_use", {
        used: format.number(limit.sessions_in_use),
        most: format.number(limit.max_sessions),
      });
}

function WarmUp({ limit }: { limit: SendLimit }) {
  const t = useT();
  const format = useFormat();
  if (!limit.warm_up) {
    return t("common.none");
  }
  return limit.most_today == null
    ? t("limits.warm_up_over")
    : t("limits.warm_up_today", { used: format.number(limit.used_today), most: format.number(limit.most_today) });
}

function Actions({ limit, onEdit, onStep }: { limit: SendLimit } & Pick<Tools, "onEdit" | "onStep">) {
  const t = useT();
  const name = limit.site == null ? t("limits.all_sites") : siteName(limit.site);
  const turn = limit.suspended ? "resume" : "suspend";
  return (
    <Group gap={2} wrap="nowrap">
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={`${t(`limits.${turn}`)}: ${name}`}
        onClick={() => onStep({ kind: turn, limit })}
      >
        {limit.suspended ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
      </ActionIcon>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={`${t("common.edit")}: ${name}`}
        onClick={() => onEdit(limit)}
      >
        <IconPencil size={16} />
      </ActionIcon>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={`${t("common.delete")}: ${name}`}
        onClick={() => onStep({ kind: "delete", limit })}
      >
        <IconTrash size={16} />
      </ActionIcon>
    </Group>
  );
}
