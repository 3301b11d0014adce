import { Button, Grid, Group, Text } from "@mantine/core";
import { IconArchive, IconMail, IconPlus } from "@tabler/icons-react";
import type { MailSummary } from "@/api/types";
import { useCan } from "@/auth/guard";
import { FolderNav, FolderRow } from "@/components/folders/folder-nav";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SearchBox } from "@/components/table/search-box";
import { TextLink } from "@/components/ui/link-button";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { CreateMailDialog } from "./create";
import { useMails } from "./queries";
import { RowMenu } from "./row-menu";
import type { MailSearch } from "./search";

interface Props {
  search: MailSearch;
  onSearch: (change: Partial<MailSearch>) => void;
}

export function MailsScreen({ search, onSearch }: Props) {
  const t = useT();
  const format = useFormat();
  const canWrite = useCan("mails.write");
  const mails = useMails(search);
  const go = (change: Partial<MailSearch>) => onSearch({ cursor: undefined, ...change });
  const columns: Column<MailSummary>[] = [
    {
      id: "name",
      header: t("mails.name"),
      sort: "name",
      cell: (row) => (
        <TextLink to="/mails/$mailId" params={{ mailId: row.id }} size="sm" fw={500}>
          {row.name || t("mails.untitled")}
        </TextLink>
      ),
    },
    {
      id: "subject",
      header: t("editor.subject"),
      cell: (row) => (
        <Text size="sm" c={row.subject ? undefined : "dimmed"} lineClamp={1}>
          {row.subject || t("preview.no_subject")}
        </Text>
      ),
    },
    {
      id: "updated_at",
      header: t("mails.updated_at"),
      sort: "updated_at",
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
            cell: (row: MailSummary) => <RowMenu mail={row} />,
          },
        ]
      : []),
  ];
  const create = canWrite ? (
    <Button leftSection={<IconPlus size={16} />} onClick={() => onSearch({ create: true })}>
      {t("mails.create")}
    </Button>
  ) : null;
  const filtered = Boolean(search.q || search.folder || search.archived);
  return (
    <Page title={t("nav.mails")} actions={create}>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 3, xl: 2 }}>
          <FolderNav
            kind="mail"
            value={search.archived ? undefined : search.folder}
            onChange={(folder) => go({ folder, archived: undefined })}
            allLabel={t("mails.all")}
            allActive={!search.folder && !search.archived}
            canWrite={canWrite}
            extra={
              <FolderRow
                active={search.archived ?? false}
                depth={0}
                icon={IconArchive}
                onClick={() => go({ archived: true, folder: undefined })}
              >
                {t("mails.archive")}
              </FolderRow>
            }
          />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 9, xl: 10 }}>
          <Group mb="sm">
            <SearchBox label={t("mails.search")} value={search.q ?? ""} onChange={(q) => go({ q: q || undefined })} />
          </Group>
          <div className="kb-panel">
            <DataTable
              caption={t("nav.mails")}
              columns={columns}
              rows={mails.data?.items}
              rowId={(row) => row.id}
              error={mails.error}
              onRetry={() => void mails.refetch()}
              busy={mails.isPlaceholderData}
              sort={search.sort ?? "-updated_at"}
              onSort={(sort) => go({ sort: sort as MailSearch["sort"] })}
              empty={
                filtered ? (
                  <EmptyState icon={IconMail} title={t("table.no_match_title")} body={t("mails.empty_folder")} />
                ) : (
                  <EmptyState
                    icon={IconMail}
                    title={t("mails.empty_title")}
                    body={t("mails.empty_body")}
                    action={create}
                  />
                )
              }
            />
            {mails.data && mails.data.items.length > 0 ? (
              <Pager
                cursor={search.cursor}
                nextCursor={mails.data.next_cursor}
                shown={mails.data.items.length}
                onCursor={(cursor) => onSearch({ cursor })}
              />
            ) : null}
          </div>
        </Grid.Col>
      </Grid>
      <CreateMailDialog
        opened={(search.create ?? false) && canWrite}
        folderId={search.folder ?? null}
        onClose={() => onSearch({ create: undefined })}
      />
    </Page>
  );
}
