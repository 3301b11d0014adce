import { Button, Checkbox, Fieldset, Group, SimpleGrid, Switch, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Webhook, WebhookTopic } from "@/api/types";
import { useMe } from "@/auth/guard";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { notifyDone } from "@/components/ui/notify";
import { translateCode, useT } from "@/i18n";
import { mayBeTold, topicGroups } from "./events";

interface Props {
  webhook: Webhook | null;
  onClose: () => void;
  /** Of a new one, with its secret. */
  onCreated: (secret: string) => void;
}

export function WebhookDialog({ webhook, onClose, onCreated }: Props) {
  const t = useT();
  const create = api.useMutation("post", "/v1/webhooks");
  const update = api.useMutation("patch", "/v1/webhooks/{id}");
  const form = useForm({
    initialValues: {
      url: webhook?.url ?? "",
      description: webhook?.description ?? "",
      events: webhook?.events ?? ([] as WebhookTopic[]),
      enabled: webhook?.enabled ?? true,
    },
    validate: {
      url: (value) => (value.trim() ? null : t("form.required")),
      events: (value) => (value.length > 0 ? null : t("webhooks.events_required")),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const body = { ...values, url: values.url.trim() };
      if (webhook) {
        const params = { path: { id: webhook.id }, header: ifMatch(webhook.version) };
        await update.mutateAsync({ params, body });
        notifyDone(t("common.saved"));
      } else {
        const made = await create.mutateAsync({ body });
        onCreated(made.secret);
      }
      await refresh("/v1/webhooks");
      onClose();
    }),
  );
  return (
    <FormDialog
      title={t(webhook ? "webhooks.edit" : "webhooks.create")}
      size="lg"
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextInput
        label={t("webhooks.url")}
        description={t("webhooks.url_help")}
        placeholder="https://example.co.jp/hooks/kikubari"
        type="url"
        inputMode="url"
        required
        data-autofocus
        maxLength={2000}
        {...form.getInputProps("url")}
      />
      <TextInput label={t("webhooks.name")} maxLength={200} {...form.getInputProps("description")} />
      <Topics
        value={form.values.events}
        error={form.errors.events as string | undefined}
        onChange={(events) => form.setFieldValue("events", events)}
      />
      <Switch
        label={t("webhooks.enabled")}
        description={t("webhooks.enabled_help")}
        {...form.getInputProps("enabled", { type: "checkbox" })}
      />
    </FormDialog>
  );
}

interface TopicsProps {
  value: WebhookTopic[];
  error: string | undefined;
  onChange: (value: WebhookTopic[]) => void;
}

/** Which kinds of events: boxes by group, each group with one click. */
function Topics({ value, error, onChange }: TopicsProps) {
  const t = useT();
  const { permissions } = useMe();
  // What is there already may be taken out by whoever may not read it.
  const isOpen = (topic: WebhookTopic) => value.includes(topic) || mayBeTold(topic, permissions);
  const toggle = (group: readonly WebhookTopic[]) => {
    const topics = group.filter(isOpen);
    const all = topics.every((topic) => value.includes(topic));
    const others = value.filter((topic) => !topics.includes(topic));
    onChange(all ? others : [...others, ...topics]);
  };
  return (
    <div>
      <Text size="sm" fw={500}>
        {t("webhooks.events")}
      </Text>
      {error ? (
        <Text size="xs" c="var(--mantine-color-error)" role="alert">
          {error}
        </Text>
      ) : null}
      {topicGroups.map(({ label, topics }) => (
        <Fieldset key={label} legend={t(label)} mt="xs" p="sm">
          <Group justify="flex-end" mb={4}>
            <Button
              variant="subtle"
              size="compact-xs"
              aria-label={`${t("webhooks.toggle_group")}: ${t(label)}`}
              onClick={() => toggle(topics)}
            >
              {t("webhooks.toggle_group")}
            </Button>
          </Group>
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs">
            {topics.map((topic) => (
              <Checkbox
                key={topic}
                label={translateCode("webhook_topic", topic)}
                checked={value.includes(topic)}
                disabled={!isOpen(topic)}
                onChange={() => toggle([topic])}
              />
            ))}
          </SimpleGrid>
        </Fieldset>
      ))}
    </div>
  );
}
