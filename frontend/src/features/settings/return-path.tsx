import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { SenderDomain } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

/** What the return path is good for, and the name before the domain that can be chosen. */
export function ReturnPath({ domain, canWrite }: { domain: SenderDomain; canWrite: boolean }) {
  const t = useT();
  const [naming, setNaming] = useState(false);
  return (
    <>
      <Text size="sm" c="dimmed" mb={4}>
        {t("domains.return_path_help")}
      </Text>
      {canWrite ? (
        <Button variant="default" size="xs" mb="xs" onClick={() => setNaming(true)}>
          {t("domains.return_path_rename")}
        </Button>
      ) : null}
      {naming ? <NameDialog domain={domain} onClose={() => setNaming(false)} /> : null}
    </>
  );
}

function NameDialog({ domain, onClose }: { domain: SenderDomain; onClose: () => void }) {
  const t = useT();
  const update = api.useMutation("put", "/v1/sender-domains/{id}");
  const form = useForm({
    initialValues: { return_path_label: domain.return_path_label },
    validate: { return_path_label: (value) => (value.trim() ? null : t("form.required")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      await update.mutateAsync({
        params: { path: { id: domain.id }, header: ifMatch(domain.version) },
        body: { return_path_label: values.return_path_label.trim().toLowerCase() },
      });
      await refresh("/v1/sender-domains");
      notifyDone(t("domains.return_path_renamed"));
      onClose();
    }),
  );
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("domains.return_path_rename")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <FormError message={error} />
          <TextInput
            label={t("domains.return_path_label")}
            description={t("domains.return_path_label_help", { domain: domain.domain })}
            placeholder="bounce"
            required
            maxLength={63}
            autoCapitalize="none"
            spellCheck={false}
            data-autofocus
            {...form.getInputProps("return_path_label")}
          />
          <Group justify="flex-end" mt="xs">
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
