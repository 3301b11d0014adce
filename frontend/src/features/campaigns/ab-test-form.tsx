import { Button, Group, NumberInput, Select, SimpleGrid, Stack, Switch, Text } from "@mantine/core";
import { useState } from "react";
import { problemForForm } from "@/api/problem-text";
import type { Campaign, Mail } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone, notifyProblem } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { draftOf, letterOf, newTest, planOf, splitOf, type TestDraft, twinOf } from "./ab-test";
import { Variants } from "./ab-test-variants";
import { updateCampaign } from "./queries";

const shares = [5, 10, 20, 30, 40, 50, 100];
const [fewestHours, mostHours] = [0.5, 168];

interface Props {
  campaign: Campaign;
  /** What is sent where a variant says nothing else. */
  mail: Mail | undefined;
  /** How many get the campaign. */
  people: number;
  disabled: boolean;
  /** Whether something waits to be saved. */
  onDirty: (dirty: boolean) => void;
}

/** Best hour and A/B test of a draft. */
export default function AbTestForm({ campaign, mail, people, disabled, onDirty }: Props) {
  const t = useT();
  const test = campaign.ab_test ?? null;
  const [draft, setDraft] = useState<TestDraft | null>(test ? draftOf(test) : null);
  const [dirty, setDirty] = useState(false);
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const [fields, setFields] = useState<Record<string, string>>({});
  const [error, setError] = useState<string | null>(null);
  const mark = (next: boolean) => {
    setDirty(next);
    onDirty(next);
  };
  const change = (next: TestDraft | null) => {
    setDraft(next);
    setFields({});
    setError(null);
    mark(next !== null);
  };
  const hasWinner = draft !== null && draft.share < 100;
  const save = async (next: TestDraft) => {
    const found = problemsOf(next, t);
    const clash = hasWinner && campaign.best_hour ? t("best_hour.not_with_test") : null;
    setFields(found);
    setError(clash);
    if (clash || Object.keys(found).length > 0) {
      return;
    }
    setBusy(true);
    try {
      await updateCampaign(campaign, { ab_test: planOf(next) });
      mark(false);
      setError(null);
      notifyDone(t("ab.saved"));
    } catch (cause) {
      const problem = problemForForm(cause, fieldNames(next));
      setFields(problem.fields);
      setError(problem.form);
    } finally {
      setBusy(false);
    }
  };
  const toggle = (on: boolean) => (on ? change(newTest) : test ? setAsking(true) : change(null));
  return (
    <Stack gap="md">
      <BestHour campaign={campaign} disabled={disabled} excluded={hasWinner} />
      <Switch
        label={t("ab.on")}
        description={t("ab.help")}
        checked={draft !== null}
        disabled={disabled || busy}
        onChange={(event) => toggle(event.currentTarget.checked)}
      />
      {draft ? (
        <fieldset
          disabled={disabled}
          style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}
          aria-label={t("ab.title")}
        >
          <Stack gap="md">
            <FormError message={error} />
            <Rule draft={draft} people={people} fields={fields} onChange={change} />
            <Variants draft={draft} mail={mail} fields={fields} onChange={change} />
            <Group justify="space-between">
              <Text size="sm" role="status">
                {dirty ? t("ab.unsaved") : null}
              </Text>
              <Button variant="default" loading={busy} disabled={!dirty} onClick={() => void save(draft)}>
                {t("ab.save")}
              </Button>
            </Group>
          </Stack>
        </fieldset>
      ) : null}
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={t("ab.off_title")}
        confirm={t("ab.off")}
        danger
        onConfirm={async () => {
          await updateCampaign(campaign, { ab_test: null });
          change(null);
          notifyDone(t("ab.off_done"));
        }}
      >
        <Text size="sm">{t("ab.off_body")}</Text>
      </ConfirmDialog>
    </Stack>
  );
}

