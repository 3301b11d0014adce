import { Alert, Button, Group, Radio, Stack } from "@mantine/core";
import { useState } from "react";
import { api } from "@/api/client";
import { problemText } from "@/api/problem-text";
import { refresh } from "@/api/query";
import type { Sequence } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { ContactPicker } from "@/components/pickers/contact";
import { ListsSelect } from "@/components/pickers/lists-select";
import { Dialog } from "@/components/ui/dialog";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

/** Puts a person in, or everybody of lists. */
export function EnrolDialog({ sequence, onClose }: { sequence: Sequence; onClose: () => void }) {
  const t = useT();
  const [who, setWho] = useState("person");
  const [contact, setContact] = useState<string | null>(null);
  const [lists, setLists] = useState<string[]>([]);
  const [excluded, setExcluded] = useState<string[]>([]);
  const [error, setError] = useState<string | null>(null);
  const people = api.useMutation("post", "/v1/sequences/{id}/people");
  const count = api.useMutation("post", "/v1/sequences/{id}/intake-count");
  const intake = api.useMutation("post", "/v1/sequences/{id}/intakes");
  /** The number that the person is asked about; null: not counted yet, or chosen anew since. */
  const [counted, setCounted] = useState<number | null>(null);
  const anew = <T,>(set: (value: T) => void) => {
    return (value: T) => {
      setCounted(null);
      set(value);
    };
  };
  const params = { path: { id: sequence.id } };
  const isReady = who === "all" || (who === "person" ? contact !== null : lists.length > 0);
  const enter = async () => {
    if (who === "person") {
      const done = await people.mutateAsync({ params, body: { contact_ids: contact ? [contact] : [] } });
      if (done.entered === 0) {
        setError(t("sequences.not_entered"));
        return;
      }
      notifyDone(t("sequences.entered"));
    } else {
      const all = who === "all";
      const audience = { all, list_ids: all ? [] : lists, exclude_list_ids: excluded };
      if (counted === null) {
        const { people } = await count.mutateAsync({ params, body: { audience } });
        setCounted(people);
        return;
      }
      await intake.mutateAsync({ params, body: { audience, confirmed_people: counted } }).catch((cause: unknown) => {
        setCounted(null);
        throw cause;
      });
      notifyDone(t("sequences.intake_begun"));
    }
    await refresh("/v1/sequences");
    onClose();
  };
  return (
    <Dialog opened onClose={onClose} title={t("sequences.enrol")}>
      <Stack gap="sm">
        <FormError message={error} />
        <Radio.Group label={t("sequences.enrol_who")} value={who} onChange={anew(setWho)}>
          <Stack gap="xs" mt="xs">
            <Radio value="person" label={t("sequences.enrol_person")} />
            <Radio value="lists" label={t("wizard.audience_lists")} />
            <Radio value="all" label={t("wizard.audience_all")} />
          </Stack>
        </Radio.Group>
        {who === "person" ? (
          <ContactPicker label={t("sequences.enrol_person")} value={contact} onChange={setContact} />
        ) : null}
        {who === "lists" ? <ListsSelect label={t("wizard.include")} value={lists} onChange={anew(setLists)} /> : null}
        {who === "person" ? null : (
          <ListsSelect label={t("wizard.exclude")} value={excluded} onChange={anew(setExcluded)} />
        )}
        {counted === null || who === "person" ? null : (
          <Alert color={counted > 0 ? "blue" : "gray"} variant="outline" role="status">
            {counted > 0 ? t("sequences.ask_intake", { count: counted }) : t("sequences.intake_nobody")}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button
            disabled={!isReady || (who !== "person" && counted === 0)}
            loading={people.isPending || count.isPending || intake.isPending}
            onClick={() => {
              setError(null);
              enter().catch((cause: unknown) => setError(problemText(cause)));
            }}
          >
            {t(who === "person" || counted !== null ? "sequences.enrol" : "sequences.count_intake")}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
