import "@mantine/dates/styles.layer.css";
import "dayjs/locale/ja";
import { Alert, Button, Group, Radio, Stack, Text } from "@mantine/core";
import { DatesProvider, DateTimePicker } from "@mantine/dates";
import { lazy, Suspense, useState } from "react";
import { api } from "@/api/client";
import { toProblem } from "@/api/problem";
import type { Campaign, Mail, Preflight } from "@/api/types";
import { useCan } from "@/auth/guard";
import { ConfirmDialog } from "@/components/ui/confirm";
import { DefinitionList } from "@/components/ui/definition";
import { notifyDone } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { useLocale, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { utcToWall, wallToUtc } from "@/lib/zone";
import { type AbTest, splitOf } from "./ab-test";
import { usePreflight } from "./check-step";
import { HoursChoice } from "./hours";
import { scheduleCampaign, sendCampaign } from "./queries";

const AbTestForm = lazy(() => import("./ab-test-form"));

export function SendStep(props: { campaign: Campaign; onBack: () => void }) {
  const query = usePreflight(props.campaign.id);
  return (
    <QueryView query={query}>
      {(preflight) => (
        <SendForm {...props} preflight={preflight} onRecount={() => void query.refetch()} counting={query.isFetching} />
      )}
    </QueryView>
  );
}

interface FormProps {
  campaign: Campaign;
  preflight: Preflight;
  counting: boolean;
  onBack: () => void;
  onRecount: () => void;
}

/** Now or later, then one dialog that says the exact number and the time. */
function SendForm({ campaign, preflight, counting, onBack, onRecount }: FormProps) {
  const t = useT();
  const locale = useLocale();
  const format = useFormat();
  const canSend = useCan("campaigns.send");
  const canWrite = useCan("campaigns.write");
  const people = preflight.people.will_receive;
  const mailId = campaign.mail_id;
  const mail = api.useQuery(
    "get",
    "/v1/mails/{id}",
    { params: { path: { id: mailId ?? "" } } },
    { enabled: Boolean(mailId) },
  );
  const [when, setWhen] = useState<"now" | "later">("now");
  const [wall, setWall] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const [unsaved, setUnsaved] = useState(false);
  const at = wall ? wallToUtc(wall, format.timeZone) : null;
  const tooEarly = at !== null && Date.parse(at) <= Date.now();
  const ready =
    preflight.can_send &&
    canSend &&
    !counting &&
    !unsaved &&
    // Nobody sends what they haven't been shown.
    !mail.isLoading &&
    (when === "now" || (at !== null && !tooEarly));

  const confirm = async () => {
    try {
      if (when === "now") {
        await sendCampaign(campaign.id, people);
        notifyDone(t("send.started"));
      } else if (at) {
        await scheduleCampaign(campaign.id, at, format.timeZone);
        notifyDone(t("send.scheduled"));
      }
    } catch (cause) {
      if (toProblem(cause).status === 409) {
        onRecount();
      }
      throw cause;
    }
  };

  return (
    <Stack gap="md">
      {canSend ? null : (
        <Alert color="gray" variant="outline">
          {t("send.no_permission")}
        </Alert>
      )}
      {preflight.can_send ? null : (
        <Alert color="yellow" variant="outline" role="status">
          {t("send.blocked")}
        </Alert>
      )}
      <Summary mail={mail.data} people={people} />
      <Radio.Group label={t("send.when")} value={when} onChange={(value) => setWhen(value as "now" | "later")}>
        <Stack gap="xs" mt="xs">
          <Radio value="now" label={t("send.now")} />
          <Radio value="later" label={t("send.later")} />
        </Stack>
      </Radio.Group>
      {when === "later" ? (
        <DatesProvider settings={{ locale, firstDayOfWeek: locale === "ja" ? 0 : 1 }}>
          <DateTimePicker
            label={t("send.at")}
            description={t("send.zone", { zone: format.zone(format.timeZone) })}
            valueFormat={locale === "ja" ? "YYYY年M月D日 HH:mm" : "D MMM YYYY HH:mm"}
            minDate={utcToWall(new Date().toISOString(), format.timeZone).slice(0, 10)}
            value={wall}
            onChange={setWall}
            error={tooEarly ? t("send.too_early") : undefined}
            clearable
            clearButtonProps={{ "aria-label": t("picker.clear") }}
            maw={320}
          />
        </DatesProvider>
      ) : null}
      <HoursChoice campaign={campaign} disabled={!canWrite} />
      <Suspense>
        <AbTestForm campaign={campaign} mail={mail.data} people={people} disabled={!canWrite} onDirty={setUnsaved} />
      </Suspense>
      <Group justify="space-between">
        <Button variant="default" onClick={onBack}>
          {t("common.back")}
        </Button>
        <Button disabled={!ready} onClick={() => setAsking(true)}>
          {when === "now" ? t("send.now_button", { count: people }) : t("send.later_button", { count: people })}
        </Button>
      </Group>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={t(when === "now" ? "send.confirm_now_title" : "send.confirm_later_title")}
        confirm={when === "now" ? t("send.now_button", { count: people }) : t("send.later_button", { count: people })}
        disabled={counting}
        onConfirm={confirm}
      >
        <Text fz="lg" fw={600}>
          {when === "now"
            ? t("send.confirm_now", { count: people })
            : t("send.confirm_later", { count: people, at: at ? format.dateTime(at) : "" })}
        </Text>
        {campaign.ab_test ? <TestSplit test={campaign.ab_test} people={people} /> : null}
        <Text size="sm" c="dimmed" mt="xs">
          {t(when === "now" ? "send.confirm_now_help" : "send.confirm_later_help")}
        </Text>
      </ConfirmDialog>
    </Stack>
  );
}

/** How the people who were just named are parted. */
function TestSplit({ test, people }: { test: AbTest; people: number }) {
  const t = useT();
  const variants = test.variants.length;
  return (
    <Text size="sm" mt="xs">
      {test.share < 100 ? t("ab.confirm", splitOf(people, test.share, variants)) : t("ab.confirm_all", { variants })}
    </Text>
  );
}

/** Once more what goes to whom. */
function Summary({ mail, people }: { mail: Mail | undefined; people: number }) {
  const t = useT();
  return (
    <DefinitionList
      items={[
        [t("editor.subject"), mail?.subject ?? "–"],
        [t("send.sender"), mail ? `${mail.sender_name} <${mail.sender_address}>` : "–"],
        [t("wizard.audience"), t("wizard.people", { count: people })],
      ]}
    />
  );
}
