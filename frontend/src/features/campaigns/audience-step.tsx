import { Button, Group, Radio, Stack } from "@mantine/core";
import { useState } from "react";
import { problemText } from "@/api/problem-text";
import type { Campaign } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { ListsSelect } from "@/components/pickers/lists-select";
import { useT } from "@/i18n";
import { updateCampaign } from "./queries";

export function AudienceStep(props: { campaign: Campaign; onBack: () => void; onDone: () => void }) {
  const t = useT();
  const { campaign } = props;
  const [audience, setAudience] = useState(campaign.audience);
  const { all = false, list_ids = [], exclude_list_ids = [] } = audience;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const missing = !all && list_ids.length === 0;
  const next = async () => {
    setBusy(true);
    setError(null);
    try {
      if (audience !== campaign.audience) {
        await updateCampaign(campaign, { audience: { all, list_ids: all ? [] : list_ids, exclude_list_ids } });
      }
      props.onDone();
    } catch (cause) {
      setError(problemText(cause));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Stack gap="md">
      <FormError message={error} />
      <Radio.Group
        label={t("wizard.audience")}
        value={all ? "all" : "lists"}
        onChange={(value) => setAudience({ ...audience, all: value === "all" })}
      >
        <Stack gap="xs" mt="xs">
          <Radio value="lists" label={t("wizard.audience_lists")} />
          <Radio value="all" label={t("wizard.audience_all")} />
        </Stack>
      </Radio.Group>
      {all ? null : (
        <ListsSelect
          label={t("wizard.include")}
          description={t("wizard.include_help")}
          value={list_ids}
          onChange={(chosen) => setAudience({ ...audience, list_ids: chosen })}
        />
      )}
      <ListsSelect
        label={t("wizard.exclude")}
        description={t("wizard.exclude_help")}
        value={exclude_list_ids}
        onChange={(chosen) => setAudience({ ...audience, exclude_list_ids: chosen })}
      />
      <Group justify="space-between">
        <Button variant="default" onClick={props.onBack}>
          {t("common.back")}
        </Button>
        <Button onClick={() => void next()} loading={busy} disabled={missing}>
          {t("wizard.to_check")}
        </Button>
      </Group>
    </Stack>
  );
}
