import { ActionIcon, Button, Group, Stack, Text } from "@mantine/core";
import { IconPlus, IconShieldOff, IconUsers } from "@tabler/icons-react";
import { useState } from "react";
import { api } from "@/api/client";
import type { User } from "@/api/types";
import { useMe } from "@/auth/guard";
import { roleName } from "@/components/access/role-name";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { EmptyState } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { EndSessions, ResetFactors } from "./user-acts";
import { UserDialog } from "./user-form";
import { UserRowMenu } from "./user-menu";

export function UsersScreen(props: { cursor?: string; onCursor: (cursor: string | undefined) => void }) {
  const t = useT();
  const format = useFormat();
  const me = useMe();
  const [editing, setEditing] = useState<User | "new" | null>(null);
  const [ending, setEnding] = useState<User | null>(null);
  const [resetting, setResetting] = useState<User | null>(null);
  const query = api.useQuery("get", "/v1/users", { params: { query: { cursor: props.cursor } } });
  const columns: Column<User>[] = [
    {
      id: "name",
      header: t("users.display_name"),
      cell: (row) => (
        <Text size="sm" fw={500}>
          {row.display_name}
        </Text>
      ),
    },
    { id: "login_id", header: t("auth.login_id"), cell: (row) => row.login_id },
    { id: "email", header: t("contacts.email"), cell: (row) => row.email },
    { id: "role", header: t("users.role"), cell: (row) => roleName(row.role, row.role_name) },
    {
      id: "state",
      header: t("users.state"),
      cell: (row) => <UserState user={row} />,
    },
    {
      id: "factor",
      header: t("nav.second_factor"),
      cell: (row) => (
        <Status
          tone={row.second_factor ? "good" : "idle"}
          label={t(row.second_factor ? "factor.set_up" : "factor.not_set_up")}
        />
      ),
    },
    {
      id: "last",
      header: t("users.last_login"),
      numeric: true,
      cell: (row) => (row.last_login_at ? format.dateTime(row.last_login_at) : "–"),
    },
    {
      id: "actions",
      header: t("common.menu"),
      actions: true,
      width: 90,
      cell: (row) => (
        <Group gap={4} wrap="nowrap" justify="flex-end">
          {row.second_factor && row.id !== me.id ? (
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`${t("factor.reset")}: ${row.display_name}`}
              onClick={() => setResetting(row)}
            >
              <IconShieldOff size={16} />
            </ActionIcon>
          ) : null}
          <UserRowMenu
            user={row}
            isSelf={row.id === me.id}
            onEdit={() => setEditing(row)}
            onEndSessions={() => setEnding(row)}
          />
        </Group>
      ),
    },
  ];
  return (
    <Page
      title={t("nav.users")}
      description={t("users.description")}
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
          {t("users.create")}
        </Button>
      }
    >
      <div className="kb-panel">
        <DataTable
          caption={t("nav.users")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={<EmptyState icon={IconUsers} title={t("table.no_match_title")} body={t("users.description")} />}
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
      {ending ? <EndSessions user={ending} onClose={() => setEnding(null)} /> : null}
      {resetting ? <ResetFactors user={resetting} onClose={() => setResetting(null)} /> : null}
      {editing ? <UserDialog user={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
    </Page>
  );
}

/** Invited people with the time that their link is good for, or that there is none any more. */
function UserState({ user }: { user: User }) {
  const t = useT();
  const format = useFormat();
  if (user.state !== "invited") {
    const disabled = user.state === "disabled";
    return <Status tone={disabled ? "idle" : "good"} label={t(disabled ? "users.disabled" : "users.enabled")} />;
  }
  const until = user.invitation_expires_at;
  return (
    <Stack gap={0}>
      <Status tone={until ? "info" : "idle"} label={t(until ? "users.invited" : "users.invitation_over")} />
      {until ? (
        <Text size="xs" c="dimmed">
          {t("users.invited_until", { at: format.dateTime(until) })}
        </Text>
      ) : null}
    </Stack>
  );
}
