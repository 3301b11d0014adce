import { Text } from "@mantine/core";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { User } from "@/api/types";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

interface Props {
  user: User;
  onClose: () => void;
}

/** Logs another person out everywhere. */
export function EndSessions(props: Props) {
  const end = api.useMutation("delete", "/v1/users/{id}/sessions");
  return <UserAct {...props} words="users.end_sessions" act={(path) => end.mutateAsync({ params: { path } })} />;
}

/** For a person who lost phone and recovery codes. */
export function ResetFactors(props: Props) {
  const reset = api.useMutation("delete", "/v1/users/{id}/second-factors");
  return <UserAct {...props} words="factor.reset" act={(path) => reset.mutateAsync({ params: { path } })} />;
}

interface ActProps extends Props {
  /** The title's key; the others begin with it. */
  words: "users.end_sessions" | "factor.reset";
  act: (path: { id: string }) => Promise<unknown>;
}

/** Asks before it takes something from another person's log-in. */
function UserAct({ user, words, act, onClose }: ActProps) {
  const t = useT();
  return (
    <ConfirmDialog
      opened
      danger
      onClose={onClose}
      title={t(words)}
      confirm={t(`${words}_confirm`)}
      onConfirm={async () => {
        await act({ id: user.id });
        await refresh("/v1/users");
        notifyDone(t(`${words}_done`));
      }}
    >
      <Text size="sm">{t(`${words}_body`, { name: user.display_name })}</Text>
    </ConfirmDialog>
  );
}
