import { Alert, Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { useState } from "react";
import { CopyButton } from "@/components/ui/copy";
import { Dialog } from "@/components/ui/dialog";
import { useT } from "@/i18n";

/** Shows a secret for the only time: closes when the person says that it is kept. */
export function SecretDialog(props: { secret: string; rotated: boolean; onClose: () => void }) {
  const t = useT();
  const [kept, setKept] = useState(false);
  return (
    <Dialog
      opened
      title={t("webhooks.secret")}
      onClose={() => undefined}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <Stack gap="md">
        <Alert color="yellow" variant="outline" icon={<IconKey size={18} />}>
          {t("webhooks.secret_once")}
        </Alert>
        <Group gap="xs" wrap="nowrap">
          <Text className="kb-mono" size="sm" style={{ overflowWrap: "anywhere" }}>
            {props.secret}
          </Text>
          <CopyButton value={props.secret} label={t("webhooks.secret")} />
        </Group>
        {props.rotated ? <Text size="sm">{t("webhooks.secret_overlap")}</Text> : null}
        <Checkbox
          label={t("webhooks.secret_kept")}
          checked={kept}
          onChange={(event) => setKept(event.currentTarget.checked)}
        />
        <Group justify="flex-end">
          <Button disabled={!kept} onClick={props.onClose}>
            {t("common.close")}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
