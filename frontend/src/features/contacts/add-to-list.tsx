import { Select } from "@mantine/core";
import { useState } from "react";
import { useLists } from "@/components/pickers/lists";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { addToList } from "./queries";

export default function AddToListDialog(props: { onClose: () => void; contactIds: string[]; onDone: () => void }) {
  const t = useT();
  const lists = useLists();
  const [listId, setListId] = useState<string | null>(null);
  return (
    <ConfirmDialog
      opened
      onClose={props.onClose}
      title={t("contacts.add_to_list")}
      confirm={t("contacts.add_people", { count: props.contactIds.length })}
      disabled={!listId}
      onConfirm={async () => {
        if (listId) {
          const added = await addToList(listId, props.contactIds);
          notifyDone(t("contacts.added_to_list", { count: added }));
          props.onDone();
        }
      }}
    >
      <Select
        label={t("contacts.list")}
        searchable
        data={(lists.data?.items ?? []).map((list) => ({ value: list.id, label: list.name }))}
        value={listId}
        onChange={setListId}
        nothingFoundMessage={t("picker.nothing")}
      />
    </ConfirmDialog>
  );
}
