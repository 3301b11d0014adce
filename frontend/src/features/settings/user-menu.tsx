import { ActionIcon, Menu } from "@mantine/core";
import { IconDots, IconKey, IconLogout, IconMail, IconMailOff, IconPencil } from "@tabler/icons-react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { User } from "@/api/types";
import { notifyDone, notifyProblem } from "@/components/ui/notify";
import { type Key, useT } from "@/i18n";

/** What can be done with a person of the list. */
export function UserRowMenu(props: { user: User; isSelf: boolean; onEdit: () => void; onEndSessions: () => void }) {
  const t = useT();
  const { user } = props;
  const params = { path: { id: user.id } };
  const invite = api.useMutation("post", "/v1/users/{id}/invitation");
  const revoke = api.useMutation("delete", "/v1/users/{id}/invitation");
  const reset = api.useMutation("post", "/v1/users/{id}/password-reset");
  const act = async (work: () => Promise<unknown>, done: Key) => {
    try {
      await work();
      await refresh("/v1/users");
      notifyDone(t(done));
    } catch (cause) {
      notifyProblem(cause);
    }
  };
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`${t("common.menu")}: ${user.display_name}`}
          loading={invite.isPending || revoke.isPending || reset.isPending}
        >
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconPencil size={16} />} onClick={props.onEdit}>
          {t("common.edit")}
        </Menu.Item>
        {user.state === "invited" ? (
          <Menu.Item
            leftSection={<IconMail size={16} />}
            onClick={() => void act(() => invite.mutateAsync({ params }), "users.invited_done")}
          >
            {t("users.invite_again")}
          </Menu.Item>
        ) : null}
        {user.state === "invited" && user.invitation_expires_at ? (
          <Menu.Item
            leftSection={<IconMailOff size={16} />}
            onClick={() => void act(() => revoke.mutateAsync({ params }), "users.revoked")}
          >
            {t("users.revoke")}
          </Menu.Item>
        ) : null}
        {user.state === "active" && !props.isSelf ? (
          <Menu.Item
            leftSection={<IconKey size={16} />}
            onClick={() => void act(() => reset.mutateAsync({ params }), "users.reset_sent")}
          >
            {t("users.send_reset")}
          </Menu.Item>
        ) : null}
        {user.state === "active" && !props.isSelf ? (
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={props.onEndSessions}>
            {t("users.end_sessions")}
          </Menu.Item>
        ) : null}
      </Menu.Dropdown>
    </Menu>
  );
}
