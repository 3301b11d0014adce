import { ActionIcon, Group, NumberInput, Select, Stack, Text } from "@mantine/core";
import { TimeInput } from "@mantine/dates";
import type { UseFormReturnType } from "@mantine/form";
import { IconArrowDown, IconArrowUp, IconTrash } from "@tabler/icons-react";
import { ListsSelect } from "@/components/pickers/lists-select";
import { MailSelect, useMailSearch } from "@/components/pickers/mail";
import { useT } from "@/i18n";
import classes from "./step-card.module.css";
import { useDelayText } from "./text";
import { moved, type Values } from "./values";

interface Props {
  form: UseFormReturnType<Values>;
  index: number;
  disabled: boolean;
}

/** One step of the timeline: when, which mail, to whom. */
export function StepCard({ form, index, disabled }: Props) {
  const t = useT();
  const delayText = useDelayText();
  const step = form.values.steps[index];
  const mails = useMailSearch(step?.mail_id ?? null);
  if (!step) {
    return null;
  }
  const number = index + 1;
  const last = form.values.steps.length - 1;
  const move = (to: number) => form.setFieldValue("steps", moved(form.values.steps, index, to));
  const input = (name: string) => ({ ...form.getInputProps(`steps.${index}.${name}`), disabled });
  const says = delayText({ delay: Number(step.delay), unit: step.unit, at: step.at || undefined }, index === 0);
  return (
    <li className={classes.step}>
      <span className={classes.number} aria-hidden>
        {number}
      </span>
      <Stack gap="xs" component="fieldset" m={0} p={0} style={{ border: 0, minWidth: 0 }}>
        <Group justify="space-between" wrap="nowrap">
          <Text component="legend" fw={600} p={0}>
            {t("sequences.step_title", { number, when: says })}
          </Text>
          {disabled ? null : (
            <Group gap={2} wrap="nowrap">
              <ActionIcon
                variant="subtle"
                color="gray"
                disabled={index === 0}
                onClick={() => move(index - 1)}
                aria-label={t("sequences.move_up", { number })}
              >
                <IconArrowUp size={16} />
              </ActionIcon>
              <ActionIcon
                variant="subtle"
                color="gray"
                disabled={index === last}
                onClick={() => move(index + 1)}
                aria-label={t("sequences.move_down", { number })}
              >
                <IconArrowDown size={16} />
              </ActionIcon>
              <ActionIcon
                variant="subtle"
                color="gray"
                disabled={last === 0}
                onClick={() => form.removeListItem("steps", index)}
                aria-label={t("sequences.remove_step", { number })}
              >
                <IconTrash size={16} />
              </ActionIcon>
            </Group>
          )}
        </Group>
        <Group gap="xs" align="flex-start">
          <NumberInput label={t("sequences.delay")} min={0} max={525_600} w={100} {...input("delay")} />
          <Select
            label={t("sequences.unit")}
            w={110}
            allowDeselect={false}
            data={(["minutes", "hours", "days"] as const).map((unit) => ({
              value: unit,
              label: t(`sequences.unit_${unit}`),
            }))}
            {...input("unit")}
          />
          {step.unit === "days" ? <TimeInput label={t("sequences.at")} w={120} {...input("at")} /> : null}
          <MailSelect search={mails} style={{ flex: "1 1 220px" }} {...input("mail_id")} />
        </Group>
        <Group gap="xs" align="flex-start">
          {index > 0 || step.reaction ? (
            // Before the first step there is no mail to react to: a condition that came there by moving can be taken out.
            <Select
              label={t("sequences.reaction")}
              placeholder={t("sequences.reaction_any")}
              style={{ flex: "1 1 220px" }}
              clearable
              clearButtonProps={{ "aria-label": t("picker.clear") }}
              data={(["opened", "not_opened", "clicked", "not_clicked"] as const).map((reaction) => ({
                value: reaction,
                label: t(`sequences.reaction_${reaction}`),
              }))}
              {...input("reaction")}
            />
          ) : null}
          <div style={{ flex: "1 1 220px" }}>
            <ListsSelect
              label={t("sequences.only_lists")}
              disabled={disabled}
              value={step.list_ids}
              onChange={(ids) => form.setFieldValue(`steps.${index}.list_ids`, ids)}
            />
          </div>
          <div style={{ flex: "1 1 220px" }}>
            <ListsSelect
              label={t("sequences.not_lists")}
              disabled={disabled}
              value={step.exclude_list_ids}
              onChange={(ids) => form.setFieldValue(`steps.${index}.exclude_list_ids`, ids)}
            />
          </div>
        </Group>
      </Stack>
    </li>
  );
}

export const timeline = classes.list;
