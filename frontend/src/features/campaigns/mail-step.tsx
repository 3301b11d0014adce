import { Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api } from "@/api/client";
import type { Campaign } from "@/api/types";
import { useCan } from "@/auth/guard";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { MailSelect, useMailSearch } from "@/components/pickers/mail";
import { TextLink } from "@/components/ui/link-button";
import { useT } from "@/i18n";
import { createCampaign, updateCampaign } from "./queries";

/** Name, mail and route. Without a campaign it makes one. */
export function MailStep(props: { campaign?: Campaign; mailId?: string; onDone: (campaign: Campaign) => void }) {
  const t = useT();
  const { campaign } = props;
  const canWrite = useCan("campaigns.write");
  const seesRoutes = useCan("settings.read");
  const initialMail = campaign?.mail_id ?? props.mailId ?? null;
  const routes = api.useQuery("get", "/v1/routes", { params: { query: { limit: 100 } } }, { enabled: seesRoutes });
  const form = useForm<{ name: string; mail_id: string | null; route_id: string | null }>({
    initialValues: { name: campaign?.name ?? "", mail_id: initialMail, route_id: campaign?.route_id ?? null },
    validate: {
      mail_id: (value) => (value ? null : t("wizard.mail_missing")),
    },
  });
  const { busy, error, run } = useSubmit(form);

  const mails = useMailSearch(form.values.mail_id);
  const { picked } = mails;

  const submit = form.onSubmit(({ name, mail_id, route_id }) =>
    run(async () => {
      const title = name.trim() || picked?.name || t("mails.untitled");
      if (!campaign) {
        const created = await createCampaign(title, mail_id as string);
        props.onDone(route_id ? await updateCampaign(created, { route_id }) : created);
      } else if (form.isDirty()) {
        props.onDone(await updateCampaign(campaign, { name: title, mail_id: mail_id as string, route_id }));
      } else {
        props.onDone(campaign);
      }
    }),
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <FormError message={error} />
        <MailSelect search={mails} disabled={!canWrite} {...form.getInputProps("mail_id")} />
        {picked ? (
          <Text size="sm" c="dimmed">
            {t("editor.subject")}: {picked.subject || t("preview.no_subject")}{" "}
            <TextLink to="/mails/$mailId" params={{ mailId: picked.id }} size="sm" underline="always">
              {t("wizard.open_mail")}
            </TextLink>
          </Text>
        ) : null}
        <TextInput
          label={t("campaigns.name")}
          description={t("campaigns.name_help")}
          placeholder={picked?.name}
          disabled={!canWrite}
          {...form.getInputProps("name")}
        />
        {routes.data && routes.data.items.length > 1 ? (
          <Select
            label={t("wizard.route")}
            placeholder={t("wizard.route_default")}
            clearable
            clearButtonProps={{ "aria-label": t("picker.clear") }}
            data={routes.data.items.map((route) => ({ value: route.id, label: route.name, disabled: !route.enabled }))}
            {...form.getInputProps("route_id")}
          />
        ) : null}
        <Group justify="flex-end">
          <Button type="submit" loading={busy}>
            {t("wizard.to_audience")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
