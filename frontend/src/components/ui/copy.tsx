import { ActionIcon, CopyButton as MantineCopyButton, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useT } from "@/i18n";

export function CopyButton(props: { value: string; label: string }) {
  const t = useT();
  return (
    <MantineCopyButton value={props.value}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t("common.copied") : t("common.copy")}>
          <ActionIcon variant="subtle" color="gray" onClick={copy} aria-label={`${t("common.copy")}: ${props.label}`}>
            {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
          </ActionIcon>
        </Tooltip>
      )}
    </MantineCopyButton>
  );
}
