import { Button, Group, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import type { Mail } from "@/api/types";
import { MailSelect, useMailSearch } from "@/components/pickers/mail";
import { useT } from "@/i18n";
import { bareVariant, isBare, letterOf, type TestDraft, type VariantDraft } from "./ab-test";
import classes from "./ab-test-variants.module.css";

const most = 5;

interface Props {
  draft: TestDraft;
  mail: Mail | undefined;
  /** Errors by "ab_test.variants.0.subject" and the like. */
  fields: Record<string, string>;
  onChange: (next: TestDraft) => void;
}

/** A card for each variant: what it says otherwise than the campaign's mail. */
export function Variants({ draft, mail, fields, onChange }: Props) {
  const t = useT();
  const { variants } = draft;
  const set = (index: number, part: Partial<VariantDraft>) =>
    onChange({ ...draft, variants: variants.map((old, i) => (i === index ? { ...old, ...part } : old)) });
  return (
    <Stack gap="sm">
      <div>
        <Text size="sm" fw={600}>
          {t("ab.variants_title")}
        </Text>
        <Text size="xs" c="dimmed">
          {t("ab.variants_help")}
        </Text>
        {mail ? <Original mail={mail} /> : null}
      </div>
      {variants.map((variant, index) => (
        <VariantCard
          // biome-ignore lint/suspicious/noArrayIndexKey: a variant is its place: A, B and so on
          key={index}
          letter={letterOf(index + 1)}
          variant={variant}
          error={(name) => fields[`ab_test.variants.${index}${name ? `.${name}` : ""}`]}
          onChange={(part) => set(index, part)}
          onRemove={
            variants.length > 2
              ? () => onChange({ ...draft, variants: variants.filter((_, i) => i !== index) })
              : undefined
          }
        />
      ))}
      {variants.length < most ? (
        <Group>
          <Button
            variant="default"
            leftSection={<IconPlus size={16} />}
            onClick={() => onChange({ ...draft, variants: [...variants, bareVariant] })}
          >
            {t("ab.add")}
          </Button>
        </Group>
      ) : null}
    </Stack>
  );
}

/** What an empty field stands for. */
function Original({ mail }: { mail: Mail }) {
  const t = useT();
  const sender = mail.sender_address ? `${mail.sender_name} <${mail.sender_address}>` : "";
  const parts = [
    [t("ab.mail"), mail.name || t("mails.untitled")],
    [t("ab.subject"), mail.subject],
    [t("send.sender"), sender],
  ] as const;
  return (
    <dl className={classes.original} aria-label={t("ab.original")}>
      {parts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value || "–"}</dd>
        </div>
      ))}
    </dl>
  );
}

interface CardProps {
  letter: string;
  variant: VariantDraft;
  error: (name?: keyof VariantDraft) => string | undefined;
  onChange: (part: Partial<VariantDraft>) => void;
  onRemove?: () => void;
}

function VariantCard({ letter, variant, error, onChange, onRemove }: CardProps) {
  const t = useT();
  const line = (name: "subject" | "sender_name" | "sender_address", maxLength: number) => (
    <TextInput
      label={t(`ab.${name}`)}
      maxLength={maxLength}
      value={variant[name]}
      error={error(name)}
      onChange={(event) => onChange({ [name]: event.currentTarget.value })}
    />
  );
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset's legend cannot stand beside a button
    <div className={classes.card} role="group" aria-label={t("ab.variant", { letter })}>
      <Group justify="space-between" mih={28}>
        <Group gap="sm">
          <Text fw={600}>{t("ab.variant", { letter })}</Text>
          {isBare(variant) ? (
            <Text size="xs" c="dimmed">
              {t("ab.unchanged")}
            </Text>
          ) : null}
        </Group>
        {onRemove ? (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconTrash size={14} />}
            aria-label={t("ab.remove", { letter })}
            onClick={onRemove}
          >
            {t("common.delete")}
          </Button>
        ) : null}
      </Group>
      {error() ? (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          {error()}
        </Text>
      ) : null}
      {line("subject", 998)}
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm" verticalSpacing="xs">
        {line("sender_name", 200)}
        {line("sender_address", 320)}
      </SimpleGrid>
      <VariantMail chosen={variant.mail_id} error={error("mail_id")} onChange={(mail_id) => onChange({ mail_id })} />
    </div>
  );
}

/** Another mail than the campaign's, found by the server. */
function VariantMail(props: { chosen: string | null; error?: string; onChange: (mail: string | null) => void }) {
  const t = useT();
  const search = useMailSearch(props.chosen);
  return (
    <MailSelect
      search={search}
      label={t("ab.other_mail")}
      description={t("ab.other_mail_help")}
      required={false}
      clearable
      clearButtonProps={{ "aria-label": t("picker.clear") }}
      value={props.chosen}
      error={props.error}
      onChange={props.onChange}
    />
  );
}
