import { Stepper } from "@mantine/core";
import classes from "./steps.module.css";

/** The way through a wizard. On a phone only the present step has its name beside the number. */
export function Steps(props: { labels: readonly string[]; active: number; onStep?: (index: number) => void }) {
  return (
    <Stepper
      active={props.active}
      onStepClick={props.onStep}
      allowNextStepsSelect={props.onStep !== undefined}
      size="xs"
      mb="md"
      wrap={false}
      classNames={{ step: classes.step, stepBody: classes.body }}
    >
      {props.labels.map((label, index) => (
        <Stepper.Step key={label} label={label} aria-label={`${index + 1}. ${label}`} />
      ))}
    </Stepper>
  );
}
