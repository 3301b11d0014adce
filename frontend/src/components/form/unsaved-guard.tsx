import { Button, Group, Text } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Dialog } from "@/components/ui/dialog";
import { useT } from "@/i18n";

interface Props {
  dirty: boolean;
  /** Where a page saves by itself: saves now and answers whether that worked. Only if not, the person is asked. */
  save?: () => Promise<boolean>;
}

/** Asks before a page with unsaved changes is left, by a link, by "back", or by closing the tab. */
export function UnsavedGuard(props: Props) {
  const t = useT();
  const latest = useRef(props);
  latest.current = props;
  const [asking, setAsking] = useState(false);
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) =>
      latest.current.dirty && current.pathname !== next.pathname && next.pathname !== "/login",
    enableBeforeUnload: () => latest.current.dirty,
    withResolver: true,
  });
  const { status, proceed } = blocker;
  useEffect(() => {
    if (status !== "blocked") {
      setAsking(false);
      return;
    }
    let over = false;
    const saved = latest.current.save?.() ?? Promise.resolve(false);
    void saved.then((worked) => {
      if (over) {
        return;
      }
      if (worked) {
        proceed?.();
      } else {
        setAsking(true);
      }
    });
    return () => {
      over = true;
    };
  }, [status, proceed]);
  return (
    <Dialog opened={asking} onClose={() => blocker.reset?.()} title={t("form.unsaved_title")}>
      <Text mb="md">{t("form.unsaved_body")}</Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={() => blocker.reset?.()} data-autofocus>
          {t("common.back")}
        </Button>
        <Button color="red.9" onClick={() => blocker.proceed?.()}>
          {t("form.unsaved_leave")}
        </Button>
      </Group>
    </Dialog>
  );
}
