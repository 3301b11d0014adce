import { Alert, Checkbox, Select, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { User } from "@/api/types";
import { useMe } from "@/auth/guard";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { RoleSelect } from "./role-select";

export function UserDialog(props: { user: User | null; onClose: () => void }) {
  const t = useT();
  const me = useMe();
  const { user } = props;
  const isSelf = user?.id === me.id;
  const create = api.useMutation("post", "/v1/users");
  const update = api.useMutation("patch", "/v1/users/{id}");
  const form = useForm({
    initialValues: {
      login_id: user?.login_id ?? "",
      display_name: user?.display_name ?? "",
      email: user?.email ?? "",
      role: user?.role ?? "editor",
      locale: user?.locale ?? "ja",
      disabled: user?.disabled ?? false,
    },
    validate: {
      login_id: (value) => (value.trim().length >= 3 ? null : t("users.login_id_help")),
      display_name: (value) => (value.trim() ? null : t("form.required")),
      email: (value) => (value.trim() ? null : t("form.required")),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit(({ login_id, disabled, ...rest }) =>
    run(async () => {
      if (user) {
        await update.mutateAsync({
          params: { path: { id: user.id }, header: ifMatch(user.version) },
          body: { ...rest, ...(isSelf ? {} : { disabled }) },
        });
      } else {
        await create.mutateAsync({ body: { ...rest, login_id: login_id.trim() } });
      }
      await refresh("/v1/users", "/v1/roles", "/v1/tenant/usage");
      notifyDone(t(user ? "common.saved" : "users.invited_done"));
      props.onClose();
    }),
  );
  return (
    <FormDialog
      title={t(user ? "users.edit" : "users.create")}
      submit={user ? undefined : t("users.invite")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      autoComplete="off"
      onSubmit={submit}
      onClose={props.onClose}
    >
      <TextInput label={t("users.display_name")} required data-autofocus {...form.getInputProps("display_name")} />
      <TextInput
        label={t("auth.login_id")}
        description={user ? undefined : t("users.login_id_help")}
        required
        disabled={user !== null}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        {...form.getInputProps("login_id")}
      />
      <TextInput
        label={t("contacts.email")}
        description={user ? undefined : t("users.email_help")}
        required
        inputMode="email"
        autoCapitalize="none"
        spellCheck={false}
        {...form.getInputProps("email")}
      />
      <RoleSelect
        current={user}
        disabled={isSelf}
        value={form.values.role}
        error={form.errors.role as string | undefined}
        onChange={(role) => form.setFieldValue("role", role)}
      />
      <Select
        label={t("profile.locale")}
        description={t("users.locale_help")}
        allowDeselect={false}
        data={[
          { value: "ja", label: "日本語" },
          { value: "en", label: "English" },
        ]}
        {...form.getInputProps("locale")}
      />
      {user ? null : (
        <Alert color="gray" variant="outline">
          {t("users.invite_help")}
        </Alert>
      )}
      {user && !isSelf ? (
        <Checkbox
          label={t("users.disable")}
          description={t("users.disable_help")}
          {...form.getInputProps("disabled", { type: "checkbox" })}
        />
      ) : null}
    </FormDialog>
  );
}
