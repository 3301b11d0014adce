import { Alert, Button, Group, NumberInput, Select, SimpleGrid, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { toProblem } from "@/api/problem";
import type { Campaign } from "@/api/types";
import { MailSelect, useMailSearch } from "@/components/pickers/mail";
import { notifyDone, notifyProblem } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { letterOf } from "./ab-test";
import { updateCampaign } from "./queries";

type Test = NonNullable<Campaign["ab_test"]>;
type Variant = { mail_id: string | null; subject: string; sender_name: string; sender_address: string };
type Draft = Pick<Test, "share" | "metric" | "decision"> & { hours: number; variants: Variant[] };

const shares = [5, 10, 20, 30, 40, 50, 100];
const most = 5;
const bare: Variant = { mail_id: null, subject: "", sender_name: "", sender_address: "" };

const draftOf = (test: Campaign["ab_test"]): Draft =>
  test
    ? {
        ...test,
        hours: test.wait_minutes / 60,
        variants: test.variants.map((variant) => ({
          mail_id: variant.mail_id ?? null,
          subject: variant.subject ?? "",
          sender_name: variant.sender_name ?? "",
          sender_address: variant.sender_address ?? "",
        })),
      }
    : { share: 20, metric: "opens", decision: "automatic", hours: 4, variants: [bare, bare] };

const planOf = (draft: Draft) => ({
  share: draft.share,
  metric: draft.metric,
  decision: draft.decision,
  wait_minutes: Math.round(draft.hours * 60),
  variants: draft.variants.map((variant) => ({
    mail_id: variant.mail_id,
    subject: variant.subject.trim() || null,
    sender_name: variant.sender_name.trim() || null,
    sender_address: variant.sender_address.trim() || null,
  })),
});

interface Props {
  campaign: Campaign;
  disabled: boolean;
  /** Whether something waits to be saved. */
  onDirty: (dirty: boolean) => void;
}

/** Best hour and A/B test of a draft. */
export default function AbTestForm({ campaign, disabled, onDirty }: Props) {
  const t = useT();
  const test = campaign.ab_test ?? null;
  const [draft, setDraft] = useState<Draft | null>(test ? draftOf(test) : null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const change = (next: Draft | null) => {
    setDraft(next);
    setError(null);
    onDirty(next !== null);
  };
  const save = async (next: Draft | null) => {
    setBusy(true);
    try {
      await updateCampaign(campaign, { ab_test: next ? planOf(next) : null });
      onDirty(false);
      setError(null);
      notifyDone(t(next ? "ab.saved" : "ab.off_done"));
    } catch (cause) {
      const problem = toProblem(cause);
      setError(
        problem.errors?.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("\n") || problem.detail || "",
      );
    } finally {
      setBusy(false);
    }
  };
  const toggle = (on: boolean) => {
    change(on ? draftOf(null) : null);
    if (!on && test) {
      void save(null);
    }
  };
  const hasWinner = draft !== null && draft.share < 100;
  return (
    <Stack gap="md">
      <BestHour campaign={campaign} disabled={disabled || hasWinner} excluded={hasWinner} />
      <Switch
        label={t("ab.on")}
        description={t("ab.help")}
        checked={draft !== null}
        disabled={disabled || busy}
        onChange={(event) => toggle(event.currentTarget.checked)}
      />
      {draft ? (
        <fieldset disabled={disabled} style={{ border: 0, padding: 0, margin: 0 }} aria-label={t("ab.title")}>
          <Stack gap="md">
            <Rule draft={draft} onChange={change} />
            <Variants draft={draft} onChange={change} />
            {error ? (
              <Alert color="red" variant="outline" role="alert" style={{ whiteSpace: "pre-line" }}>
                {error}
              </Alert>
            ) : null}
            <Group>
              <Button variant="default" loading={busy} onClick={() => void save(draft)}>
                {t("ab.save")}
              </Button>
            </Group>
          </Stack>
        </fieldset>
      ) : null}
    </Stack>
  );
}

function BestHour(props: { campaign: Campaign; disabled: boolean; excluded: boolean }) {
  const t = useT();
  const { campaign } = props;
  return (
    <Select
      label={t("best_hour.label")}
      description={t(props.excluded ? "best_hour.not_with_test" : "best_hour.help")}
      disabled={props.disabled}
      allowDeselect={false}
      maw={420}
      data={[
        { value: "same", label: t("best_hour.same") },
        { value: "each", label: t("best_hour.each") },
      ]}
      value={campaign.best_hour ? "each" : "same"}
      onChange={(next) => void updateCampaign(campaign, { best_hour: next === "each" }).catch(notifyProblem)}
    />
  );
}

interface PartProps {
  draft: Draft;
  onChange: (next: Draft) => void;
}

function Rule({ draft, onChange }: PartProps) {
  const t = useT();
  const kept = shares.includes(draft.share) ? shares : [...shares, draft.share].sort((a, b) => a - b);
  return (
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
      {draft.share < 100 ? (
        <>
          <Select
            label={t("ab.metric")}
            allowDeselect={false}
            data={(["opens", "clicks"] as const).map((value) => ({ value, label: t(`ab.metric_${value}`) }))}
            value={draft.metric}
            onChange={(next) => next && onChange({ ...draft, metric: next as Draft["metric"] })}
          />
          <Select
            label={t("ab.decision")}
            allowDeselect={false}
            data={(["automatic", "manual"] as const).map((value) => ({ value, label: t(`ab.decision_${value}`) }))}
            value={draft.decision}
            onChange={(next) => next && onChange({ ...draft, decision: next as Draft["decision"] })}
          />
          {draft.decision === "automatic" ? (
            <NumberInput
              label={t("ab.wait")}
              description={t("ab.wait_help")}
              min={0.5}
              max={168}
              step={0.5}
              value={draft.hours}
              onChange={(next) => typeof next === "number" && onChange({ ...draft, hours: next })}
            />
          ) : null}
        </>
      ) : null}
    </SimpleGrid>
  );
}

const lines = [
  ["subject", 998],
  ["sender_name", 200],
  ["sender_address", 320],
] as const;

function Variants({ draft, onChange }: PartProps) {
  const t = useT();
  const set = (index: number, part: Partial<Variant>) =>
    onChange({ ...draft, variants: draft.variants.map((old, i) => (i === index ? { ...old, ...part } : old)) });
  return (
    <>
      {draft.variants.map((variant, index) => {
        const letter = letterOf(index + 1);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a variant is its place: A, B and so on
          <Stack key={index} gap="xs" role="group" aria-label={t("ab.variant", { letter })}>
            <Group justify="space-between">
              <Text fw={600}>{t("ab.variant", { letter })}</Text>
              {draft.variants.length > 2 ? (
                <Button
                  size="compact-sm"
                  variant="subtle"
                  aria-label={t("ab.remove", { letter })}
                  onClick={() => onChange({ ...draft, variants: draft.variants.filter((_, i) => i !== index) })}
                >
                  {t("common.delete")}
                </Button>
              ) : null}
            </Group>
            <VariantMail chosen={variant.mail_id} onChange={(mail_id) => set(index, { mail_id })} />
            {lines.map(([name, longest]) => (
              <TextInput
                key={name}
                label={t(`ab.${name}`)}
                maxLength={longest}
                value={variant[name]}
                onChange={(event) => set(index, { [name]: event.currentTarget.value })}
              />
            ))}
          </Stack>
        );
      })}
      {draft.variants.length < most ? (
        <Group>
          <Button variant="default" onClick={() => onChange({ ...draft, variants: [...draft.variants, bare] })}>
            {t("ab.add")}
          </Button>
        </Group>
      ) : null}
    </>
  );
}

/** The campaign's mail, or another one, found by the server. */
function VariantMail(props: { chosen: string | null; onChange: (mail: string | null) => void }) {
  const t = useT();
  const search = useMailSearch(props.chosen);
  return (
    <MailSelect
      search={search}
      label={t("ab.mail")}
      placeholder={t("ab.mail_same")}
      required={false}
      clearable
      clearButtonProps={{ "aria-label": t("picker.clear") }}
      value={props.chosen}
      onChange={props.onChange}
    />
  );
}
