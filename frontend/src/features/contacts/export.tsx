import { Checkbox, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { client } from "@/api/client";
import { refresh } from "@/api/query";
import type { Contact } from "@/api/types";
import type { Column } from "@/components/table/data-table";
import { ConfirmDialog } from "@/components/ui/confirm";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { type ContactSearch, contactQuery, isFiltered } from "./search";

type Encoding = "utf-8-bom" | "utf-8" | "shift_jis";

/** Exports what the table's filter matches; the file is made as a job and waits on the exports page. */
export default function ExportDialog(props: {
  onClose: () => void;
  search: ContactSearch;
  columns: readonly Column<Contact>[];
  total: number | null;
}) {
  const t = useT();
  const navigate = useNavigate();
  const { timeZone } = useFormat();
  // Lists are shown in the table, but a file has one value in a cell.
  const offered = props.columns.filter((column) => column.id !== "lists");
  const [chosen, setChosen] = useState<string[] | null>(null);
  const [encoding, setEncoding] = useState<Encoding>("utf-8-bom");
  const columns = chosen ?? offered.map((column) => column.id);
  return (
    <ConfirmDialog
      opened
      onClose={props.onClose}
      title={t("exports.action")}
      confirm={t("exports.start")}
      disabled={columns.length === 0}
      onConfirm={async () => {
        const { search } = props;
        const range = contactQuery(search, timeZone);
        const { error } = await client.POST("/v1/exports", {
          body: {
            encoding,
            columns: offered.map((column) => column.id).filter((id) => columns.includes(id)),
            q: search.q,
            status: search.status,
            list_id: search.list,
            created_from: range.created_from,
            created_to: range.created_to,
          },
        });
        if (error) {
          throw error;
        }
        await refresh("/v1/exports", "/v1/jobs");
        await navigate({ to: "/contacts/exports" });
      }}
    >
      <Stack gap="md">
        <Text size="sm">
          {isFiltered(props.search) ? t("exports.scope_filtered") : t("exports.scope_all")}
          {props.total === null ? null : ` ${t("table.total", { total: props.total })}`}
        </Text>
        <Checkbox.Group label={t("exports.columns")} value={columns} onChange={setChosen}>
          <Group mt={6} gap="sm">
            {offered.map((column) => (
              <Checkbox key={column.id} size="xs" value={column.id} label={column.header} />
            ))}
          </Group>
        </Checkbox.Group>
        <div>
          <Text size="sm" fw={500} mb={4} id="export-encoding">
            {t("exports.encoding")}
          </Text>
          <SegmentedControl
            aria-labelledby="export-encoding"
            value={encoding}
            onChange={(value) => setEncoding(value as Encoding)}
            data={[
              { value: "utf-8-bom", label: t("exports.utf8_bom") },
              { value: "utf-8", label: "UTF-8" },
              { value: "shift_jis", label: "Shift_JIS" },
            ]}
          />
          {encoding === "shift_jis" ? (
            <Text size="xs" c="dimmed" mt={4}>
              {t("exports.shift_jis_help")}
            </Text>
          ) : null}
        </div>
      </Stack>
    </ConfirmDialog>
  );
}
