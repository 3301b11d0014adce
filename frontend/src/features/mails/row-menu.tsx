import { ActionIcon, Menu, Select, Text } from "@mantine/core";
import { IconArchive, IconArchiveOff, IconCopy, IconDots, IconFolderSymlink, IconTrash } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { refresh } from "@/api/query";
import type { MailSummary } from "@/api/types";
import { useFolders } from "@/components/folders/folder-nav";
import { flattenFolders, folderOptions } from "@/components/folders/tree";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone, notifyProblem } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { copyMail, deleteMail, updateMail } from "./queries";

/** What can be done with a mail from the list. */
export function RowMenu({ mail }: { mail: MailSummary }) {
  const t = useT();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<"move" | "delete" | null>(null);
  const attempt = (work: () => Promise<unknown>) => void work().catch(notifyProblem);
  const copy = () =>
    attempt(async () => {
      const created = await copyMail(mail.id, t("mails.copy_name", { name: mail.name }));
      await navigate({ to: "/mails/$mailId", params: { mailId: created.id } });
    });
  const archive = () =>
    attempt(async () => {
      await updateMail(mail.id, mail.version, { archived: !mail.archived });
      await refresh("/v1/mails");
      notifyDone(t(mail.archived ? "mails.unarchived" : "mails.archived"));
    });
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`${t("common.menu")}: ${mail.name}`}>
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconCopy size={16} />} onClick={copy}>
            {t("common.copy")}
          </Menu.Item>
          <Menu.Item leftSection={<IconFolderSymlink size={16} />} onClick={() => setDialog("move")}>
            {t("folders.move")}
          </Menu.Item>
          <Menu.Item
            leftSection={mail.archived ? <IconArchiveOff size={16} /> : <IconArchive size={16} />}
            onClick={archive}
          >
            {t(mail.archived ? "mails.unarchive" : "mails.to_archive")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<IconTrash size={16} />} onClick={() => setDialog("delete")}>
            {t("common.delete")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {dialog === "move" ? <MoveDialog mail={mail} onClose={() => setDialog(null)} /> : null}
      <ConfirmDialog
        opened={dialog === "delete"}
        onClose={() => setDialog(null)}
        title={t("mails.delete_title")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          await deleteMail(mail.id, mail.version);
          notifyDone(t("common.deleted"));
        }}
      >
        <Text>{t("mails.delete_body", { name: mail.name })}</Text>
      </ConfirmDialog>
    </>
  );
}

function MoveDialog({ mail, onClose }: { mail: MailSummary; onClose: () => void }) {
  const t = useT();
  const folders = useFolders("mail");
  const [folderId, setFolderId] = useState(mail.folder_id ?? null);
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t("folders.move")}
      confirm={t("folders.move")}
      onConfirm={async () => {
        await updateMail(mail.id, mail.version, { folder_id: folderId });
        await refresh("/v1/mails");
      }}
    >
      <Select
        label={t("folders.folder")}
        placeholder={t("folders.top")}
        clearable
        clearButtonProps={{ "aria-label": t("picker.clear") }}
        data={folderOptions(flattenFolders(folders.data?.items ?? []))}
        value={folderId}
        onChange={setFolderId}
      />
    </ConfirmDialog>
  );
}
