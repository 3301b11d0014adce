import { Button, Group, Modal, Text } from "@mantine/core";
import { useT } from "@/i18n";

/** The last minute before the idle log-out. */
export default function IdleWarning(props: { secondsLeft: number; onStay: () => void; onLeave: () => void }) {
  const t = useT();
  return (
    <Modal
      opened
      onClose={props.onStay}
      title={t("idle.title")}
      closeOnClickOutside={false}
      closeButtonProps={{ "aria-label": t("common.close") }}
      size="sm"
    >
      <Text mb="md" role="timer">
        {t("idle.body", { count: props.secondsLeft })}
      </Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={props.onLeave}>
          {t("auth.sign_out")}
        </Button>
        <Button onClick={props.onStay} data-autofocus>
          {t("idle.stay")}
        </Button>
      </Group>
    </Modal>
  );
}
