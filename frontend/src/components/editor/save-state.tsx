import { Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconCloudUpload } from "@tabler/icons-react";
import { problemText } from "@/api/problem-text";
import { useT } from "@/i18n";
import type { SaveState } from "./autosave";

export function SaveStateLabel(props: { state: SaveState; onRetry: () => void; onReload: () => void }) {
  const t = useT();
  const { state } = props;
  if (state.kind === "stale") {
    return (
      <Group gap="xs" role="alert">
        <IconAlertTriangle size={16} color="var(--kb-warn)" aria-hidden />
        <Text size="sm">{t("editor.stale")}</Text>
        <Button size="compact-xs" variant="default" onClick={props.onReload}>
          {t("editor.stale_reload")}
        </Button>
      </Group>
    );
  }
  if (state.kind === "failed") {
    return (
      <Group gap="xs" role="alert">
        <IconAlertTriangle size={16} color="var(--kb-bad)" aria-hidden />
        <Text size="sm" c="var(--kb-bad)">
          {t("editor.save_failed")} {problemText(state.problem)}
        </Text>
        <Button size="compact-xs" variant="default" onClick={props.onRetry}>
          {t("editor.save_again")}
        </Button>
      </Group>
    );
  }
  const saved = state.kind === "saved";
  return (
    <Group gap={6} role="status" data-save-state={state.kind}>
      {saved ? <IconCheck size={16} color="var(--kb-good)" aria-hidden /> : <IconCloudUpload size={16} aria-hidden />}
      <Text size="sm" c="dimmed">
        {t(saved ? "editor.saved" : state.kind === "saving" ? "editor.saving" : "editor.unsaved")}
      </Text>
    </Group>
  );
}
