import "@mantine/dropzone/styles.layer.css";
import { Anchor, Group, Progress, Stack, Text } from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconFileSpreadsheet, IconUpload, IconX } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "@/api/client";
import { problemText } from "@/api/problem-text";
import { FormError } from "@/components/form/form-error";
import { Page, Panel } from "@/components/layout/page";
import { useT } from "@/i18n";
import { csv } from "@/lib/csv";
import { saveFile } from "@/lib/download";
import { uploadImport } from "./queries";
import { ImportSteps } from "./steps";

export function UploadScreen() {
  const t = useT();
  const navigate = useNavigate();
  const [progress, setProgress] = useState<number | null>(null);
  const [error, setError] = useState<string | null>(null);
  const send = async (file: File) => {
    setError(null);
    setProgress(0);
    try {
      const created = await uploadImport(file, setProgress);
      await navigate({ to: "/contacts/imports/$importId", params: { importId: created.id } });
    } catch (cause) {
      setError(problemText(cause));
      setProgress(null);
    }
  };
  return (
    <Page title={t("imports.new")} trail={[{ label: t("nav.contacts"), to: "/contacts" }]} narrow>
      <ImportSteps active={0} />
      <Panel>
        <Stack>
          <FormError message={error} />
          <Dropzone
            onDrop={(files) => files[0] && void send(files[0])}
            onReject={() => setError(t("imports.not_one_file"))}
            multiple={false}
            loading={progress !== null}
            inputProps={{ "aria-label": t("imports.choose_file") }}
            p="xl"
          >
            <Group justify="center" gap="md" mih={140} style={{ pointerEvents: "none" }}>
              <Dropzone.Accept>
                <IconUpload size={36} stroke={1.5} aria-hidden />
              </Dropzone.Accept>
              <Dropzone.Reject>
                <IconX size={36} stroke={1.5} aria-hidden />
              </Dropzone.Reject>
              <Dropzone.Idle>
                <IconFileSpreadsheet size={36} stroke={1.5} aria-hidden />
              </Dropzone.Idle>
              <div>
                <Text fw={600}>{t("imports.drop_here")}</Text>
                <Text size="sm" c="dimmed">
                  {t("imports.formats")}
                </Text>
              </div>
            </Group>
          </Dropzone>
          {progress !== null ? <Progress value={progress * 100} aria-label={t("imports.uploading")} /> : null}
          <Text size="sm" c="dimmed">
            {t("imports.hint")}
          </Text>
          <SampleLink />
        </Stack>
      </Panel>
    </Page>
  );
}

/** What a file may look like, with the company's own fields as its headings. */
function SampleLink() {
  const t = useT();
  const fields = api.useQuery("get", "/v1/contact-fields");
  if (!fields.data) {
    return null;
  }
  const own = fields.data.items.map((field) => field.label);
  const rows = [
    [t("contacts.email"), t("contacts.name"), ...own],
    ["hanako.yamada@example.jp", t("imports.sample_name"), ...own.map(() => "")],
  ];
  return (
    <Anchor
      component="button"
      type="button"
      size="sm"
      style={{ alignSelf: "flex-start" }}
      onClick={() => saveFile(new Blob([csv(rows)], { type: "text/csv" }), t("imports.sample_file"))}
    >
      {t("imports.sample")}
    </Anchor>
  );
}
