import { ActionIcon, Button, Menu, Text } from "@mantine/core";
import { IconDots, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Sequence } from "@/api/types";
import { useCan } from "@/auth/guard";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

type What = "activate" | "pause" | "finish" | "stop" | "delete";

/** Letting a sequence run, holding it, ending it: each says what will happen first. */
export function SequenceControls({ sequence }: { sequence: Sequence }) {
  const t = useT();
  const navigate = useNavigate();
  const canWrite = useCan("campaigns.write");
  const canSend = useCan("campaigns.send");
  const [asking, setAsking] = useState<What | null>(null);
  const activate = api.useMutation("post", "/v1/sequences/{id}/activate");
  const pause = api.useMutation("post", "/v1/sequences/{id}/pause");
  const finish = api.useMutation("post", "/v1/sequences/{id}/finish");
  const stop = api.useMutation("post", "/v1/sequences/{id}/stop");
  const remove = api.useMutation("delete", "/v1/sequences/{id}");
  const { state } = sequence;
  const mayDelete = state === "draft" || state === "stopped" || (state === "finished" && sequence.active === 0);
  const confirm = async () => {
    const path = { id: sequence.id };
    if (asking === "delete") {
      await remove.mutateAsync({ params: { path, header: ifMatch(sequence.version) } });
      notifyDone(t("common.deleted"));
      await navigate({ to: "/sequences" });
    } else if (asking) {
      await { activate, pause, finish, stop }[asking].mutateAsync({ params: { path } });
      notifyDone(t(`sequences.done_${asking}`));
    }
    await refresh("/v1/sequences", "/v1/campaigns", "/v1/summary");
  };
  const items: What[] = [
    ...(canSend && state === "active" ? (["finish"] as const) : []),
    ...(canSend && ["active", "paused", "finished"].includes(state) ? (["stop"] as const) : []),
    ...(canWrite && mayDelete ? (["delete"] as const) : []),
  ];
  const label = (what: What) => (what === "delete" ? t("common.delete") : t(`sequences.${what}`));
  return (
    <>
      {items.length > 0 ? (
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="default" size={36} aria-label={t("common.menu")}>
              <IconDots size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {items.map((what) => (
              <Menu.Item key={what} color={what === "finish" ? undefined : "red"} onClick={() => setAsking(what)}>
                {label(what)}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      ) : null}
      {canSend && state === "active" ? (
        <Button variant="default" leftSection={<IconPlayerPause size={16} />} onClick={() => setAsking("pause")}>
          {t("sequences.pause")}
        </Button>
      ) : null}
      {canSend && ["draft", "paused", "finished"].includes(state) ? (
        <Button leftSection={<IconPlayerPlay size={16} />} onClick={() => setAsking("activate")}>
          {t("sequences.activate")}
        </Button>
      ) : null}
      <ConfirmDialog
        opened={asking !== null}
        onClose={() => setAsking(null)}
        title={asking ? t(`sequences.ask_${asking}`) : ""}
        confirm={asking ? label(asking) : ""}
        danger={asking === "stop" || asking === "delete"}
        onConfirm={confirm}
      >
        {asking ? (
          <>
            <Text fw={600}>{sequence.name}</Text>
            <Text size="sm" c="dimmed" mt="xs">
              {t(`sequences.ask_${asking}_help`)}
            </Text>
          </>
        ) : null}
      </ConfirmDialog>
    </>
  );
}
