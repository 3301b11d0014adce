import { Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { api } from "@/api/client";
import type { Campaign, Preflight } from "@/api/types";
import { TextLink } from "@/components/ui/link-button";
import { translateCode, translateCodeOr, useT } from "@/i18n";
import { type Check, checkHelp, checkPlace } from "./check-words";
import classes from "./checks.module.css";

const icons = { block: IconX, warn: IconAlertTriangle, ok: IconCheck } as const;
const colours = { block: "var(--kb-bad)", warn: "var(--kb-warn)", ok: "var(--kb-good)" } as const;
const order = ["block", "warn", "ok"];

/** What pre-flight looked at, what stands in the way first, each with a word on how to mend it and the way there. */
export function Checks(props: { campaign: Campaign; preflight: Preflight }) {
  const t = useT();
  const fields = api.useQuery("get", "/v1/merge-fields");
  const labels = new Map(fields.data?.items.map((field) => [field.token, field.label]));
  const checks = props.preflight.checks.toSorted((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
  const passed = checks.filter((check) => check.level === "ok");
  return (
    <div>
      <Title order={2} mb="xs">
        {t("wizard.checks_title")}
      </Title>
      <Stack gap={10} component="ul" className={classes.list}>
        {checks
          .filter((check) => check.level !== "ok")
          .map((check) => (
            <Item key={`${check.code}-${check.detail}`} check={check}>
              <Text size="sm" fw={600}>
                {translateCodeOr("check", check.code, check.code)}
              </Text>
              <Group gap={8} style={{ rowGap: 0 }}>
                <Text size="xs" c="dimmed">
                  {checkHelp(check, labels)}
                </Text>
                <WayThere campaign={props.campaign} check={check} />
              </Group>
            </Item>
          ))}
      </Stack>
      <SimpleGrid
        component="ul"
        cols={{ base: 1, xs: 2 }}
        spacing="md"
        verticalSpacing={4}
        mt="sm"
        className={classes.list}
      >
        {passed.map((check) => (
          <Item key={check.code} check={check}>
            <Text size="sm">{translateCodeOr("check", check.code, check.code)}</Text>
          </Item>
        ))}
      </SimpleGrid>
    </div>
  );
}

function Item(props: { check: Check; children: ReactNode }) {
  const t = useT();
  const { code, level } = props.check;
  const CheckIcon = icons[level];
  return (
    <Group component="li" gap={8} wrap="nowrap" align="flex-start" data-check={code} data-level={level}>
      <CheckIcon
        size={16}
        color={colours[level]}
        aria-label={t(`check_level.${level}`)}
        style={{ flexShrink: 0, marginTop: 3 }}
      />
      <div>{props.children}</div>
    </Group>
  );
}

function WayThere(props: { campaign: Campaign; check: Check }) {
  const { mail_id } = props.campaign;
  const place = checkPlace(props.check);
  if (!place) {
    return null;
  }
  const label = translateCode("check_link", place);
  if (place !== "mail") {
    return (
      <TextLink to={`/settings/${place}`} size="xs">
        {label}
      </TextLink>
    );
  }
  return mail_id ? (
    <TextLink to="/mails/$mailId" params={{ mailId: mail_id }} size="xs">
      {label}
    </TextLink>
  ) : null;
}
