import { Alert, Group, ScrollArea, SegmentedControl, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "@/api/client";
import type { Content } from "@/components/editor/content";
import { Panel } from "@/components/layout/page";
import { ContactPicker } from "@/components/pickers/contact";
import { ErrorView, LoadingView } from "@/components/ui/state-view";
import { translateCodeOr, useT } from "@/i18n";
import classes from "./preview.module.css";

/** The link that only the answer to a sign-up mail has; such a mail needs no link to cancel. */
const ofSignup = (warning: { code: string; detail: string }) =>
  warning.code === "unknown_field" && warning.detail === "confirm_url";

type View = "desktop" | "phone" | "dark" | "text";

/** The mail as one contact gets it, rendered by the server as it will be when sent; follows the typing. */
export function PreviewPane(props: {
  mailId: string;
  content: Pick<Content, "subject" | "text" | "html" | "text_mode">;
}) {
  const t = useT();
  const [contactId, setContactId] = useState<string | null>(null);
  const [view, setView] = useState<View>("desktop");
  const { subject, text, html, text_mode } = props.content;
  const [asked] = useDebouncedValue({ subject, html, text: text_mode === "auto" ? undefined : text }, 600);
  const query = useQuery({
    queryKey: ["preview", props.mailId, contactId, asked],
    placeholderData: keepPreviousData,
    gcTime: 60_000,
    queryFn: async ({ signal }) => {
      const { data, error } = await client.POST("/v1/mails/{id}/preview", {
        params: { path: { id: props.mailId } },
        body: { ...asked, contact_id: contactId ?? undefined },
        signal,
      });
      if (!data) {
        throw error;
      }
      return data;
    },
  });
  const preview = query.data;
  const answersSignup = preview?.warnings.some(ofSignup);
  const warnings = preview?.warnings.filter(
    (warning) => !answersSignup || !(ofSignup(warning) || warning.code === "no_cancel_link"),
  );
  return (
    <Panel title={t("preview.title")}>
      <Stack gap="sm">
        <Group align="flex-end" gap="sm">
          <div style={{ flex: "1 1 200px" }}>
            <ContactPicker label={t("preview.as")} value={contactId} onChange={setContactId} />
          </div>
          <SegmentedControl
            aria-label={t("preview.view")}
            value={view}
            onChange={(value) => setView(value as View)}
            data={(["desktop", "phone", "dark", "text"] as const).map((value) => ({
              value,
              label: t(`preview.${value}`),
            }))}
          />
        </Group>
        {query.error ? <ErrorView error={query.error} onRetry={() => void query.refetch()} /> : null}
        {answersSignup ? (
          <Alert color="gray" variant="outline" py={6}>
            {t("preview.answers_signup")}
          </Alert>
        ) : null}
        {warnings?.map((warning) => (
          <Alert key={warning.code + warning.detail} color="yellow" variant="outline" py={6}>
            {translateCodeOr("mail_warning", warning.code, warning.detail)}
            <Text size="xs" c="dimmed">
              {warning.detail}
            </Text>
          </Alert>
        ))}
        {preview ? (
          <div className={classes.mail} aria-busy={query.isFetching}>
            <Text className={classes.subject} fw={600}>
              {preview.subject || t("preview.no_subject")}
            </Text>
            {view === "text" || !preview.frame_url ? (
              <ScrollArea.Autosize mah={640}>
                <pre className={classes.text}>{preview.text}</pre>
              </ScrollArea.Autosize>
            ) : (
              <div className={classes.stage}>
                <iframe
                  title={t("preview.title")}
                  src={preview.frame_url}
                  sandbox=""
                  className={classes.frame}
                  data-view={view}
                />
              </div>
            )}
          </div>
        ) : query.error ? null : (
          <LoadingView rows={8} />
        )}
      </Stack>
    </Panel>
  );
}
