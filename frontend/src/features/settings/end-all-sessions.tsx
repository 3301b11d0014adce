import { Box, Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { api } from "@/api/client";
import { Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

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
