import { ActionIcon, Button, Text } from "@mantine/core";
import { IconPencil, IconPlus, IconUsers } from "@tabler/icons-react";
import { useState } from "react";
import { api } from "@/api/client";
import type { User } from "@/api/types";
import { roleName } from "@/components/access/role-name";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { EmptyState } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { UserDialog } from "./user-form";

export function UsersScreen(props: { cursor?: string; onCursor: (cursor: string | undefined) => void }) {
  const t = useT();
  const format = useFormat();
  const [editing, setEditing] = useState<User | "new" | null>(null);
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
      cell: (row) => (
        <Status tone={row.disabled ? "idle" : "good"} label={t(row.disabled ? "users.disabled" : "users.enabled")} />
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
      width: 60,
      cell: (row) => (
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`${t("common.edit")}: ${row.display_name}`}
          onClick={() => setEditing(row)}
        >
          <IconPencil size={16} />
        </ActionIcon>
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
      {editing ? <UserDialog user={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
    </Page>
  );
}
