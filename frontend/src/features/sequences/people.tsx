import { Button, Group, SegmentedControl, Select, Text } from "@mantine/core";
import { IconPlus, IconUsers } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { api, inBackground } from "@/api/client";
import { refresh } from "@/api/query";
import type { Sequence, SequencePerson } from "@/api/types";
import { useCan } from "@/auth/guard";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { ConfirmDialog } from "@/components/ui/confirm";
import { TextLink } from "@/components/ui/link-button";
import { notifyDone } from "@/components/ui/notify";
import { EmptyState } from "@/components/ui/state-view";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { EnrolDialog } from "./enrol";
import { personStates, type SequenceSearch } from "./search";

interface Props {
  sequence: Sequence;
  search: SequenceSearch;
  onSearch: (change: Partial<SequenceSearch>) => void;
}

/** Who is inside and what comes next for them; who is through; who left, and why. */
export function People({ sequence, search, onSearch }: Props) {
  const t = useT();
  const format = useFormat();
  const canSend = useCan("campaigns.send");
  const [entering, setEntering] = useState(false);
  const [removing, setRemoving] = useState<SequencePerson | null>(null);
  const state = search.state ?? "active";
  const query = api.useQuery(
    "get",
    "/v1/sequences/{id}/people",
    {
      params: {
        path: { id: sequence.id },
        query: { state, step_id: search.step, cursor: search.cursor, limit: 50 },
      },
      ...inBackground,
    },
    { placeholderData: keepPreviousData },
  );
  const intakes = api.useQuery(
    "get",
    "/v1/sequences/{id}/intakes",
    { params: { path: { id: sequence.id } }, ...inBackground },
    { refetchInterval: (last) => (last.state.data?.items.some((item) => !item.done_at) ? 3_000 : false) },
  );
  const remove = api.useMutation("delete", "/v1/sequences/{id}/people/{contact_id}");
  const stepName = (id: string | null | undefined) => {
    const index = sequence.steps.findIndex((step) => step.id === id);
    return index < 0 ? "–" : t("sequences.step_number", { number: index + 1 });
  };
  const last: Column<SequencePerson> =
    state === "active"
      ? {
          id: "due",
          header: t("sequences.due"),
          numeric: true,
          width: 170,
          cell: (row) => (row.due_at ? format.dateTime(row.due_at) : "–"),
        }
      : {
          id: "ended",
          header: t("sequences.ended"),
          numeric: true,
          width: 170,
          cell: (row) => (row.ended_at ? format.dateTime(row.ended_at) : "–"),
        };
  const columns: Column<SequencePerson>[] = [
    {
      id: "person",
      header: t("contacts.email"),
      cell: (row) => (
        <div>
          <TextLink to="/contacts/$contactId" params={{ contactId: row.contact_id }} size="sm">
            {row.email}
          </TextLink>
          {row.name ? (
            <Text size="xs" c="dimmed">
              {row.name}
            </Text>
          ) : null}
        </div>
      ),
    },
    { id: "source", header: t("sequences.source"), cell: (row) => t(`sequences.source_${row.source}`) },
    state === "left"
      ? {
          id: "reason",
          header: t("report.reason"),
          cell: (row) => (row.reason ? translateCode("reason", row.reason) : "–"),
        }
      : { id: "step", header: t("sequences.next_step"), cell: (row) => stepName(row.step_id) },
    last,
    ...(state === "active" && canSend
      ? [
          {
            id: "actions",
            header: t("common.menu"),
            actions: true,
            width: 100,
            cell: (row: SequencePerson) => (
              <Button
                size="compact-sm"
                variant="default"
                aria-label={`${t("sequences.remove")}: ${row.email}`}
                onClick={() => setRemoving(row)}
              >
                {t("sequences.remove")}
              </Button>
            ),
          },
        ]
      : []),
  ];
  const isOpen = sequence.state === "active" || sequence.state === "paused";
  const enter =
    canSend && isOpen ? (
      <Button leftSection={<IconPlus size={16} />} onClick={() => setEntering(true)}>
        {t("sequences.enrol")}
      </Button>
    ) : null;
  const waiting = intakes.data?.items.filter((item) => !item.done_at) ?? [];
  return (
    <>
      <Group gap="xs" mb="sm" justify="space-between">
        <Group gap="xs">
          <SegmentedControl
            value={state}
            onChange={(value) => onSearch({ state: value as "active", step: undefined, cursor: undefined })}
            data={personStates.map((value) => ({ value, label: t(`sequences.people_${value}`) }))}
            aria-label={t("campaigns.state")}
          />
          {state === "active" ? (
            <Select
              aria-label={t("sequences.next_step")}
              placeholder={t("sequences.next_step")}
              w={180}
              clearable
              clearButtonProps={{ "aria-label": t("picker.clear") }}
              data={sequence.steps.map((step) => ({ value: step.id ?? "", label: stepName(step.id) }))}
              value={search.step ?? null}
              onChange={(step) => onSearch({ step: step ?? undefined, cursor: undefined })}
            />
          ) : null}
        </Group>
        {enter}
      </Group>
      {waiting.map((item) => (
        <Text key={item.id} size="sm" mb="xs" role="status">
          {t("sequences.intake_going", { entered: format.number(item.entered) })}
        </Text>
      ))}
      <div className="kb-panel">
        <DataTable
          caption={t(`sequences.people_${state}`)}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          busy={query.isPlaceholderData}
          empty={<EmptyState icon={IconUsers} title={t("sequences.no_people")} body={t("sequences.no_people_body")} />}
        />
        {query.data && query.data.items.length > 0 ? (
          <Pager
            cursor={search.cursor}
            nextCursor={query.data.next_cursor}
            shown={query.data.items.length}
            onCursor={(cursor) => onSearch({ cursor })}
          />
        ) : null}
      </div>
      {entering ? <EnrolDialog sequence={sequence} onClose={() => setEntering(false)} /> : null}
      <ConfirmDialog
        opened={removing !== null}
        onClose={() => setRemoving(null)}
        title={t("sequences.ask_remove")}
        confirm={t("sequences.remove")}
        danger
        onConfirm={async () => {
          if (removing) {
            const path = { id: sequence.id, contact_id: removing.contact_id };
            await remove.mutateAsync({ params: { path } });
            await refresh("/v1/sequences");
            notifyDone(t("sequences.removed"));
          }
        }}
      >
        <Text fw={600}>{removing?.email}</Text>
        <Text size="sm" c="dimmed" mt="xs">
          {t("sequences.ask_remove_help")}
        </Text>
      </ConfirmDialog>
    </>
  );
}
