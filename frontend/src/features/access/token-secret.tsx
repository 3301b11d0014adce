import { Alert, Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useState } from "react";
import type { ApiTokenSecret } from "@/api/types";
import { CopyButton } from "@/components/ui/copy";
import { Dialog } from "@/components/ui/dialog";
import { useT } from "@/i18n";
import classes from "./secret.module.css";

/** Shown this once: closing takes a tick, so that nobody loses it by a stray click. */
export function SecretDialog({ shown, onClose }: { shown: ApiTokenSecret; onClose: () => void }) {
  const t = useT();
  const [kept, setKept] = useState(false);
  const rows = [
    ["tokens.client_id", shown.token.client_id],
    ["tokens.client_secret", shown.client_secret],
  ] as const;
  return (
    <Dialog
      opened
      size="lg"
      onClose={onClose}
      title={t("tokens.secret_title", { name: shown.token.name })}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <Stack gap="md">
        <Alert color="yellow" variant="outline" icon={<IconAlertTriangle size={18} />}>
          {t("tokens.secret_once")}
        </Alert>
        <dl className={classes.list}>
          {rows.map(([label, value]) => (
            <div key={label}>
              <dt>{t(label)}</dt>
              <dd>
                <code>{value}</code>
                <CopyButton value={value} label={t(label)} />
              </dd>
            </div>
          ))}
        </dl>
        <Text size="sm" c="dimmed">
          {t("tokens.secret_use")}
        </Text>
        <Checkbox
          label={t("tokens.secret_kept")}
          checked={kept}
          onChange={(event) => setKept(event.currentTarget.checked)}
        />
        <Group justify="flex-end">
          <Button disabled={!kept} onClick={onClose}>
            {t("common.close")}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
