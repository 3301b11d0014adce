import { Button, Group, SimpleGrid, Tabs, Text } from "@mantine/core";
import { IconMailForward, IconPencil, IconTrash } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { Suspense, useState } from "react";
import type { Contact } from "@/api/types";
import { useCan } from "@/auth/guard";
import { BounceResetDialog } from "@/components/bounces/lazy";
import { PersonalDataMenu } from "@/components/erasure/lazy";
import { Page, Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { CopyButton } from "@/components/ui/copy";
import { DefinitionList } from "@/components/ui/definition";
import { notifyDone } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { Consents } from "./consents";
import { EditContactDialog } from "./edit";
import { FieldText } from "./field-text";
import { ContactLooks } from "./looks";
import { deleteContact, useContact, useContactFields } from "./queries";
import { ContactStatusLabel } from "./status";
import { Subscriptions } from "./subscriptions";
import { Timeline } from "./timeline";

export function PersonScreen(props: { contactId: string }) {
  const t = useT();
  const query = useContact(props.contactId);
  return (
    <QueryView query={query}>
      {(contact) => (
        <Page
          title={contact.name || contact.email}
          trail={[{ label: t("nav.contacts"), to: "/contacts" }]}
          description={
            <Group gap={6}>
              <ContactStatusLabel status={contact.status} />
            </Group>
          }
          actions={
            <>
              <Suspense>
                <PersonalDataMenu contact={contact} />
              </Suspense>
              <Actions contact={contact} />
            </>
          }
        >
          <Person contact={contact} />
        </Page>
      )}
    </QueryView>
  );
}

function Person({ contact }: { contact: Contact }) {
  const t = useT();
  const format = useFormat();
  const fields = useContactFields();
  const seesLooks = useCan("audit.read");
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" verticalSpacing={0} style={{ alignItems: "start" }}>
      <div>
        <Panel title={t("contacts.basics")}>
          <DefinitionList
            items={[
              [
                t("contacts.email"),
                <Group key="email" gap={4} wrap="nowrap">
                  <Text size="sm">{contact.email}</Text>
                  <CopyButton value={contact.email} label={t("contacts.email")} />
                </Group>,
              ],
              [t("contacts.name"), contact.name || "–"],
              ...(fields.data?.items ?? []).map(
                (field) =>
                  [
                    field.label,
                    <FieldText key={field.id} field={field} value={contact.fields?.[field.key]} />,
                  ] as const,
              ),
              ...(contact.soft_bounces > 0
                ? [[t("bounces.count"), t("bounces.count_value", { count: contact.soft_bounces })] as const]
                : []),
              [t("contacts.created_at"), format.dateTime(contact.created_at)],
              [t("contacts.updated_at"), format.dateTime(contact.updated_at)],
            ]}
          />
        </Panel>
        <Panel title={t("subscriptions.title")}>
          <Subscriptions contactId={contact.id} />
        </Panel>
      </div>
      <Panel>
        <Tabs defaultValue="timeline" keepMounted={false}>
          <Tabs.List mb="md">
            <Tabs.Tab value="timeline">{t("timeline.title")}</Tabs.Tab>
            <Tabs.Tab value="consents">{t("consents.title")}</Tabs.Tab>
            {seesLooks ? <Tabs.Tab value="looks">{t("audit.looks_title")}</Tabs.Tab> : null}
          </Tabs.List>
          <Tabs.Panel value="timeline">
            <Timeline contactId={contact.id} />
          </Tabs.Panel>
          <Tabs.Panel value="consents">
            <Consents contactId={contact.id} />
          </Tabs.Panel>
          {seesLooks ? (
            <Tabs.Panel value="looks">
              <ContactLooks contactId={contact.id} />
            </Tabs.Panel>
          ) : null}
        </Tabs>
      </Panel>
    </SimpleGrid>
  );
}

function Actions({ contact }: { contact: Contact }) {
  const t = useT();
  const navigate = useNavigate();
  const fields = useContactFields();
  const [dialog, setDialog] = useState<"edit" | "delete" | "reset" | null>(null);
  if (!useCan("contacts.write")) {
    return null;
  }
  return (
    <>
      <Button variant="default" leftSection={<IconTrash size={16} />} onClick={() => setDialog("delete")}>
        {t("common.delete")}
      </Button>
      {contact.status === "bounced" || contact.soft_bounces > 0 ? (
        <Button variant="default" leftSection={<IconMailForward size={16} />} onClick={() => setDialog("reset")}>
          {t("bounces.reset")}
        </Button>
      ) : null}
      <Button leftSection={<IconPencil size={16} />} onClick={() => setDialog("edit")}>
        {t("common.edit")}
      </Button>
      {dialog === "reset" ? (
        <Suspense>
          <BounceResetDialog contactIds={[contact.id]} onClose={() => setDialog(null)} />
        </Suspense>
      ) : null}
      {dialog === "edit" ? (
        <EditContactDialog contact={contact} fields={fields.data?.items ?? []} onClose={() => setDialog(null)} />
      ) : null}
      <ConfirmDialog
        opened={dialog === "delete"}
        onClose={() => setDialog(null)}
        title={t("contacts.delete_title")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          await deleteContact(contact);
          notifyDone(t("common.deleted"));
          await navigate({ to: "/contacts" });
        }}
      >
        <Text>{t("contacts.delete_body", { email: contact.email })}</Text>
      </ConfirmDialog>
    </>
  );
}
