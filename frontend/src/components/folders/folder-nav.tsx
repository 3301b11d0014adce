import { ActionIcon, Group, Menu, Text, UnstyledButton } from "@mantine/core";
import {
  IconDots,
  IconFolder,
  IconFolderOpen,
  IconFolderPlus,
  IconInbox,
  IconPencil,
  IconTrash,
} from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Folder } from "@/api/types";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { FolderDialog } from "./folder-dialog";
import classes from "./folder-nav.module.css";
import { flattenFolders } from "./tree";

export function useFolders(kind: Folder["kind"]) {
  return api.useQuery("get", "/v1/folders", { params: { query: { kind, limit: 200 } } }, { staleTime: 60_000 });
}

/** The folder tree beside a list; `extra` holds further places (the archive). */
export function FolderNav(props: {
  kind: Folder["kind"];
  value: string | undefined;
  onChange: (folder: string | undefined) => void;
  allLabel: string;
  allActive: boolean;
  canWrite: boolean;
  extra?: ReactNode;
}) {
  const t = useT();
  const query = useFolders(props.kind);
  const [editing, setEditing] = useState<Folder | "new" | null>(null);
  const [deleting, setDeleting] = useState<Folder | null>(null);
  const remove = api.useMutation("delete", "/v1/folders/{id}");
  const folders = query.data?.items ?? [];
  return (
    <nav aria-label={t("folders.title")}>
      <Group justify="space-between" mb={4}>
        <Text size="xs" c="dimmed" fw={600}>
          {t("folders.title")}
        </Text>
        {props.canWrite ? (
          <ActionIcon variant="subtle" color="gray" aria-label={t("folders.create")} onClick={() => setEditing("new")}>
            <IconFolderPlus size={16} />
          </ActionIcon>
        ) : null}
      </Group>
      <FolderRow active={props.allActive} depth={0} onClick={() => props.onChange(undefined)} icon={IconInbox}>
        {props.allLabel}
      </FolderRow>
      {flattenFolders(folders).map(({ folder, depth }) => (
        <FolderRow
          key={folder.id}
          active={props.value === folder.id}
          depth={depth}
          onClick={() => props.onChange(folder.id)}
          icon={props.value === folder.id ? IconFolderOpen : IconFolder}
          menu={
            props.canWrite ? (
              <Menu position="bottom-end">
                <Menu.Target>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    size={24}
                    aria-label={`${t("common.menu")}: ${folder.name}`}
                  >
                    <IconDots size={14} />
                  </ActionIcon>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setEditing(folder)}>
                    {t("common.edit")}
                  </Menu.Item>
                  <Menu.Item leftSection={<IconTrash size={16} />} onClick={() => setDeleting(folder)}>
                    {t("common.delete")}
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            ) : null
          }
        >
          {folder.name}
        </FolderRow>
      ))}
      {props.extra}
      {editing ? (
        <FolderDialog
          kind={props.kind}
          folder={editing === "new" ? null : editing}
          folders={folders}
          onClose={() => setEditing(null)}
        />
      ) : null}
      <ConfirmDialog
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={t("folders.delete_title")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          if (deleting) {
            await remove.mutateAsync({ params: { path: { id: deleting.id }, header: ifMatch(deleting.version) } });
            await refresh("/v1/folders", "/v1/mails", "/v1/templates");
            props.onChange(undefined);
            notifyDone(t("common.deleted"));
          }
        }}
      >
        <Text>{t("folders.delete_body", { name: deleting?.name ?? "" })}</Text>
      </ConfirmDialog>
    </nav>
  );
}

export function FolderRow(props: {
  active: boolean;
  depth: number;
  icon: typeof IconFolder;
  onClick: () => void;
  menu?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className={classes.row} data-active={props.active || undefined}>
      <UnstyledButton
        className={classes.button}
        aria-current={props.active ? "true" : undefined}
        style={{ paddingLeft: 8 + props.depth * 14 }}
        onClick={props.onClick}
      >
        <props.icon size={16} stroke={1.6} aria-hidden />
        <Text size="sm" truncate>
          {props.children}
        </Text>
      </UnstyledButton>
      {props.menu}
    </div>
  );
}
