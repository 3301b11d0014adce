import { Drawer, type DrawerProps, Modal, type ModalProps } from "@mantine/core";
import { useT } from "@/i18n";
import { useFocusReturn } from "./focus-return";

/** The one dialog of the product: its cross has a name, and the focus comes back to where it was. */
export function Dialog(props: ModalProps) {
  const t = useT();
  useFocusReturn(props.opened);
  return <Modal closeButtonProps={{ "aria-label": t("common.close") }} {...props} />;
}

/** The same at the side, for details of a row. */
export function SidePanel(props: DrawerProps) {
  const t = useT();
  useFocusReturn(props.opened);
  return <Drawer closeButtonProps={{ "aria-label": t("common.close") }} {...props} />;
}
