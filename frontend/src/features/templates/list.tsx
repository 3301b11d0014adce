import { ActionIcon, Badge, Button, Group, Menu, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconDots, IconPlus, IconTemplate, IconTrash } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { TemplateSummary } from "@/api/types";
import { useCan } from "@/auth/guard";
import { offeredTemplates } from "@/components/editor/templates";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SearchBox } from "@/components/table/search-box";
import { ConfirmDialog } from "@/components/ui/confirm";
import { Dialog } from "@/components/ui/dialog";
import { TextLink } from "@/components/ui/link-button";
import { notifyDone } from "@/components/ui/notify";
import { EmptyState } from "@/components/ui/state-view";
import { useLocale, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import type { SearchPageSearch } from "@/lib/search-params";

interface Props {
  search: SearchPageSearch;
  onSearch: (change: Partial<SearchPageSearch>) => void;
}

export function TemplatesScreen({ search, onSearch }: Props) {
  const t = useT();
  const locale = useLocale();
  const format = useFormat();
  const canWrite = useCan("mails.write");
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<TemplateSummary | null>(null);
  const query = api.useQuery(
    "get",
    "/v1/templates",
    { params: { query: { q: search.q, cursor: search.cursor } } },
    { placeholderData: keepPreviousData },
  );
  const remove = api.useMutation("delete", "/v1/templates/{id}");
  const rows = query.data ? offeredTemplates(query.data.items, locale) : undefined;
  const columns: Column<TemplateSummary>[] = [
    {
      id: "name",
      header: t("common.name"),
      cell: (row) => (
        <TextLink to="/templates/$templateId" params={{ templateId: row.id }} size="sm" fw={500}>
          {row.name}
        </TextLink>
      ),
    },
    {
      id: "kind",
      header: t("templates.kind"),
      width: 110,
      cell: (row) => (
        <Badge variant="default" size="sm" tt="none" fw={500}>
          {t(row.supplied ? "templates.supplied" : "templates.own")}
        </Badge>
      ),
    },
    {
      id: "description",
      header: t("templates.description"),
      cell: (row) => (
        <Text size="sm" c="dimmed" lineClamp={3}>
          {row.description || "–"}
        </Text>
      ),
    },
    {
      id: "updated_at",
      header: t("mails.updated_at"),
      numeric: true,
      width: 150,
      cell: (row) => format.dateTime(row.updated_at),
    },
    ...(canWrite
      ? [
          {
            id: "actions",
            header: t("common.menu"),
            actions: true,
            width: 60,
            cell: (row: TemplateSummary) =>
              row.supplied ? null : (
                <Menu position="bottom-end">
                  <Menu.Target>
                    <ActionIcon variant="subtle" color="gray" aria-label={`${t("common.menu")}: ${row.name}`}>
                      <IconDots size={16} />
                    </ActionIcon>
                  </Menu.Target>
                  <Menu.Dropdown>
                    <Menu.Item leftSection={<IconTrash size={16} />} onClick={() => setDeleting(row)}>
                      {t("common.delete")}
                    </Menu.Item>
                  </Menu.Dropdown>
                </Menu>
              ),
          },
        ]
      : []),
  ];
  const create = canWrite ? (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
      {t("templates.create")}
    </Button>
  ) : null;
  return (
    <Page title={t("templates.title")} description={t("templates.help")} actions={create}>
      <Group mb="sm">
        <SearchBox
          label={t("templates.search")}
          value={search.q ?? ""}
          onChange={(q) => onSearch({ q: q || undefined, cursor: undefined })}
        />
      </Group>
      <div className="kb-panel">
        <DataTable
          caption={t("templates.title")}
          columns={columns}
          rows={rows}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          busy={query.isPlaceholderData}
          empty={
            search.q ? (
              <EmptyState icon={IconTemplate} title={t("table.no_match_title")} body={t("table.no_match_body")} />
            ) : (
              <EmptyState
                icon={IconTemplate}
                title={t("templates.empty_title")}
                body={t("templates.empty_body")}
                action={create}
              />
            )
          }
        />
        {query.data && rows && rows.length > 0 ? (
          <Pager
            cursor={search.cursor}
            nextCursor={query.data.next_cursor}
            shown={rows.length}
            onCursor={(cursor) => onSearch({ cursor })}
          />
        ) : null}
      </div>
      {creating ? <CreateDialog onClose={() => setCreating(false)} /> : null}
      <ConfirmDialog
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={t("templates.delete_title")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          if (deleting) {
            await remove.mutateAsync({ params: { path: { id: deleting.id }, header: ifMatch(deleting.version) } });
            await refresh("/v1/templates");
            notifyDone(t("common.deleted"));
          }
        }}
      >
        <Text>{t("templates.delete_body", { name: deleting?.name ?? "" })}</Text>
      </ConfirmDialog>
    </Page>
  );
}

function CreateDialog(props: { onClose: () => void }) {
  const t = useT();
  const navigate = useNavigate();
  const create = api.useMutation("post", "/v1/templates");
  const form = useForm({
    initialValues: { name: "", description: "" },
    validate: { name: (value) => (value.trim() ? null : t("form.required")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const created = await create.mutateAsync({ body: { name: values.name.trim(), description: values.description } });
      await refresh("/v1/templates");
      await navigate({ to: "/templates/$templateId", params: { templateId: created.id } });
    }),
  );
  return (
    <Dialog opened onClose={props.onClose} title={t("templates.create")}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <FormError message={error} />
          <TextInput label={t("common.name")} required data-autofocus {...form.getInputProps("name")} />
          <TextInput label={t("templates.description")} {...form.getInputProps("description")} />
          <Group justify="flex-end" mt="xs">
            <Button variant="default" onClick={props.onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy}>
              {t("common.create")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
