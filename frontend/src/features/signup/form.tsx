import { Group, NumberInput, Switch, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { SignupAddress } from "@/api/types";
import { useCan } from "@/auth/guard";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { ListsSelect } from "@/components/pickers/lists-select";
import { MailSelect, useMailSearch } from "@/components/pickers/mail";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

const mostAnHour = 5000;
const mostHours = 168;

/** Makes or changes a sign-up address. */
export function SignupAddressForm({ address, onClose }: { address: SignupAddress | null; onClose: () => void }) {
  const t = useT();
  const canSend = useCan("campaigns.send");
  const create = api.useMutation("post", "/v1/signup-addresses");
  const update = api.useMutation("put", "/v1/signup-addresses/{id}");
  const within = (most: number) => (value: number | string) =>
    typeof value === "number" && value >= 1 && value <= most ? null : t("rules.range", { min: 1, max: most });
  const form = useForm({
    initialValues: {
      name: address?.name ?? "",
      local_part: "",
      mail_id: address?.mail_id ?? (null as string | null),
      list_ids: address?.list_ids ?? ([] as string[]),
      wording: address?.wording ?? "",
      enabled: address?.enabled ?? canSend,
      hourly_limit: address?.hourly_limit ?? (100 as number | string),
      valid_hours: address?.valid_hours ?? (24 as number | string),
    },
    validate: {
      name: (value) => (value.trim() ? null : t("form.required")),
      mail_id: (value) => (value ? null : t("form.required")),
      hourly_limit: within(mostAnHour),
      valid_hours: within(mostHours),
    },
  });
  const mails = useMailSearch(form.values.mail_id);
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const body = {
        name: values.name.trim(),
        mail_id: values.mail_id ?? "",
        list_ids: values.list_ids,
        wording: values.wording.trim(),
        enabled: values.enabled,
        hourly_limit: Number(values.hourly_limit),
        valid_hours: Number(values.valid_hours),
      };
      if (address) {
        await update.mutateAsync({ params: { path: { id: address.id }, header: ifMatch(address.version) }, body });
      } else {
        const local_part = values.local_part.trim() || undefined;
        await create.mutateAsync({ body: { ...body, local_part } });
      }
      await refresh("/v1/signup-addresses");
      notifyDone(t("common.saved"));
      onClose();
    }),
  );
  return (
    <FormDialog
      title={t(address ? "signup.edit" : "signup.create")}
      size="lg"
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextInput
        label={t("signup.name")}
        description={t("signup.name_help")}
        required
        data-autofocus
        maxLength={200}
        {...form.getInputProps("name")}
      />
      {address ? null : (
        <TextInput
          label={t("signup.local_part")}
          description={t("signup.local_part_help")}
          maxLength={40}
          {...form.getInputProps("local_part")}
        />
      )}
      <MailSelect
        search={mails}
        label={t("signup.mail")}
        description={`${t("signup.mail_help")}${t("signup.template_help")}`}
        {...form.getInputProps("mail_id")}
      />
      <ListsSelect
        label={t("signup.lists")}
        description={t("signup.lists_help")}
        value={form.values.list_ids}
        onChange={(ids) => form.setFieldValue("list_ids", ids)}
        error={form.errors.list_ids}
      />
      <Textarea
        label={t("signup.wording")}
        description={t("signup.wording_help")}
        autosize
        minRows={2}
        maxLength={2000}
        {...form.getInputProps("wording")}
      />
      <Group gap="sm" align="flex-start" grow>
        <NumberInput
          label={t("signup.valid_hours")}
          description={t("signup.valid_hours_help")}
          min={1}
          max={mostHours}
          {...form.getInputProps("valid_hours")}
        />
        <NumberInput
          label={t("signup.hourly_limit")}
          description={t("signup.hourly_limit_help")}
          min={1}
          max={mostAnHour}
          {...form.getInputProps("hourly_limit")}
        />
      </Group>
      <Switch
        label={t("signup.enabled")}
        description={t("signup.enabled_help")}
        disabled={!canSend}
        {...form.getInputProps("enabled", { type: "checkbox" })}
      />
    </FormDialog>
  );
}
