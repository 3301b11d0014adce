import { Alert, Button, Group, Modal, NumberInput, Select, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { SignupAddress } from "@/api/types";
import { useCan } from "@/auth/guard";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { ListsSelect } from "@/components/pickers/lists-select";
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
  const mails = api.useQuery("get", "/v1/mails", { params: { query: { limit: 200 } } });
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
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t(address ? "signup.edit" : "signup.create")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <FormError message={error} />
          <TextInput
            label={t("signup.name")}
            description={t("signup.name_help")}
            required
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
          <Select
            label={t("signup.mail")}
            description={t("signup.mail_help")}
            searchable
            required
            allowDeselect={false}
            data={(mails.data?.items ?? []).map((mail) => ({ value: mail.id, label: mail.name }))}
            {...form.getInputProps("mail_id")}
          />
          <Alert color="gray" variant="outline">
            {t("signup.template_help")}
          </Alert>
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
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy}>
              {t("common.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
