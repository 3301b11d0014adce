import { Button, Group, SegmentedControl, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import { useCan } from "@/auth/guard";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { QueryView } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { sourceText } from "./source";

/** The record of consent (特定電子メール法): only ever added to. */
export function Consents(props: { contactId: string }) {
  const t = useT();
  const format = useFormat();
  const canWrite = useCan("contacts.write");
  const [adding, setAdding] = useState(false);
  const query = api.useQuery("get", "/v1/contacts/{id}/consents", {
    params: { path: { id: props.contactId }, query: { limit: 100 } },
  });
  return (
    <QueryView query={query} rows={3}>
      {({ items }) => (
        <Stack gap="sm">
          {items.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t("consents.empty")}
            </Text>
          ) : null}
          {items.map((item) => (
            <div key={item.id}>
              <Group gap="sm">
                <Status tone={item.kind === "given" ? "good" : "idle"} label={t(`consents.${item.kind}`)} />
                <Text size="xs" c="dimmed" className="num">
                  {format.dateTime(item.at)} · {sourceText(item.source)}
                  {item.ip ? ` · ${item.ip}` : ""}
                </Text>
              </Group>
              {item.wording ? (
                <Text size="sm" c="dimmed" style={{ whiteSpace: "pre-wrap" }}>
                  {item.wording}
                </Text>
              ) : null}
            </div>
          ))}
          {adding ? (
            <ConsentForm contactId={props.contactId} onDone={() => setAdding(false)} />
          ) : canWrite ? (
            <Group>
              <Button variant="default" size="xs" onClick={() => setAdding(true)}>
                {t("consents.add")}
              </Button>
            </Group>
          ) : null}
        </Stack>
      )}
    </QueryView>
  );
}

function ConsentForm(props: { contactId: string; onDone: () => void }) {
  const t = useT();
  const create = api.useMutation("post", "/v1/contacts/{id}/consents");
  const form = useForm<{ kind: "given" | "withdrawn"; source: string; wording: string }>({
    initialValues: { kind: "given", source: "", wording: "" },
    validate: { source: (value) => (value.trim() ? null : t("form.required")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      await create.mutateAsync({
        params: { path: { id: props.contactId } },
        body: { kind: values.kind, source: values.source.trim(), wording: values.wording.trim() },
      });
      await refresh("/v1/contacts");
      props.onDone();
    }),
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <FormError message={error} />
        <SegmentedControl
          aria-label={t("consents.kind")}
          data={[
            { value: "given", label: t("consents.given") },
            { value: "withdrawn", label: t("consents.withdrawn") },
          ]}
          {...form.getInputProps("kind")}
        />
        <TextInput
          label={t("consents.source")}
          description={t("consents.source_help")}
          required
          {...form.getInputProps("source")}
        />
        <Textarea
          label={t("consents.wording")}
          description={t("consents.wording_help")}
          autosize
          minRows={2}
          {...form.getInputProps("wording")}
        />
        <Group>
          <Button size="xs" type="submit" loading={busy}>
            {t("consents.record")}
          </Button>
          <Button size="xs" variant="default" onClick={props.onDone}>
            {t("common.cancel")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
