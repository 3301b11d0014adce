import { Alert, Button, Group, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { Passkey, SecondFactors } from "@/api/types";
import { hasPasskeys } from "@/auth/passkey";
import { rereadMe } from "@/auth/step-up";
import { RecoveryCodes } from "@/components/factor/recovery-codes";
import { FactorSetup } from "@/components/factor/setup";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { Page, Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { Dialog } from "@/components/ui/dialog";
import { notifyDone, notifyProblem } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { PasskeyTable } from "./passkey-table";

const path = "/v1/auth/second-factors";

type Doing =
  | { what: "totp" | "passkey" | "remove_totp" | "renew" }
  | { what: "rename" | "remove"; passkey: Passkey }
  | { what: "codes"; codes: string[] };

export function SecondFactorScreen() {
  const t = useT();
  const query = api.useQuery("get", path);
  return (
    <Page title={t("nav.second_factor")} description={t("factor.description")} narrow>
      <QueryView query={query}>{(factors) => <Factors factors={factors} />}</QueryView>
    </Page>
  );
}

function Factors({ factors }: { factors: SecondFactors }) {
  const t = useT();
  const format = useFormat();
  const [doing, setDoing] = useState<Doing | null>(null);
  const has = factors.totp_since != null || factors.passkeys.length > 0;
  const canHavePasskeys = factors.passkeys_possible && hasPasskeys();
  const close = () => setDoing(null);
  const done = () => {
    close();
    notifyDone(t("factor.added"));
    void refresh(path);
  };
  return (
    <>
      {has ? null : (
        <Alert mb="md" color={factors.required ? "yellow" : "gray"} variant="outline">
          {t(factors.required ? "factor.none_required" : "factor.none")}
        </Alert>
      )}
      <Panel
        title={t("passkey.title")}
        actions={
          canHavePasskeys ? (
            <Button size="xs" onClick={() => setDoing({ what: "passkey" })}>
              {t("passkey.add")}
            </Button>
          ) : null
        }
      >
        <Text size="sm" c="dimmed" mb="sm">
          {t(canHavePasskeys ? "passkey.description" : "passkey.impossible")}
        </Text>
        {factors.passkeys.length > 0 ? (
          <PasskeyTable
            passkeys={factors.passkeys}
            onRename={(passkey) => setDoing({ what: "rename", passkey })}
            onRemove={(passkey) => setDoing({ what: "remove", passkey })}
          />
        ) : null}
      </Panel>
      <Panel title={t("totp.title")}>
        <Text size="sm" c="dimmed" mb="sm">
          {t("totp.description")}
        </Text>
        <Group justify="space-between">
          <Status
            tone={factors.totp_since ? "good" : "idle"}
            label={
              factors.totp_since ? t("totp.since", { at: format.dateTime(factors.totp_since) }) : t("factor.not_set_up")
            }
          />
          {factors.totp_since ? (
            <Button size="xs" variant="default" onClick={() => setDoing({ what: "remove_totp" })}>
              {t("factor.remove")}
            </Button>
          ) : (
            <Button
              size="xs"
              variant={canHavePasskeys ? "default" : "filled"}
              onClick={() => setDoing({ what: "totp" })}
            >
              {t("totp.set_up")}
            </Button>
          )}
        </Group>
      </Panel>
      {has ? (
        <Panel title={t("factor.recovery_codes")}>
          <Text size="sm" c="dimmed" mb="sm">
            {t("recovery.description")}
          </Text>
          <Group justify="space-between">
            <Status
              tone={factors.recovery_codes_left > 2 ? "good" : "warn"}
              label={t("recovery.left", { count: factors.recovery_codes_left })}
            />
            <Button size="xs" variant="default" onClick={() => setDoing({ what: "renew" })}>
              {t("recovery.renew")}
            </Button>
          </Group>
        </Panel>
      ) : null}
      {doing?.what === "totp" || doing?.what === "passkey" ? (
        <Dialog
          opened
          onClose={close}
          title={t(doing.what === "totp" ? "totp.set_up" : "passkey.add")}
          closeOnClickOutside={false}
        >
          <FactorSetup kind={doing.what} onDone={done} onCancel={close} />
        </Dialog>
      ) : null}
      <Changes doing={doing} onDoing={setDoing} />
    </>
  );
}

/** The dialogs of what is there already. */
function Changes({ doing, onDoing }: { doing: Doing | null; onDoing: (doing: Doing | null) => void }) {
  const t = useT();
  const removeTotp = api.useMutation("delete", "/v1/auth/totp");
  const remove = api.useMutation("delete", "/v1/auth/passkeys/{id}");
  const renew = api.useMutation("post", "/v1/auth/recovery-codes");
  const close = () => onDoing(null);
  const removed = async () => {
    notifyDone(t("factor.removed"));
    await Promise.all([refresh(path), rereadMe()]);
  };
  if (doing?.what === "codes") {
    return (
      <Dialog
        opened
        onClose={close}
        title={t("factor.recovery_codes")}
        closeOnClickOutside={false}
        closeOnEscape={false}
      >
        <RecoveryCodes codes={doing.codes} onClose={close} />
      </Dialog>
    );
  }
  if (doing?.what === "rename") {
    return <RenameDialog passkey={doing.passkey} onClose={close} />;
  }
  if (doing?.what === "renew") {
    return (
      <ConfirmDialog
        opened
        onClose={close}
        title={t("recovery.renew")}
        confirm={t("recovery.renew")}
        onConfirm={async () => {
          const { codes } = await renew.mutateAsync({});
          void refresh(path);
          // After the dialog that confirms has closed itself.
          setTimeout(() => onDoing({ what: "codes", codes }));
        }}
      >
        {t("recovery.renew_body")}
      </ConfirmDialog>
    );
  }
  if (doing?.what !== "remove" && doing?.what !== "remove_totp") {
    return null;
  }
  const passkey = doing.what === "remove" ? doing.passkey : null;
  return (
    <ConfirmDialog
      opened
      danger
      onClose={close}
      title={t(passkey ? "passkey.remove_title" : "totp.remove_title")}
      confirm={t("factor.remove")}
      onConfirm={async () => {
        await (passkey ? remove.mutateAsync({ params: { path: { id: passkey.id } } }) : removeTotp.mutateAsync({}));
        await removed().catch(notifyProblem);
      }}
    >
      {passkey ? t("passkey.remove_body", { name: passkey.name }) : t("totp.remove_body")}
    </ConfirmDialog>
  );
}

function RenameDialog(props: { passkey: Passkey; onClose: () => void }) {
  const t = useT();
  const rename = api.useMutation("patch", "/v1/auth/passkeys/{id}");
  const form = useForm({
    initialValues: { name: props.passkey.name },
    validate: { name: (value) => (value.trim() ? null : t("form.required")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit(({ name }) =>
    run(async () => {
      await rename.mutateAsync({ params: { path: { id: props.passkey.id } }, body: { name: name.trim() } });
      await refresh(path);
      notifyDone(t("common.saved"));
      props.onClose();
    }),
  );
  return (
    <FormDialog
      title={t("passkey.rename")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      onSubmit={submit}
      onClose={props.onClose}
    >
      <TextInput label={t("passkey.name")} maxLength={100} required data-autofocus {...form.getInputProps("name")} />
    </FormDialog>
  );
}
