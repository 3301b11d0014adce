import { Text } from "@mantine/core";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { User } from "@/api/types";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { type Key, useT } from "@/i18n";

interface Props {
  user: User;
  onClose: () => void;
}

/** Logs another person out everywhere. */
export function EndSessions(props: Props) {
  const end = api.useMutation("delete", "/v1/users/{id}/sessions");
  return (
    <UserAct
      {...props}
      title="users.end_sessions"
      body="users.end_sessions_body"
      confirm="users.end_sessions_confirm"
      done="users.end_sessions_done"
      act={(path) => end.mutateAsync({ params: { path } })}
    />
  );
}

/** For a person who lost phone and recovery codes. */
export function ResetFactors(props: Props) {
  const reset = api.useMutation("delete", "/v1/users/{id}/second-factors");
  return (
    <UserAct
      {...props}
      title="factor.reset"
      body="factor.reset_body"
      confirm="factor.reset_confirm"
      done="factor.reset_done"
      act={(path) => reset.mutateAsync({ params: { path } })}
    />
  );
}

interface ActProps extends Props, Record<"title" | "body" | "confirm" | "done", Key> {
  act: (path: { id: string }) => Promise<unknown>;
}

/** Asks before it takes something from another person's log-in. */
function UserAct({ user, onClose, act, ...words }: ActProps) {
  const t = useT();
  return (
    <ConfirmDialog
      opened
      danger
      onClose={onClose}
      title={t(words.title)}
      confirm={t(words.confirm)}
      onConfirm={async () => {
        await act({ id: user.id });
        await refresh("/v1/users");
        notifyDone(t(words.done));
      }}
    >
      <Text size="sm">{t(words.body, { name: user.display_name })}</Text>
    </ConfirmDialog>
  );
}
