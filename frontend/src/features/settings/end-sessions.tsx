import { Box, Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { api } from "@/api/client";
import type { User } from "@/api/types";
import { Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

/** Logs another person out everywhere. */
export function EndSessions(props: { user: User; onClose: () => void }) {
  const t = useT();
  const end = api.useMutation("delete", "/v1/users/{id}/sessions");
  return (
    <ConfirmDialog
      opened
      danger
      onClose={props.onClose}
      title={t("users.end_sessions")}
      confirm={t("users.end_sessions_confirm")}
      onConfirm={async () => {
        await end.mutateAsync({ params: { path: { id: props.user.id } } });
        notifyDone(t("users.end_sessions_done"));
      }}
    >
      <Text size="sm">{t("users.end_sessions_body", { name: props.user.display_name })}</Text>
    </ConfirmDialog>
  );
}

/** Logs the whole company out, but this device. */
export function EndAllSessions() {
  const t = useT();
  const [asked, setAsked] = useState(false);
  const end = api.useMutation("delete", "/v1/tenant/sessions");
  return (
    <Box mt="lg">
      <Panel title={t("security.end_all_title")}>
        <Group justify="space-between">
          <Text size="sm" c="dimmed">
            {t("security.end_all_help")}
          </Text>
          <Button variant="default" onClick={() => setAsked(true)}>
            {t("security.end_all")}
          </Button>
        </Group>
        <ConfirmDialog
          opened={asked}
          danger
          onClose={() => setAsked(false)}
          title={t("security.end_all_title")}
          confirm={t("security.end_all")}
          onConfirm={async () => {
            await end.mutateAsync({});
            notifyDone(t("security.end_all_done"));
          }}
        >
          <Text size="sm">{t("security.end_all_body")}</Text>
        </ConfirmDialog>
      </Panel>
    </Box>
  );
}
