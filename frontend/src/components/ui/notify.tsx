import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { problemText } from "@/api/problem-text";
import { translate } from "@/i18n";

// Nothing is announced before the person has done something: the library comes after the first page.
const load = () => import("@mantine/notifications");

export function notifyDone(message: string): void {
  void load().then(({ notifications }) =>
    notifications.show({
      message,
      color: "accent",
      icon: <IconCheck size={16} />,
      autoClose: 4_000,
      withBorder: true,
      closeButtonProps: { "aria-label": translate("common.close") },
    }),
  );
}

export function notifyProblem(error: unknown): void {
  const message = problemText(error);
  void load().then(({ notifications }) =>
    notifications.show({
      message,
      color: "red",
      icon: <IconAlertTriangle size={16} />,
      autoClose: 10_000,
      withBorder: true,
      role: "alert",
      closeButtonProps: { "aria-label": translate("common.close") },
    }),
  );
}
