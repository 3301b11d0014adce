import { NumberInput, PasswordInput, Select, SimpleGrid, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import type { Route } from "@/api/types";
import { useT } from "@/i18n";

const securities = ["starttls", "tls", "none"] as const;
const usualPort = { starttls: 587, tls: 465, none: 25 } as const;

/** A route as its form has it. */
export interface RouteForm {
  name: string;
  kind: Route["kind"];
  source_address: string;
  helo: string;
  host: string;
  port: number | string;
  security: NonNullable<Route["security"]>;
  auth: Route["auth"];
  username: string;
  password: string;
  max_sessions: number | string;
  position: number | string;
  weight: number | string;
  sign: boolean;
  enabled: boolean;
}

/** Where the relay is, and how to log in there. */
export function RelayFields(props: {
  form: UseFormReturnType<RouteForm>;
  /** The server has one, and would go on with it. */
  hasPassword: boolean;
  keepsPassword: boolean;
}) {
  const t = useT();
  const { form } = props;
  return (
    <>
      <Select
        label={t("routes.security")}
        allowDeselect={false}
        data={securities.map((value) => ({ value, label: t(`route_security.${value}`) }))}
        {...form.getInputProps("security")}
        onChange={(value) => {
          const security = (value ?? "starttls") as RouteForm["security"];
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
                : props.hasPassword
                  ? t(props.keepsPassword ? "routes.password_kept" : "routes.password_anew")
                  : undefined
            }
            required={!props.keepsPassword}
            autoComplete="new-password"
            visibilityToggleButtonProps={{ "aria-label": t("auth.show_password") }}
            {...form.getInputProps("password")}
          />
        </>
      )}
    </>
  );
}
