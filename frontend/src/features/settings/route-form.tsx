import { Checkbox, NumberInput, Radio, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Route } from "@/api/types";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { RelayFields, type RouteForm } from "./route-relay";

export function RouteDialog(props: { route: Route | null; onClose: () => void }) {
  const t = useT();
  const { route } = props;
  const create = api.useMutation("post", "/v1/routes");
  const update = api.useMutation("patch", "/v1/routes/{id}");
  const form = useForm<RouteForm>({
    initialValues: {
      name: route?.name ?? "",
      kind: route?.kind ?? "relay",
      source_address: route?.source_address ?? "",
      helo: route?.helo ?? "",
      host: route?.host ?? "",
      port: route?.port ?? 587,
      security: route?.security ?? "starttls",
      auth: route?.auth ?? "none",
      username: route?.username ?? "",
      password: "",
      max_sessions: route?.max_sessions ?? 10,
      position: route?.position ?? 0,
      weight: route?.weight ?? 100,
      sign: route?.sign ?? true,
      enabled: route?.enabled ?? true,
    },
    validate: {
      name: (value) => (value.trim() ? null : t("form.required")),
      host: (value, { kind }) => (kind === "direct" || value.trim() ? null : t("form.required")),
      port: (value, { kind }) => (kind === "direct" || typeof value === "number" ? null : t("form.required")),
      username: (value, values) => (logsIn(values) && !value.trim() ? t("form.required") : null),
      password: (value, values) =>
        logsIn(values) && !value && !keepsPassword(route, values) ? t("form.required") : null,
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const body = {
        kind: values.kind,
        name: values.name.trim(),
        source_address: values.source_address.trim(),
        helo: values.helo.trim(),
        max_sessions: Number(values.max_sessions),
        position: Number(values.position),
        weight: Number(values.weight),
        sign: values.sign,
        enabled: values.enabled,
        ...(values.kind === "relay" ? relayOf(values) : { auth: "none" as const }),
      };
      if (route) {
        await update.mutateAsync({ params: { path: { id: route.id }, header: ifMatch(route.version) }, body });
      } else {
        await create.mutateAsync({ body });
      }
      await refresh("/v1/routes", "/v1/summary");
      notifyDone(t("common.saved"));
      props.onClose();
    }),
  );
  return (
    <FormDialog
      title={t(route ? "routes.edit" : "routes.create")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      autoComplete="off"
      onSubmit={submit}
      onClose={props.onClose}
    >
      <TextInput label={t("common.name")} required data-autofocus {...form.getInputProps("name")} />
      <Radio.Group {...form.getInputProps("kind")} aria-label={t("routes.kind")}>
        <Stack gap="xs">
          <Radio value="relay" label={t("route_kind.relay")} description={t("route_kind.relay_help")} />
          <Radio value="direct" label={t("route_kind.direct")} description={t("route_kind.direct_help")} />
        </Stack>
      </Radio.Group>
      {form.values.kind === "relay" ? (
        <RelayFields
          form={form}
          hasPassword={route?.has_password ?? false}
          keepsPassword={keepsPassword(route, form.values)}
        />
      ) : (
        <SimpleGrid cols={2} spacing="sm">
          <TextInput
            label={t("routes.helo")}
            description={t("routes.helo_help")}
            placeholder="mail.example.co.jp"
            autoCapitalize="none"
            spellCheck={false}
            {...form.getInputProps("helo")}
          />
          <TextInput
            label={t("routes.source_address")}
            description={t("routes.source_address_help")}
            placeholder="203.0.113.10"
            spellCheck={false}
            {...form.getInputProps("source_address")}
          />
        </SimpleGrid>
      )}
      <SimpleGrid cols={2} spacing="sm">
        <NumberInput
          label={t("routes.position")}
          description={t("routes.position_help")}
          min={0}
          max={1000}
          {...form.getInputProps("position")}
        />
        <NumberInput
          label={t("routes.weight")}
          description={t("routes.weight_help")}
          min={1}
          max={1000}
          {...form.getInputProps("weight")}
        />
      </SimpleGrid>
      <NumberInput
        label={t("routes.max_sessions")}
        description={t(form.values.kind === "relay" ? "routes.max_sessions_help" : "routes.max_sessions_direct_help")}
        min={1}
        max={500}
        {...form.getInputProps("max_sessions")}
      />
      <Checkbox
        label={t("routes.sign")}
        description={t("routes.sign_help")}
        {...form.getInputProps("sign", { type: "checkbox" })}
      />
      <Checkbox label={t("routes.use")} {...form.getInputProps("enabled", { type: "checkbox" })} />
    </FormDialog>
  );
}

function logsIn(values: RouteForm) {
  return values.kind === "relay" && values.auth !== "none";
}

/** The stored password goes where it was meant to go; for another place or name it is typed again. */
function keepsPassword(route: Route | null, values: RouteForm): boolean {
  if (!route?.has_password) {
    return false;
  }
  return (
    route.kind === values.kind &&
    route.host === values.host.trim().replace(/\.+$/, "").toLowerCase() &&
    route.port === Number(values.port) &&
    route.security === values.security &&
    route.username === values.username.trim()
  );
}

/** What only a relay has. */
function relayOf(values: RouteForm) {
  return {
    host: values.host.trim(),
    port: Number(values.port),
    security: values.security,
    auth: values.auth,
    username: values.auth === "none" ? null : values.username.trim(),
    // An empty field keeps the password that the server has.
    ...(values.password ? { password: values.password } : {}),
  };
}
