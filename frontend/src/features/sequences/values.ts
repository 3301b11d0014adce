import type { Sequence, SequenceRule, SequenceStep } from "@/api/types";

/** A step while it is written. */
export interface StepValues {
  key: string;
  id: string | null;
  mail_id: string | null;
  delay: number | string;
  unit: SequenceStep["unit"];
  at: string;
  reaction: string | null;
  list_ids: string[];
  exclude_list_ids: string[];
}

export interface Values {
  name: string;
  entry: Sequence["entry"]["kind"];
  list_id: string | null;
  field: string | null;
  side: "before" | "on" | "after";
  days: number | string;
  repeat: "yearly" | "once";
  leave_with_list: boolean;
  reenter: boolean;
  cap_exempt: boolean;
  steps: StepValues[];
}

let lastKey = 0;

export function newStep(): StepValues {
  lastKey += 1;
  return {
    key: `new-${lastKey}`,
    id: null,
    mail_id: null,
    delay: 1,
    unit: "days",
    at: "09:00",
    reaction: null,
    list_ids: [],
    exclude_list_ids: [],
  };
}

function stepValues(step: SequenceStep): StepValues {
  return {
    ...newStep(),
    key: step.id ?? "",
    id: step.id ?? null,
    mail_id: step.mail_id,
    delay: step.delay,
    unit: step.unit,
    at: step.at ?? "",
    reaction: step.condition?.reaction ?? null,
    list_ids: step.condition?.list_ids ?? [],
    exclude_list_ids: step.condition?.exclude_list_ids ?? [],
  };
}

export function valuesOf(sequence: Sequence | null): Values {
  const days = sequence?.entry.offset_days ?? 0;
  return {
    name: sequence?.name ?? "",
    entry: sequence?.entry.kind ?? "manual",
    list_id: sequence?.entry.list_id ?? null,
    field: sequence?.entry.field ?? null,
    side: days === 0 ? "on" : days < 0 ? "before" : "after",
    days: Math.abs(days) || 7,
    repeat: sequence?.entry.repeat ?? "once",
    leave_with_list: sequence?.leave_with_list ?? false,
    reenter: sequence?.reenter ?? false,
    cap_exempt: sequence?.cap_exempt ?? true,
    steps: sequence ? sequence.steps.map(stepValues) : [{ ...newStep(), delay: 0, unit: "minutes", at: "" }],
  };
}

/** What is sent to the server. */
export function ruleOf(values: Values, time_zone: string): SequenceRule {
  const days = values.side === "on" ? 0 : values.side === "before" ? -Number(values.days) : Number(values.days);
  return {
    name: values.name.trim(),
    time_zone,
    entry: {
      kind: values.entry,
      ...(values.entry === "list" ? { list_id: values.list_id } : {}),
      ...(values.entry === "date" ? { field: values.field, offset_days: days, repeat: values.repeat } : {}),
    },
    leave_with_list: values.entry === "list" && values.leave_with_list,
    reenter: values.reenter,
    cap_exempt: values.cap_exempt,
    steps: values.steps.map((step) => ({
      ...(step.id ? { id: step.id } : {}),
      mail_id: step.mail_id ?? "",
      delay: Number(step.delay),
      unit: step.unit,
      ...(step.unit === "days" && step.at ? { at: step.at } : {}),
      condition: {
        ...(step.reaction ? { reaction: step.reaction as "opened" } : {}),
        list_ids: step.list_ids,
        exclude_list_ids: step.exclude_list_ids,
      },
    })),
  };
}

/** The step at `from` stands at `to` afterwards. */
export function moved<T>(items: readonly T[], from: number, to: number): T[] {
  const rest = items.filter((_, index) => index !== from);
  const item = items[from];
  return item === undefined ? [...items] : [...rest.slice(0, to), item, ...rest.slice(to)];
}
