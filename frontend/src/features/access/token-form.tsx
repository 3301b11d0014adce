import { Select, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { ApiToken, ApiTokenSecret } from "@/api/types";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { PermissionFields } from "./permission-fields";
import { scopesOf } from "./permissions";

interface Props {
  token: ApiToken | null;
  onMade: (secret: ApiTokenSecret) => void;
  onClose: () => void;
}

/** One network a line; commas and spaces do as well. */
export function networksOf(text: string): string[] {
  return text.split(/[\s,、，]+/).filter((part) => part !== "");
}

export function TokenDialog({ token, onMade, onClose }: Props) {
  const t = useT();
  const create = api.useMutation("post", "/v1/api-tokens");
  const update = api.useMutation("patch", "/v1/api-tokens/{id}");
  const roles = api.useQuery("get", "/v1/roles");
  const form = useForm({
    initialValues: {
      name: token?.name ?? "",
      scopes: (token?.scopes ?? []) as string[],
      allowed_ips: token?.allowed_ips.join("\n") ?? "",
      lifetime_days: "90",
    },
    validate: {
      name: (value) => (value.trim() ? null : t("form.required")),
      scopes: (value) => (value.length > 0 ? null : t("permissions.none")),
      allowed_ips: (value) => (networksOf(value).length <= 50 ? null : t("tokens.too_many_ips")),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const body = {
        name: values.name.trim(),
        scopes: values.scopes,
        allowed_ips: networksOf(values.allowed_ips),
      };
      if (token) {
        await update.mutateAsync({ params: { path: { id: token.id }, header: ifMatch(token.version) }, body });
        await refresh("/v1/api-tokens", "/v1/summary");
        notifyDone(t("common.saved"));
        onClose();
      } else {
        const made = await create.mutateAsync({ body: { ...body, lifetime_days: Number(values.lifetime_days) } });
        await refresh("/v1/api-tokens", "/v1/summary");
        onMade(made);
      }
    }),
  );
  const all = scopesOf([...new Set((roles.data?.items ?? []).flatMap((role) => role.permissions))]);
  return (
    <FormDialog
      title={t(token ? "tokens.edit" : "tokens.create")}
      submit={token ? undefined : t("tokens.issue")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      autoComplete="off"
      onSubmit={submit}
      onClose={onClose}
    >
      <TextInput
        label={t("common.name")}
        description={t("tokens.name_help")}
        required
        maxLength={100}
        data-autofocus
        {...form.getInputProps("name")}
      />
      {token ? null : (
        <LifetimeSelect
          value={form.values.lifetime_days}
          onChange={(days) => form.setFieldValue("lifetime_days", days)}
        />
      )}
      <Textarea
        label={t("tokens.allowed_ips")}
        description={t("tokens.allowed_ips_help")}
        placeholder={"203.0.113.0/24\n2001:db8::/32"}
        rows={3}
        spellCheck={false}
        {...form.getInputProps("allowed_ips")}
      />
      <PermissionFields
        legend={t("tokens.scopes")}
        all={all}
        value={form.values.scopes}
        error={form.errors.scopes as string | undefined}
        onChange={(scopes) => form.setFieldValue("scopes", scopes)}
      />
    </FormDialog>
  );
}

/** How long a token lives from now on. */
export function LifetimeSelect(props: { value: string; onChange: (value: string) => void; keep?: boolean }) {
  const t = useT();
  const days = ["30", "90", "180", "365"].map((n) => ({ value: n, label: t("tokens.days", { count: Number(n) }) }));
  return (
    <Select
      label={t("tokens.lifetime")}
      description={t("tokens.lifetime_help")}
      allowDeselect={false}
      data={props.keep ? [{ value: "", label: t("tokens.lifetime_kept") }, ...days] : days}
      value={props.value}
      onChange={(value) => props.onChange(value ?? "")}
    />
  );
}
