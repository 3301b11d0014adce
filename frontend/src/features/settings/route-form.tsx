import { Checkbox, NumberInput, PasswordInput, Select, SimpleGrid, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Route } from "@/api/types";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

const securities = ["starttls", "tls", "none"] as const;
const usualPort = { starttls: 587, tls: 465, none: 25 } as const;

export function RouteDialog(props: { route: Route | null; onClose: () => void }) {
  const t = useT();
  const { route } = props;
  const create = api.useMutation("post", "/v1/routes");
  const update = api.useMutation("patch", "/v1/routes/{id}");
  const form = useForm({
    initialValues: {
      name: route?.name ?? "",
      host: route?.host ?? "",
      port: route?.port ?? (587 as number | string),
      security: route?.security ?? ("starttls" as Route["security"]),
      auth: route?.auth ?? ("none" as Route["auth"]),
      username: route?.username ?? "",
      password: "",
      max_sessions: route?.max_sessions ?? (10 as number | string),
      position: route?.position ?? (0 as number | string),
      weight: route?.weight ?? (100 as number | string),
      sign: route?.sign ?? true,
      enabled: route?.enabled ?? true,
    },
    validate: {
      name: (value) => (value.trim() ? null : t("form.required")),
      host: (value) => (value.trim() ? null : t("form.required")),
      port: (value) => (typeof value === "number" ? null : t("form.required")),
      username: (value, { auth }) => (auth !== "none" && !value.trim() ? t("form.required") : null),
      password: (value, { auth }) => (auth !== "none" && !value && !route?.has_password ? t("form.required") : null),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const { password, username, ...rest } = values;
      const body = {
        ...rest,
        name: rest.name.trim(),
        host: rest.host.trim(),
        port: Number(rest.port),
        max_sessions: Number(rest.max_sessions),
        position: Number(rest.position),
        weight: Number(rest.weight),
        username: rest.auth === "none" ? null : username.trim(),
        // An empty field keeps the password that the server has.
        ...(password ? { password } : {}),
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
      <Select
        label={t("routes.security")}
        allowDeselect={false}
        data={securities.map((value) => ({ value, label: t(`route_security.${value}`) }))}
        {...form.getInputProps("security")}
        onChange={(value) => {
          const security = (value ?? "starttls") as Route["security"];
          if (form.values.port === usualPort[form.values.security]) {
            form.setFieldValue("port", usualPort[security]);
          }
          form.setFieldValue("security", security);
        }}
      />
      <SimpleGrid cols={2} spacing="sm">
        <TextInput
          label={t("routes.host")}
          placeholder="smtp.example.co.jp"
          required
          autoCapitalize="none"
          spellCheck={false}
          {...form.getInputProps("host")}
        />
        <NumberInput
          label={t("routes.port")}
          required
          min={1}
          max={65535}
          thousandSeparator=""
          {...form.getInputProps("port")}
        />
      </SimpleGrid>
      <Select
        label={t("routes.auth")}
        allowDeselect={false}
        data={[
          { value: "none", label: t("common.none") },
          { value: "plain", label: "PLAIN" },
          { value: "login", label: "LOGIN" },
          { value: "xoauth2", label: "XOAUTH2" },
        ]}
        {...form.getInputProps("auth")}
      />
      {form.values.auth === "none" ? null : (
        <>
          <TextInput
            label={t("routes.username")}
            required
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            {...form.getInputProps("username")}
          />
          <PasswordInput
            label={t(form.values.auth === "xoauth2" ? "routes.token" : "auth.password")}
            description={
              form.values.auth === "xoauth2"
                ? t("routes.token_help")
                : route?.has_password
                  ? t("routes.password_kept")
                  : undefined
            }
            required={!route?.has_password}
            autoComplete="new-password"
            visibilityToggleButtonProps={{ "aria-label": t("auth.show_password") }}
            {...form.getInputProps("password")}
          />
        </>
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
        description={t("routes.max_sessions_help")}
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
