import { Select, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Role } from "@/api/types";
import { useMe } from "@/auth/guard";
import { roleName } from "@/components/access/role-name";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { PermissionFields } from "./permission-fields";
import { editsOnly } from "./permissions";

/** What is being written: a new role, a copy of one, or one that is there. */
export type RoleDraft = { kind: "new" } | { kind: "copy"; role: Role } | { kind: "edit"; role: Role };

const example = "example";

export function RoleDialog(props: { draft: RoleDraft; roles: readonly Role[]; onClose: () => void }) {
  const t = useT();
  const me = useMe();
  const { draft, roles } = props;
  const edited = draft.kind === "edit" ? draft.role : null;
  const create = api.useMutation("post", "/v1/roles");
  const update = api.useMutation("patch", "/v1/roles/{id}");
  const own = (permissions: readonly string[]) => permissions.filter((p) => me.permissions.includes(p));
  const startOf = (from: string) => {
    const role = roles.find(({ key }) => key === from);
    return role ? grantable(own(role.permissions)) : from === example ? own(editsOnly) : [];
  };
  const form = useForm({
    initialValues: {
      name: edited?.name ?? (draft.kind === "copy" ? t("roles.copy_of", { name: nameOf(draft.role) }) : ""),
      from: draft.kind === "copy" ? draft.role.key : "",
      permissions: edited ? edited.permissions : draft.kind === "copy" ? startOf(draft.role.key) : [],
    },
    validate: {
      name: (value) => (value.trim() ? null : t("form.required")),
      permissions: (value) => (value.length > 0 ? null : t("permissions.none")),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit(({ name, permissions }) =>
    run(async () => {
      const body = { name: name.trim(), permissions };
      if (edited) {
        await update.mutateAsync({ params: { path: { id: edited.id }, header: ifMatch(edited.version) }, body });
      } else {
        await create.mutateAsync({ body });
      }
      await refresh("/v1/roles", "/v1/users");
      notifyDone(t("common.saved"));
      props.onClose();
    }),
  );
  const all = grantable([...new Set(roles.flatMap((role) => role.permissions))]);
  return (
    <FormDialog
      title={t(edited ? "roles.edit" : "roles.create")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      onSubmit={submit}
      onClose={props.onClose}
    >
      <TextInput label={t("common.name")} required maxLength={100} data-autofocus {...form.getInputProps("name")} />
      {edited ? null : (
        <Select
          label={t("roles.from")}
          description={t("roles.from_help")}
          allowDeselect={false}
          data={[
            { value: "", label: t("roles.from_nothing") },
            { value: example, label: t("roles.example") },
            ...roles.map((role) => ({ value: role.key, label: nameOf(role) })),
          ]}
          value={form.values.from}
          onChange={(from) => form.setValues({ from: from ?? "", permissions: startOf(from ?? "") })}
        />
      )}
      <PermissionFields
        legend={t("roles.permissions")}
        all={all}
        value={form.values.permissions}
        error={form.errors.permissions as string | undefined}
        onChange={(permissions) => form.setFieldValue("permissions", permissions)}
      />
    </FormDialog>
  );
}

function nameOf(role: Role): string {
  return roleName(role.key, role.name);
}

/** What is the owner's alone is no part of an own role. */
function grantable(permissions: readonly string[]): string[] {
  return permissions.filter((permission) => permission !== "tenant.own");
}
