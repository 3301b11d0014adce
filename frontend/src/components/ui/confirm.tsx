import { Alert, Button, Group, Stack } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { problemText } from "@/api/problem-text";
import { useT } from "@/i18n";
import { Dialog } from "./dialog";

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** Says exactly what will happen. */
  children: ReactNode;
  confirm: string;
  danger?: boolean;
  disabled?: boolean;
  onConfirm: () => Promise<unknown>;
}

/** Asks before something that can't be taken back. A refusal of the server is shown here, and the dialog stays. */
export function ConfirmDialog(props: Props) {
  const t = useT();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const close = () => {
    // What was begun is not hidden: its answer is still to be shown.
    if (busy) {
      return;
    }
    setError(null);
    props.onClose();
  };
  const confirm = async () => {
    setBusy(true);
    setError(null);
    try {
      await props.onConfirm();
      props.onClose();
    } catch (cause) {
      setError(problemText(cause));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog opened={props.opened} onClose={close} title={props.title}>
      <Stack gap="md">
        <div>{props.children}</div>
        {error ? (
          <Alert color="red" variant="outline" role="alert">
            {error}
          </Alert>
        ) : null}
        <Group justify="flex-end">
          {/* Enter alone doesn't destroy anything. */}
          <Button variant="default" onClick={close} disabled={busy} data-autofocus={props.danger || undefined}>
            {t("common.cancel")}
          </Button>
          <Button
            color={props.danger ? "red.9" : undefined}
            loading={busy}
            disabled={props.disabled}
            onClick={() => void confirm()}
            data-autofocus={!props.danger || undefined}
          >
            {props.confirm}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
