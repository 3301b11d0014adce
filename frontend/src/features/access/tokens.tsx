import { ActionIcon, Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconBan, IconKey, IconPencil, IconPlus, IconRefresh } from "@tabler/icons-react";
import { useState } from "react";
import { api } from "@/api/client";
import type { ApiToken, ApiTokenSecret } from "@/api/types";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { EmptyState } from "@/components/ui/state-view";
import { Status, type Tone } from "@/components/ui/status";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { TokenDialog } from "./token-form";
import { SecretDialog } from "./token-secret";
import { RevokeDialog, RotateDialog } from "./token-steps";

type Step = { kind: "new" } | { kind: "edit" | "rotate" | "revoke"; token: ApiToken };

/** What programs log in with. */
export function TokensScreen(props: { cursor?: string; onCursor: (cursor: string | undefined) => void }) {
  const t = useT();
  const [step, setStep] = useState<Step | null>(null);
  const [shown, setShown] = useState<ApiTokenSecret | null>(null);
  const query = api.useQuery("get", "/v1/api-tokens", { params: { query: { cursor: props.cursor } } });
  const rows = query.data?.items;
  const close = () => setStep(null);
  const show = (secret: ApiTokenSecret) => {
    close();
    setShown(secret);
  };
  const create = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setStep({ kind: "new" })}>
      {t("tokens.create")}
    </Button>
  );
  return (
    <Page title={t("nav.tokens")} description={t("tokens.description")} actions={create}>
      <Reminder tokens={rows ?? []} />
      <div className="kb-panel">
        <DataTable
          caption={t("nav.tokens")}
          columns={useColumns(setStep)}
          rows={rows}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={
            <EmptyState icon={IconKey} title={t("tokens.empty_title")} body={t("tokens.empty_body")} action={create} />
          }
        />
        {query.data && query.data.items.length > 0 ? (
          <Pager
            cursor={props.cursor}
            nextCursor={query.data.next_cursor}
            shown={query.data.items.length}
            onCursor={props.onCursor}
          />
        ) : null}
      </div>
      {step?.kind === "new" ? <TokenDialog token={null} onMade={show} onClose={close} /> : null}
      {step?.kind === "edit" ? <TokenDialog token={step.token} onMade={show} onClose={close} /> : null}
      {step?.kind === "rotate" ? <RotateDialog token={step.token} onMade={show} onClose={close} /> : null}
      {step?.kind === "revoke" ? <RevokeDialog token={step.token} onClose={close} /> : null}
      {shown ? <SecretDialog shown={shown} onClose={() => setShown(null)} /> : null}
    </Page>
  );
}

/** Tokens that end soon, or whose secret somebody took along. */
function Reminder({ tokens }: { tokens: readonly ApiToken[] }) {
  const t = useT();
  const live = tokens.filter(({ state }) => state === "active" || state === "ending");
  const ending = live.filter(({ state }) => state === "ending").map(({ name }) => name);
  const left = live.filter(({ created_by }) => created_by?.disabled).map(({ name }) => name);
  const join = (names: string[]) => names.join(t("common.list_separator"));
  if (ending.length + left.length === 0) {
    return null;
  }
  return (
    <Alert color="yellow" variant="outline" mb="md" icon={<IconAlertTriangle size={18} />}>
      {ending.length > 0 ? <Text size="sm">{t("tokens.ending_soon", { names: join(ending) })}</Text> : null}
      {left.length > 0 ? <Text size="sm">{t("tokens.maker_left", { names: join(left) })}</Text> : null}
    </Alert>
  );
}

const tones: Record<string, Tone> = { active: "good", ending: "warn", expired: "idle", revoked: "idle" };

function useColumns(onStep: (step: Step) => void): Column<ApiToken>[] {
  const t = useT();
  const format = useFormat();
  return [
    {
      id: "name",
      header: t("common.name"),
      cell: (row) => (
        <div>
          <Text size="sm" fw={500} style={{ overflowWrap: "anywhere" }}>
            {row.name}
          </Text>
          <Text size="xs" c="dimmed" className="kb-mono">
            kkb_…{row.secret_end}
          </Text>
        </div>
      ),
    },
    { id: "scopes", header: t("tokens.scopes"), cell: (row) => <Scopes token={row} /> },
    {
      id: "ips",
      header: t("tokens.allowed_ips"),
      cell: (row) => (row.allowed_ips.length > 0 ? row.allowed_ips.join(", ") : t("tokens.anywhere")),
    },
    {
      id: "last",
      header: t("tokens.last_used"),
      cell: (row) =>
        row.last_used_at ? `${format.ago(row.last_used_at)} · ${row.last_used_ip ?? "–"}` : t("tokens.never"),
    },
    { id: "maker", header: t("tokens.created_by"), cell: (row) => row.created_by?.display_name ?? "–" },
    { id: "end", header: t("tokens.expires_at"), numeric: true, cell: (row) => format.date(row.expires_at) },
    {
      id: "state",
      header: t("users.state"),
      cell: (row) => <Status tone={tones[row.state] ?? "idle"} label={translateCode("token_state", row.state)} />,
    },
    {
      id: "actions",
      header: t("common.menu"),
      actions: true,
      width: 120,
      cell: (row) => (row.state === "revoked" ? null : <Actions token={row} onStep={onStep} />),
    },
  ];
}

/** Few are named, many are counted. */
function Scopes({ token }: { token: ApiToken }) {
  const t = useT();
  const words = token.scopes.map((scope) => translateCode("permission", scope));
  return (
    <Text size="sm" title={words.join("\n")}>
      {words.length > 2
        ? t("tokens.scopes_more", { first: words[0] ?? "", count: words.length - 1 })
        : words.join(t("common.list_separator"))}
    </Text>
  );
}

function Actions({ token, onStep }: { token: ApiToken; onStep: (step: Step) => void }) {
  const t = useT();
  const steps = [
    { kind: "edit", label: t("common.edit"), icon: <IconPencil size={16} /> },
    { kind: "rotate", label: t("tokens.rotate"), icon: <IconRefresh size={16} /> },
    { kind: "revoke", label: t("tokens.revoke"), icon: <IconBan size={16} /> },
  ] as const;
  return (
    <Group gap={2} wrap="nowrap">
      {steps.map(({ kind, label, icon }) => (
        <ActionIcon
          key={kind}
          variant="subtle"
          color="gray"
          aria-label={`${label}: ${token.name}`}
          onClick={() => onStep({ kind, token })}
        >
          {icon}
        </ActionIcon>
      ))}
    </Group>
  );
}
