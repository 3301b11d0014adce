import { Steps } from "@/components/ui/steps";
import { useT } from "@/i18n";

export function ImportSteps(props: { active: number }) {
  const t = useT();
  const labels = [t("imports.step_file"), t("imports.step_mapping"), t("imports.step_check"), t("imports.step_run")];
  return <Steps labels={labels} active={props.active} />;
}
