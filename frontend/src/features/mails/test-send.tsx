import { MultiSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { api } from "@/api/client";
import type { Problem } from "@/api/problem";
import { refresh } from "@/api/query";
import { useCan, useMe } from "@/auth/guard";
import { ContactPicker } from "@/components/pickers/contact";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { Status, type Tone } from "@/components/ui/status";
import { translateCode, useT } from "@/i18n";

const tones: Record<string, Tone> = { accepted: "good", failed: "bad", unknown: "warn", deferred: "warn" };

/** Sends the mail as it stands to people of the tenant, merged for a chosen contact. Not counted in any report. */
export function TestSendDialog(props: {
  mailId: string;
  /** Saves what was typed last; answers whether that worked. */
  beforeSending: () => Promise<boolean>;
  opened: boolean;
  onClose: () => void;
}) {
  const t = useT();
  const me = useMe();
  const seesUsers = useCan("users.manage");
  const [userIds, setUserIds] = useState<string[]>([me.id]);
  const [contactId, setContactId] = useState<string | null>(null);
  const users = api.useQuery(
    "get",
    "/v1/users",
    { params: { query: { limit: 200 } } },
    { enabled: seesUsers && props.opened },
  );
  const sent = api.useQuery(
    "get",
    "/v1/mails/{id}/test-sends",
    { params: { path: { id: props.mailId } } },
    { enabled: props.opened },
  );
  const create = api.useMutation("post", "/v1/mails/{id}/test-sends");
  const people = users.data?.items.filter((user) => !user.disabled) ?? [me];
  return (
    <ConfirmDialog
      opened={props.opened}
      onClose={props.onClose}
      title={t("test_send.title")}
      confirm={t("test_send.confirm", { count: userIds.length })}
      disabled={userIds.length === 0}
      onConfirm={async () => {
        if (!(await props.beforeSending())) {
          throw { status: 422, code: "unsaved", title: t("editor.save_failed") } satisfies Problem;
        }
        await create.mutateAsync({
          params: { path: { id: props.mailId } },
          body: { user_ids: userIds, contact_id: contactId ?? undefined },
        });
        await refresh("/v1/mails/{id}/test-sends");
        notifyDone(t("test_send.done", { count: userIds.length }));
      }}
    >
      <Stack gap="sm">
        <Text size="sm">{t("test_send.body")}</Text>
        <MultiSelect
          label={t("test_send.to")}
          data={people.map((user) => ({ value: user.id, label: `${user.display_name} <${user.email}>` }))}
          value={userIds}
          onChange={setUserIds}
          searchable
        />
        <ContactPicker
          label={t("test_send.as")}
          description={t("test_send.as_help")}
          value={contactId}
          onChange={setContactId}
        />
        {sent.data && sent.data.items.length > 0 ? (
          <div>
            <Text size="sm" fw={500} mb={4}>
              {t("test_send.earlier")}
            </Text>
            {sent.data.items.slice(0, 5).map((item) => (
              <Text key={item.id} size="sm" c="dimmed" component="div">
                {item.address}{" "}
                <Status tone={tones[item.state] ?? "idle"} label={translateCode("delivery_state", item.state)} />
              </Text>
            ))}
          </div>
        ) : null}
      </Stack>
    </ConfirmDialog>
  );
}
