import { Checkbox, NumberInput, Select, SimpleGrid, Text, TextInput } from "@mantine/core";
import { type UseFormReturnType, useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { SendLimit } from "@/api/types";
import { allSites, type SiteChoice, SiteFields, siteOf } from "@/components/delivery/site-fields";
import { siteName } from "@/components/delivery/sites";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

const mostPerMinute = 1_000_000;
const mostSessions = 1_000;
const mostGrowth = 300;
const mostUntil = 100_000_000;

interface Values {
  site: SiteChoice;
  sender_domain: string;
  route_id: string;
  per_minute: number | string;
  max_sessions: number | string;
  warming: boolean;
  from: string;
  first: number | string;
  growth: number | string;
  until: number | string;
}

function initial(limit: SendLimit | null, timeZone: string): Values {
  const plan = limit?.warm_up;
  return {
    site: { site: allSites, domain: "" },
    sender_domain: "",
    route_id: "",
    per_minute: limit?.per_minute ?? "",
    max_sessions: limit?.max_sessions ?? "",
    warming: plan != null,
    from: plan?.from ?? new Date().toLocaleDateString("sv-SE", { timeZone }),
    first: plan?.first ?? 500,
    growth: plan?.growth ?? 50,
    until: plan?.until ?? 50_000,
  };
}

/** What a limit says: the whole of it is saved at once. */
function terms(values: Values, suspended: boolean) {
  return {
    per_minute: values.per_minute === "" ? null : Number(values.per_minute),
    max_sessions: values.max_sessions === "" ? null : Number(values.max_sessions),
    suspended,
    warm_up: values.warming
      ? {
          from: values.from,
          first: Number(values.first),
          growth: Number(values.growth),
          until: Number(values.until),
        }
      : null,
  };
}

export function LimitDialog(props: { limit: SendLimit | null; onClose: () => void }) {
  const t = useT();
  const { limit } = props;
  const { timeZone } = useFormat();
  const create = api.useMutation("post", "/v1/send-limits");
  const update = api.useMutation("put", "/v1/send-limits/{id}");
  const within = (value: number | string, most: number) =>
    typeof value === "number" && value >= 1 && value <= most ? null : t("limits.range", { min: 1, max: most });
  const form = useForm<Values>({
    initialValues: initial(limit, timeZone),
    validate: {
      site: (value) => (siteOf(value) === "" ? t("form.required") : null),
      per_minute: (value) => (value === "" ? null : within(value, mostPerMinute)),
      max_sessions: (value) => (value === "" ? null : within(value, mostSessions)),
      from: (value, { warming }) => (warming && !value ? t("form.required") : null),
      first: (value, { warming }) => (warming ? within(value, mostPerMinute) : null),
      growth: (value, { warming }) => (warming ? within(value, mostGrowth) : null),
      until: (value, { warming, first }) =>
        warming ? (Number(value) < Number(first) ? t("limits.until_less") : within(value, mostUntil)) : null,
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const body = terms(values, limit?.suspended ?? false);
      if (limit) {
        await update.mutateAsync({ params: { path: { id: limit.id }, header: ifMatch(limit.version) }, body });
      } else {
        const scope = {
          site: siteOf(values.site),
          sender_domain: values.sender_domain || null,
          route_id: values.route_id || null,
        };
        await create.mutateAsync({ body: { ...scope, ...body } });
      }
      await refresh("/v1/send-limits");
      notifyDone(t("common.saved"));
      props.onClose();
    }),
  );
  return (
    <FormDialog
      title={t(limit ? "limits.edit" : "limits.create")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      onSubmit={submit}
      onClose={props.onClose}
    >
      {limit ? <Subject limit={limit} /> : <ScopeFields form={form} />}
      <NumberInput
        label={t("limits.per_minute")}
        description={t("limits.per_minute_help")}
        min={1}
        max={mostPerMinute}
        {...form.getInputProps("per_minute")}
      />
      <NumberInput
        label={t("limits.sessions")}
        description={t("limits.sessions_help")}
        min={1}
        max={mostSessions}
        {...form.getInputProps("max_sessions")}
      />
      <Checkbox
        label={t("limits.warm_up_on")}
        description={t("limits.warm_up_help")}
        {...form.getInputProps("warming", { type: "checkbox" })}
      />
      {form.values.warming ? <WarmUpFields form={form} /> : null}
    </FormDialog>
  );
}

function Subject({ limit }: { limit: SendLimit }) {
  const t = useT();
  return (
    <Text size="sm" style={{ overflowWrap: "anywhere" }}>
      {limit.site == null ? t("limits.all_sites") : siteName(limit.site)}
      {" · "}
      {limit.sender_domain ?? t("limits.all_domains")}
    </Text>
  );
}

/** What mails a new limit is for. */
function ScopeFields({ form }: { form: UseFormReturnType<Values> }) {
  const t = useT();
  const page = { params: { query: { limit: 200 } } } as const;
  const domains = api.useQuery("get", "/v1/sender-domains", page);
  const routes = api.useQuery("get", "/v1/routes", page);
  return (
    <>
      <SiteFields
        value={form.values.site}
        error={form.errors.site as string | undefined}
        onChange={(site) => form.setFieldValue("site", site)}
      />
      <Select
        label={t("limits.sender_domain")}
        allowDeselect={false}
        data={[
          { value: "", label: t("limits.all_domains") },
          ...(domains.data?.items ?? []).map(({ domain }) => ({ value: domain, label: domain })),
        ]}
        {...form.getInputProps("sender_domain")}
      />
      <Select
        label={t("limits.route")}
        allowDeselect={false}
        data={[
          { value: "", label: t("limits.all_routes") },
          ...(routes.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
        ]}
        {...form.getInputProps("route_id")}
      />
    </>
  );
}

function WarmUpFields({ form }: { form: UseFormReturnType<Values> }) {
  const t = useT();
  return (
    <SimpleGrid cols={2} spacing="sm">
      <TextInput type="date" label={t("limits.warm_up_from")} required {...form.getInputProps("from")} />
      <NumberInput label={t("limits.warm_up_first")} required min={1} {...form.getInputProps("first")} />
      <NumberInput
        label={t("limits.warm_up_growth")}
        required
        min={1}
        max={mostGrowth}
        {...form.getInputProps("growth")}
      />
      <NumberInput label={t("limits.warm_up_until")} required min={1} {...form.getInputProps("until")} />
    </SimpleGrid>
  );
}
