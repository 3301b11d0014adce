import { Button, Text } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Campaign } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page, Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { Steps } from "@/components/ui/steps";
import { useT } from "@/i18n";
import { AudienceStep } from "./audience-step";
import { CheckStep } from "./check-step";
import { MailStep } from "./mail-step";
import { deleteCampaign } from "./queries";
import type { CampaignSearch, Step } from "./search";
import { SendStep } from "./send-step";

const order: readonly Step[] = ["mail", "audience", "check", "send"];

/** The steps of the wizard; a step is a link, "back" leads to the step before. */
export function WizardSteps(props: { active: Step; onStep?: (step: Step) => void }) {
  const t = useT();
  return (
    <Steps
      labels={order.map((step) => t(`wizard.${step}`))}
      active={order.indexOf(props.active)}
      onStep={props.onStep ? (index) => order[index] && props.onStep?.(order[index]) : undefined}
    />
  );
}

interface Props {
  campaign: Campaign;
  search: CampaignSearch;
  onSearch: (change: Partial<CampaignSearch>) => void;
}

export function Wizard({ campaign, search, onSearch }: Props) {
  const t = useT();
  const navigate = useNavigate();
  const canWrite = useCan("campaigns.write");
  const [deleting, setDeleting] = useState(false);
  const step = search.step ?? "audience";
  const go = (next: Step) => onSearch({ step: next });
  return (
    <Page
      title={campaign.name}
      trail={[{ label: t("nav.campaigns"), to: "/campaigns" }]}
      narrow
      actions={
        canWrite ? (
          <Button variant="default" leftSection={<IconTrash size={16} />} onClick={() => setDeleting(true)}>
            {t("campaigns.discard")}
          </Button>
        ) : null
      }
    >
      <WizardSteps active={step} onStep={go} />
      <Panel>
        {step === "mail" ? <MailStep campaign={campaign} onDone={() => go("audience")} /> : null}
        {step === "audience" ? (
          <AudienceStep campaign={campaign} onBack={() => go("mail")} onDone={() => go("check")} />
        ) : null}
        {step === "check" ? (
          <CheckStep campaign={campaign} onBack={() => go("audience")} onDone={() => go("send")} />
        ) : null}
        {step === "send" ? <SendStep campaign={campaign} onBack={() => go("check")} /> : null}
      </Panel>
      <ConfirmDialog
        opened={deleting}
        onClose={() => setDeleting(false)}
        title={t("campaigns.discard")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          await deleteCampaign(campaign);
          notifyDone(t("common.deleted"));
          await navigate({ to: "/campaigns" });
        }}
      >
        <Text>{t("campaigns.discard_body", { name: campaign.name })}</Text>
      </ConfirmDialog>
    </Page>
  );
}
