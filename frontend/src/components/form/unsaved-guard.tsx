import { Button, Group, Modal, Text } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { useT } from "@/i18n";

/** Asks before a page with unsaved changes is left, by a link, by "back", or by closing the tab. */
export function UnsavedGuard(props: { dirty: boolean }) {
  const t = useT();
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) =>
      props.dirty && current.pathname !== next.pathname && next.pathname !== "/login",
    enableBeforeUnload: () => props.dirty,
    withResolver: true,
  });
  return (
    <Modal
      opened={blocker.status === "blocked"}
      onClose={() => blocker.reset?.()}
      title={t("form.unsaved_title")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Text mb="md">{t("form.unsaved_body")}</Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={() => blocker.reset?.()} data-autofocus>
          {t("common.back")}
        </Button>
        <Button color="red.9" onClick={() => blocker.proceed?.()}>
          {t("form.unsaved_leave")}
        </Button>
      </Group>
    </Modal>
  );
}
