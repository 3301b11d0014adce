import { ActionIcon, Alert, Anchor, Button, Group, Menu, Text } from "@mantine/core";
import { IconDots, IconMail, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { SignupAddress } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { ConfirmDialog } from "@/components/ui/confirm";
import { CopyButton } from "@/components/ui/copy";
import { notifyDone } from "@/components/ui/notify";
import { EmptyState } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { SignupAddressForm } from "./form";
import { SignupPeople } from "./people";
import type { SignupSearch } from "./search";

interface Props {
  search: SignupSearch;
  onSearch: (change: Partial<SignupSearch>) => void;
}

/** Addresses that people mail to in order to sign up. */
export function SignupScreen({ search, onSearch }: Props) {
  const t = useT();
  const format = useFormat();
  const canWrite = useCan("contacts.write");
  const canSend = useCan("campaigns.send");
  const [removing, setRemoving] = useState<SignupAddress | null>(null);
  const query = api.useQuery("get", "/v1/signup-addresses");
  const remove = api.useMutation("delete", "/v1/signup-addresses/{id}");
  const find = (id?: string) => query.data?.items.find((row) => row.id === id);
  const [editing, looking] = [find(search.edit), find(search.people)];
  const close = () =>
    onSearch({ create: undefined, edit: undefined, people: undefined, state: undefined, cursor: undefined });
  const columns: Column<SignupAddress>[] = [
    {
      id: "name",
      header: t("signup.name"),
      cell: (row) => (
        <div>
          <Anchor
            component="button"
            type="button"
            size="sm"
            fw={500}
            ta="left"
            onClick={() => onSearch({ people: row.id })}
          >
            {row.name}
          </Anchor>
          <Group gap={4} wrap="nowrap">
            <Text size="xs" c="dimmed" className="kb-mono" style={{ overflowWrap: "anywhere" }}>
              {row.address ?? `${row.local_part}@…`}
            </Text>
            {row.address ? <CopyButton value={row.address} label={row.address} /> : null}
          </Group>
        </div>
      ),
    },
    {
      id: "state",
      header: t("signup.state"),
      cell: (row) => (
        <div>
          <Status tone={row.enabled ? "good" : "idle"} label={t(row.enabled ? "signup.on" : "signup.off")} />
          {row.problem ? (
            <Text size="xs" c="red.8">
              {t("signup.problem", { reason: row.problem })}
            </Text>
          ) : null}
        </div>
      ),
    },
    {
      id: "asked",
      header: t("signup.asked"),
      numeric: true,
      width: 110,
      cell: (row) => format.number(row.asked_count),
    },
    {
      id: "pending",
      header: t("signup.pending"),
      numeric: true,
      width: 110,
      cell: (row) => format.number(row.pending_count),
    },
    {
      id: "confirmed",
      header: t("signup.confirmed"),
      numeric: true,
      width: 110,
      cell: (row) => format.number(row.confirmed_count),
    },
    {
      id: "actions",
      header: t("common.menu"),
      actions: true,
      width: 60,
      cell: (row) => (
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" aria-label={`${t("common.menu")}: ${row.name}`}>
              <IconDots size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => onSearch({ people: row.id })}>{t("signup.people")}</Menu.Item>
            {canWrite && (canSend || !row.enabled) ? (
              <Menu.Item onClick={() => onSearch({ edit: row.id })}>{t("common.edit")}</Menu.Item>
            ) : null}
            {canWrite ? (
              <Menu.Item color="red" onClick={() => setRemoving(row)}>
                {t("common.delete")}
              </Menu.Item>
            ) : null}
          </Menu.Dropdown>
        </Menu>
      ),
    },
  ];
  const create = canWrite ? (
    <Button leftSection={<IconPlus size={16} />} onClick={() => onSearch({ create: true })}>
      {t("signup.create")}
    </Button>
  ) : null;
  const takesNoMail = query.data?.items.some((row) => row.address === null);
  return (
    <Page title={t("nav.signup")} description={t("signup.description")} actions={create}>
      {takesNoMail ? (
        <Alert color="yellow" variant="outline" mb="sm">
          {t("signup.no_domain")}
        </Alert>
      ) : null}
      <div className="kb-panel">
        <DataTable
          caption={t("nav.signup")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={
            <EmptyState icon={IconMail} title={t("signup.empty_title")} body={t("signup.empty_body")} action={create} />
          }
        />
      </div>
      <Text size="xs" c="dimmed" mt="sm">
        {t("signup.limits_help")}
      </Text>
      {search.create ? <SignupAddressForm address={null} onClose={close} /> : null}
      {editing ? <SignupAddressForm key={editing.id} address={editing} onClose={close} /> : null}
      {looking ? <SignupPeople address={looking} search={search} onSearch={onSearch} onClose={close} /> : null}
      <ConfirmDialog
        opened={removing !== null}
        onClose={() => setRemoving(null)}
        title={t("signup.ask_delete")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          if (removing) {
            const params = { path: { id: removing.id }, header: ifMatch(removing.version) };
            await remove.mutateAsync({ params });
            await refresh("/v1/signup-addresses");
            notifyDone(t("common.deleted"));
          }
        }}
      >
        <Text fw={600}>{removing?.name}</Text>
        <Text size="sm" c="dimmed" mt="xs">
          {t("signup.ask_delete_help")}
        </Text>
      </ConfirmDialog>
    </Page>
  );
}
