import { useNavigate } from "@tanstack/react-router";
import { Page, Panel } from "@/components/layout/page";
import { useT } from "@/i18n";
import { MailStep } from "./mail-step";
import { WizardSteps } from "./wizard";

/** First step of the wizard before the campaign exists. */
export function NewCampaignScreen(props: { mailId?: string }) {
  const t = useT();
  const navigate = useNavigate();
  return (
    <Page title={t("campaigns.create")} trail={[{ label: t("nav.campaigns"), to: "/campaigns" }]} narrow>
      <WizardSteps active="mail" />
      <Panel>
        <MailStep
          mailId={props.mailId}
          onDone={(campaign) =>
            void navigate({
              to: "/campaigns/$campaignId",
              params: { campaignId: campaign.id },
              search: { step: "audience" },
            })
          }
        />
      </Panel>
    </Page>
  );
}
