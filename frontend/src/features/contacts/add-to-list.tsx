import { useState } from "react";
import { ListSelect } from "@/components/pickers/lists";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { addToList } from "./queries";

export default function AddToListDialog(props: { onClose: () => void; contactIds: string[]; onDone: () => void }) {
  const t = useT();
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
      <ListSelect label={t("contacts.list")} value={listId} onChange={setListId} />
    </ConfirmDialog>
  );
}
