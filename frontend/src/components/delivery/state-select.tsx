import { Select } from "@mantine/core";
import type { DeliveryState } from "@/api/types";
import { useT } from "@/i18n";
import { deliveryStates } from "./states";

/** Narrows a table of deliveries to one state, or to none. */
export function DeliveryStateSelect(props: {
  value: DeliveryState | undefined;
  onChange: (state: DeliveryState | undefined) => void;
}) {
  const t = useT();
  return (
    <Select
      aria-label={t("recipients.state")}
      placeholder={t("recipients.state")}
      w={160}
      clearable
      clearButtonProps={{ "aria-label": t("picker.clear") }}
      data={deliveryStates.map((state) => ({ value: state, label: t(`delivery_state.${state}`) }))}
      value={props.value ?? null}
      onChange={(state) => props.onChange((state as DeliveryState | null) ?? undefined)}
    />
  );
}
