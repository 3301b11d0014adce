import { Group, Select, TextInput } from "@mantine/core";
import { api } from "@/api/client";
import { useCan } from "@/auth/guard";
import { useT } from "@/i18n";
import type { ScreenProps } from "./screen";

/** Period and person: what both lists are narrowed by. */
export function Filters({ search, onSearch, children }: ScreenProps & { children?: React.ReactNode }) {
  const t = useT();
  const seesUsers = useCan("settings.read");
  const users = api.useQuery("get", "/v1/users", { params: { query: { limit: 200 } } }, { enabled: seesUsers });
  const people = (users.data?.items ?? []).map((user) => ({ value: user.id, label: user.display_name }));
  return (
    <Group gap="xs" mb="sm" align="flex-end">
      <TextInput
        type="date"
        label={t("audit.from")}
        value={search.from ?? ""}
        max={search.to}
        onChange={(event) => onSearch({ from: event.currentTarget.value || undefined, cursor: undefined })}
      />
      <TextInput
        type="date"
        label={t("audit.to")}
        value={search.to ?? ""}
        min={search.from}
        onChange={(event) => onSearch({ to: event.currentTarget.value || undefined, cursor: undefined })}
      />
      {seesUsers ? (
        <Select
          label={t("audit.person")}
          placeholder={t("audit.everybody")}
          data={people}
          value={search.actor ?? null}
          searchable
          clearable
          onChange={(actor) => onSearch({ actor: actor ?? undefined, cursor: undefined })}
        />
      ) : null}
      {children}
    </Group>
  );
}
