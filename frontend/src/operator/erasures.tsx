import { Button, Code, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { DefinitionList } from "@/components/ui/definition";
import { Dialog } from "@/components/ui/dialog";
import { Status } from "@/components/ui/status";
import { useFormat } from "@/i18n/format";
import { api, type Erasure } from "./client";
import { useWords, type Words } from "./words";

export function ErasuresScreen() {
  const w = useWords();
  return (
    <Page title={w.erasures} description={w.erasuresHelp}>
      <div className="kb-panel">
        <ErasureList />
      </div>
    </Page>
  );
}

function standing(row: Erasure, w: Words) {
  if (row.finished_at) {
    return <Status tone="good" label={w.finished} />;
  }
  if (row.cancelled_at) {
    return <Status tone="idle" label={w.cancelled} />;
  }
  return row.started_at ? <Status tone="warn" label={w.running} /> : <Status tone="info" label={w.waiting} />;
}

/** Erasures of one company or of all; `quiet`: nothing at all when there are none. */
export function ErasureList({ tenant, quiet }: { tenant?: string; quiet?: boolean }) {
  const w = useWords();
  const [cursor, setCursor] = useState<string>();
  const [shown, setShown] = useState<Erasure | null>(null);
  const columns = useColumns(setShown);
  const query = api.useQuery(
    "get",
    "/v1/erasures",
    { params: { query: { tenant_id: tenant, cursor } }, headers: { "X-Kikubari-Background": "1" } },
    { refetchInterval: 10_000 },
  );
  if (quiet && (query.data?.items.length ?? 0) === 0) {
    return null;
  }
  return (
    <>
      <DataTable
        caption={w.erasures}
        columns={columns}
        rows={query.data?.items}
        rowId={(row) => row.id}
        error={query.error}
        onRetry={() => void query.refetch()}
        empty={
          <Text size="sm" c="dimmed">
            {w.noErasures}
          </Text>
        }
      />
      {query.data && (query.data.next_cursor || cursor) ? (
        <Pager
          cursor={cursor}
          nextCursor={query.data.next_cursor}
          shown={query.data.items.length}
          onCursor={setCursor}
        />
      ) : null}
      {shown ? <Certificate erasure={shown} onClose={() => setShown(null)} /> : null}
    </>
  );
}

function useColumns(onShow: (row: Erasure) => void): Column<Erasure>[] {
  const w = useWords();
  const format = useFormat();
  return [
    { id: "name", header: w.name, cell: (row) => row.tenant_name },
    { id: "state", header: w.state, cell: (row) => standing(row, w) },
    { id: "by", header: w.requestedBy, cell: (row) => row.requested_by },
    {
      id: "due",
      header: w.due,
      numeric: true,
      cell: (row) => format.dateTime(row.finished_at ?? row.started_at ?? row.due_at),
    },
    { id: "rows", header: w.rows, numeric: true, cell: (row) => format.number(row.rows_deleted) },
    {
      id: "actions",
      header: w.certificate,
      actions: true,
      cell: (row) =>
        row.certificate ? (
          <Button size="compact-sm" variant="default" onClick={() => onShow(row)}>
            {w.certificate}
          </Button>
        ) : null,
    },
  ];
}

function Certificate({ erasure, onClose }: { erasure: Erasure; onClose: () => void }) {
  const w = useWords();
  return (
    <Dialog
      opened
      size="lg"
      onClose={onClose}
      title={`${w.certificate}: ${erasure.tenant_name}`}
      closeButtonProps={{ "aria-label": w.close }}
    >
      <Stack gap="sm">
        <Status
          tone={erasure.certificate_valid ? "good" : "bad"}
          label={erasure.certificate_valid ? w.valid : w.invalid}
        />
        <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
          {erasure.certificate}
        </Code>
        <DefinitionList
          items={[
            [
              w.hash,
              <Code key="hash" style={{ overflowWrap: "anywhere" }}>
                {erasure.hash}
              </Code>,
            ],
            [
              w.signature,
              <Code key="signature" style={{ overflowWrap: "anywhere" }}>
                {erasure.signature}
              </Code>,
            ],
          ]}
        />
      </Stack>
    </Dialog>
  );
}
