import { Button, Group, Stack } from "@mantine/core";
import type { FormEventHandler, ReactNode } from "react";
import { Dialog } from "@/components/ui/dialog";
import { useT } from "@/i18n";
import { FormError } from "./form-error";

interface Props {
  title: string;
  size?: "lg";
  /** A click beside it doesn't throw away what was typed. */
  dirty: boolean;
  busy: boolean;
  error: string | null;
  /** What the button does, where "save" would not say it. */
  submit?: string;
  autoComplete?: "off";
  onSubmit: FormEventHandler<HTMLFormElement>;
  onClose: () => void;
  children: ReactNode;
}

/** A form in a dialog: what the server refused above the fields, cancel and save below. */
export function FormDialog(props: Props) {
  const t = useT();
  return (
    <Dialog opened size={props.size} onClose={props.onClose} title={props.title} closeOnClickOutside={!props.dirty}>
      <form onSubmit={props.onSubmit} noValidate autoComplete={props.autoComplete}>
        <Stack gap="sm">
          <FormError message={props.error} />
          {props.children}
          <Group justify="flex-end" mt="xs">
            <Button variant="default" onClick={props.onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={props.busy}>
              {props.submit ?? t("common.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
