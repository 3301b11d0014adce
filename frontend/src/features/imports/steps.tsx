import { Stepper } from "@mantine/core";
import { useT } from "@/i18n";

export function ImportSteps(props: { active: number }) {
  const t = useT();
  return (
    <Stepper active={props.active} size="xs" mb="md" allowNextStepsSelect={false} wrap={false}>
      <Stepper.Step label={t("imports.step_file")} />
      <Stepper.Step label={t("imports.step_mapping")} />
      <Stepper.Step label={t("imports.step_check")} />
      <Stepper.Step label={t("imports.step_run")} />
    </Stepper>
  );
}
