import { ActionIcon, Menu } from "@mantine/core";
import { IconDots, IconDownload, IconEraser } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Contact } from "@/api/types";
import { useCan } from "@/auth/guard";
import { notifyProblem } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { download } from "@/lib/download";
import { EraseDialog } from "./erase-dialog";

/** The copy of their data, or its erasure, that a person may ask for. */
export function PersonalDataMenu({ contact }: { contact: Contact }) {
  const t = useT();
  const navigate = useNavigate();
  const canExport = useCan("contacts.export");
  const canErase = useCan("contacts.erase");
  const [erasing, setErasing] = useState(false);
  if (!canExport && !canErase) {
    return null;
  }
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label={t("common.menu")}>
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {canExport ? (
            <Menu.Item
              leftSection={<IconDownload size={16} />}
              onClick={() =>
                void download(`/v1/contacts/${contact.id}/data`, `${contact.id}.json`).catch(notifyProblem)
              }
            >
              {t("erasures.data")}
            </Menu.Item>
          ) : null}
          {canErase ? (
            <Menu.Item leftSection={<IconEraser size={16} />} color="red" onClick={() => setErasing(true)}>
              {t("erasures.action")}
            </Menu.Item>
          ) : null}
        </Menu.Dropdown>
      </Menu>
      {erasing ? (
        <EraseDialog
          contact={contact}
          onClose={() => setErasing(false)}
          onDone={() => void navigate({ to: "/contacts/erasures" })}
        />
      ) : null}
    </>
  );
}
