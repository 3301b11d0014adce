import { Checkbox, Fieldset, Stack, Text } from "@mantine/core";
import { useMe } from "@/auth/guard";
import { translateCode, useT } from "@/i18n";
import { grouped, toggled } from "./permissions";

interface Props {
  legend: string;
  /** What can be chosen at all. */
  all: readonly string[];
  value: readonly string[];
  error?: string;
  onChange: (value: string[]) => void;
}

/** Permissions in groups, in words. What the person lacks themself they can't give, and it says so. */
export function PermissionFields(props: Props) {
  const t = useT();
  const me = useMe();
  const lacks = props.all.some((permission) => !me.permissions.includes(permission));
  return (
    <Fieldset legend={props.legend} p="sm">
      <Stack gap="sm">
        {lacks ? (
          <Text size="xs" c="dimmed">
            {t("permissions.beyond")}
          </Text>
        ) : null}
        {grouped(props.all).map((group) => (
          <Fieldset key={group.id} variant="unstyled" legend={t(`permission_group.${group.id}`)}>
            <Stack gap={6}>
              {group.permissions.map((permission) => (
                <Checkbox
                  key={permission}
                  label={translateCode("permission", permission)}
                  checked={props.value.includes(permission)}
                  disabled={!me.permissions.includes(permission)}
                  onChange={(event) => props.onChange(toggled(props.value, permission, event.currentTarget.checked))}
                />
              ))}
            </Stack>
          </Fieldset>
        ))}
        {props.error ? (
          <Text size="xs" c="var(--mantine-color-error)" role="alert">
            {props.error}
          </Text>
        ) : null}
      </Stack>
    </Fieldset>
  );
}
