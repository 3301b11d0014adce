import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconDownload, IconPrinter } from "@tabler/icons-react";
import { useMe } from "@/auth/guard";
import { CopyButton } from "@/components/ui/copy";
import { useT } from "@/i18n";
import classes from "./recovery-codes.module.css";

function save(text: string, filename: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = filename;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** The codes, once: they can't be read again. */
export function RecoveryCodes(props: { codes: readonly string[]; onClose: () => void }) {
  const t = useT();
  const me = useMe();
  const title = t("recovery.sheet", { login_id: me.login_id });
  const text = [title, "", ...props.codes, ""].join("\r\n");
  return (
    <Stack gap="sm">
      <Alert color="yellow" variant="outline" role="status">
        {t("recovery.once")}
      </Alert>
      <div className={classes.sheet}>
        <Text size="sm" fw={600} mb={6}>
          {title}
        </Text>
        <ol className={classes.codes}>
          {props.codes.map((code) => (
            <li key={code}>
              <span className="kb-mono">{code}</span>
            </li>
          ))}
        </ol>
      </div>
      <Group gap="xs">
        <Button
          variant="default"
          size="xs"
          leftSection={<IconDownload size={16} />}
          onClick={() => save(text, `kikubari-recovery-${me.login_id}.txt`)}
        >
          {t("recovery.download")}
        </Button>
        <Button variant="default" size="xs" leftSection={<IconPrinter size={16} />} onClick={() => window.print()}>
          {t("recovery.print")}
        </Button>
        <CopyButton value={text} label={t("factor.recovery_codes")} />
      </Group>
      <Group justify="flex-end">
        <Button onClick={props.onClose}>{t("recovery.kept")}</Button>
      </Group>
    </Stack>
  );
}
