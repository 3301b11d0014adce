import { Select } from "@mantine/core";
import { api } from "@/api/client";
import type { User } from "@/api/types";
import { useMe } from "@/auth/guard";
import { roleName } from "@/components/access/role-name";
import { translateCodeOr, useT } from "@/i18n";

interface Props {
  /** Whose role it is: theirs is there even while the list is on its way. */
  current: User | null;
  disabled: boolean;
  value: string;
  error?: string;
  onChange: (value: string) => void;
}

/** The roles of the company; those that allow more than one may oneself can't be given. */
export function RoleSelect({ current, disabled, value, error, onChange }: Props) {
  const t = useT();
  const me = useMe();
  const query = api.useQuery("get", "/v1/roles");
  const roles = query.data?.items ?? [];
  const known = roles.map((role) => ({
    value: role.key,
    label: roleName(role.key, role.name),
    disabled: role.permissions.some((permission) => !me.permissions.includes(permission)),
  }));
  const missing = current && !roles.some((role) => role.key === current.role);
  const data = missing
    ? [{ value: current.role, label: roleName(current.role, current.role_name), disabled: false }, ...known]
    : known;
  return (
    <Select
      label={t("users.role")}
      description={translateCodeOr("role_help", value, t("role_help.own"))}
      allowDeselect={false}
      disabled={disabled}
      data={data}
      value={value}
      error={error}
      onChange={(key) => onChange(key ?? value)}
    />
  );
}