/** What can be told before the server is asked. */
function problemsOf(draft: TestDraft, t: ReturnType<typeof useT>): Record<string, string> {
  const found: Record<string, string> = {};
  const hours = Number(draft.hours);
  if (draft.hours === "" || hours < fewestHours || hours > mostHours) {
    found["ab_test.wait_minutes"] = t("rules.range", { min: fewestHours, max: mostHours });
  }
  draft.variants.forEach((_, index) => {
    const twin = twinOf(draft.variants, index);
    if (twin >= 0) {
      found[`ab_test.variants.${index}`] = t("ab.same", { letter: letterOf(twin + 1) });
    }
  });
  return found;
}

/** The inner ones first, so that an error finds the field and not only its variant. */
const fieldNames = (draft: TestDraft) => [
  "ab_test.wait_minutes",
  ...draft.variants.flatMap((variant, index) => [
    ...Object.keys(variant).map((name) => `ab_test.variants.${index}.${name}`),
    `ab_test.variants.${index}`,
  ]),
];

function BestHour(props: { campaign: Campaign; disabled: boolean; excluded: boolean }) {
  const t = useT();
  const { campaign, excluded } = props;
  const isEach = campaign.best_hour ?? false;
  return (
    <Select
      label={t("best_hour.label")}
      description={t(excluded ? "best_hour.not_with_test" : "best_hour.help")}
      // Back to "all at once" is always open: it is what a test asks for.
      disabled={props.disabled || (excluded && !isEach)}
      error={excluded && isEach ? t("best_hour.not_with_test") : undefined}
      allowDeselect={false}
      maw={420}
      data={[
        { value: "same", label: t("best_hour.same") },
        { value: "each", label: t("best_hour.each") },
      ]}
      value={isEach ? "each" : "same"}
      onChange={(next) => void updateCampaign(campaign, { best_hour: next === "each" }).catch(notifyProblem)}
    />
  );
}

interface RuleProps {
  draft: TestDraft;
  people: number;
  fields: Record<string, string>;
  onChange: (next: TestDraft) => void;
}

/** Who gets the test, and how its winner is found. */
function Rule({ draft, people, fields, onChange }: RuleProps) {
  const t = useT();
  const kept = shares.includes(draft.share) ? shares : [...shares, draft.share].sort((a, b) => a - b);
  const hasWinner = draft.share < 100;
  return (
    <div>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
        <Select
          label={t("ab.share")}
          allowDeselect={false}
          data={kept.map((share) => ({
            value: String(share),
            label: share === 100 ? t("ab.share_all") : t("ab.share_part", { share }),
          }))}
          value={String(draft.share)}
          onChange={(next) => next && onChange({ ...draft, share: Number(next) })}
        />
        {hasWinner ? (
          <Select
            label={t("ab.metric")}
            allowDeselect={false}
            data={(["opens", "clicks"] as const).map((value) => ({ value, label: t(`ab.metric_${value}`) }))}
            value={draft.metric}
            onChange={(next) => next && onChange({ ...draft, metric: next as TestDraft["metric"] })}
          />
        ) : null}
        {hasWinner ? (
          <Select
            label={t("ab.decision")}
            allowDeselect={false}
            data={(["automatic", "manual"] as const).map((value) => ({ value, label: t(`ab.decision_${value}`) }))}
            value={draft.decision}
            onChange={(next) => next && onChange({ ...draft, decision: next as TestDraft["decision"] })}
          />
        ) : null}
        {hasWinner && draft.decision === "automatic" ? (
          <NumberInput
            label={t("ab.wait")}
            description={t("ab.wait_help")}
            // Beside a field without a description both inputs stand in one line.
            inputWrapperOrder={["label", "input", "description", "error"]}
            min={fewestHours}
            max={mostHours}
            step={0.5}
            value={draft.hours}
            error={fields["ab_test.wait_minutes"]}
            onChange={(hours) => onChange({ ...draft, hours })}
          />
        ) : null}
      </SimpleGrid>
      <Text size="sm" c="dimmed" mt="xs">
        {t(hasWinner ? "ab.split" : "ab.split_all", splitOf(people, draft.share, draft.variants.length))}
      </Text>
    </div>
  );
}
