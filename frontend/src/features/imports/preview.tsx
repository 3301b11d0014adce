import { ScrollArea, Table } from "@mantine/core";
import type { Import } from "@/api/types";
import { useT } from "@/i18n";

/** The first rows as the server reads them: wrong characters show here that the encoding is wrong. */
export function FilePreview({ item }: { item: Import }) {
  const t = useT();
  const rows = item.preview.slice(0, 6);
  return (
    <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: "region", "aria-label": t("imports.preview") }}>
      <Table withColumnBorders withTableBorder style={{ fontSize: "0.8125rem", whiteSpace: "nowrap" }}>
        <caption style={{ display: "none" }}>{t("imports.preview")}</caption>
        <Table.Thead>
          <Table.Tr>
            {item.columns.map((column) => (
              <Table.Th key={column.index} scope="col">
                {column.header || t("imports.column_n", { n: column.index + 1 })}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, line) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a file are told apart by their place alone
            <Table.Tr key={line}>
              {item.columns.map((column) => (
                <Table.Td key={column.index} maw={240} style={{ overflow: "hidden", textOverflow: "ellipsis" }}>
                  {row[column.index] ?? ""}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea>
  );
}
