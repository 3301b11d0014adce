import { Select, Text } from "@mantine/core";
import { IconMail } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { api } from "@/api/client";
import type { Signup, SignupAddress } from "@/api/types";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SidePanel } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/state-view";
import { Status, type Tone } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { type SignupSearch, signupStates } from "./search";

const tones: Record<Signup["state"], Tone> = { pending: "info", confirmed: "good", expired: "idle" };

interface Props {
  address: SignupAddress;
  search: SignupSearch;
  onSearch: (change: Partial<SignupSearch>) => void;
  onClose: () => void;
}

/** Who mailed to a sign-up address, and whether they confirmed. */
export function SignupPeople({ address, search, onSearch, onClose }: Props) {
  const t = useT();
  const format = useFormat();
  const query = api.useQuery(
    "get",
    "/v1/signup-addresses/{id}/signups",
    { params: { path: { id: address.id }, query: { state: search.state, cursor: search.cursor } } },
    { placeholderData: keepPreviousData },
  );
  const columns: Column<Signup>[] = [
    {
      id: "email",
      header: t("signup.email"),
      cell: (row) => (
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {row.email}
        </Text>
      ),
    },
    {
      id: "state",
      header: t("signup.state"),
      cell: (row) => <Status tone={tones[row.state]} label={t(`signup.state_${row.state}`)} />,
    },
    {
      id: "at",
      header: t("signup.asked_at"),
      numeric: true,
      width: 150,
      cell: (row) => format.dateTime(row.created_at),
    },
    {
      id: "confirmed_at",
      header: t("signup.confirmed_at"),
      numeric: true,
      width: 150,
      cell: (row) => (row.confirmed_at ? format.dateTime(row.confirmed_at) : "–"),
    },
  ];
  return (
    <SidePanel opened onClose={onClose} size="xl" title={`${t("signup.people")}: ${address.name}`}>
      <Select
        label={t("signup.state")}
        mb="sm"
        w={200}
        value={search.state ?? ""}
        allowDeselect={false}
        data={[
          { value: "", label: t("signup.state_all") },
          ...signupStates.map((state) => ({ value: state, label: t(`signup.state_${state}`) })),
        ]}
        onChange={(value) => onSearch({ state: signupStates.find((state) => state === value), cursor: undefined })}
      />
      <DataTable
        caption={t("signup.people")}
        columns={columns}
        rows={query.data?.items}
        rowId={(row) => row.id}
        error={query.error}
        onRetry={() => void query.refetch()}
        busy={query.isPlaceholderData}
        empty={<EmptyState icon={IconMail} title={t("signup.no_people")} body={t("signup.no_people_body")} />}
      />
      {query.data && query.data.items.length > 0 ? (
        <Pager
          cursor={search.cursor}
          nextCursor={query.data.next_cursor}
          shown={query.data.items.length}
          onCursor={(cursor) => onSearch({ cursor })}
        />
      ) : null}
      <Text size="xs" c="dimmed" mt="sm">
        {t("signup.people_help")}
      </Text>
    </SidePanel>
  );
}
