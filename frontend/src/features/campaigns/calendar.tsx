import { ActionIcon, Button, Group, SegmentedControl, Text, UnstyledButton } from "@mantine/core";
import { IconCalendarEvent, IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { api, inBackground } from "@/api/client";
import type { Campaign } from "@/api/types";
import { useCan } from "@/auth/guard";
import { CampaignStateLabel } from "@/components/campaign/state";
import { Page } from "@/components/layout/page";
import { TextLink } from "@/components/ui/link-button";
import { EmptyState, QueryView } from "@/components/ui/state-view";
import { useLocale, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { addDays, addMonths, beginOf, type Day, dayOf, monthOf, weekday, weekOf } from "@/lib/days";
import classes from "./calendar.module.css";
import { Reschedule } from "./reschedule";
import type { CalendarSearch } from "./search";

interface Props {
  search: CalendarSearch;
  onSearch: (change: Partial<CalendarSearch>) => void;
}

const startOf = (campaign: Campaign) => campaign.started_at ?? campaign.scheduled_at ?? "";

/** What went out and what will: a month or a week, and each schedule can be moved until it begins. */
export function CalendarScreen({ search, onSearch }: Props) {
  const t = useT();
  const locale = useLocale();
  const { timeZone, zone } = useFormat();
  const canSend = useCan("campaigns.send");
  const [moving, setMoving] = useState<Campaign | null>(null);
  const today = dayOf(new Date().toISOString(), timeZone);
  const day = search.day ?? today;
  const isWeek = search.view === "week";
  const firstWeekday = locale === "ja" ? 0 : 1;
  const days = isWeek ? weekOf(day, firstWeekday) : monthOf(day, firstWeekday);
  const [first, last] = [days[0] ?? day, days.at(-1) ?? day];
  const query = api.useQuery(
    "get",
    "/v1/campaign-calendar",
    {
      params: { query: { from: beginOf(first, timeZone), until: beginOf(addDays(last, 1), timeZone) } },
      ...inBackground,
    },
    { placeholderData: keepPreviousData, refetchInterval: 30_000 },
  );
  const move = (steps: number) => onSearch({ day: isWeek ? addDays(day, 7 * steps) : addMonths(day, steps) });
  const tag = locale === "ja" ? "ja-JP" : "en-GB";
  const written = (of: Day, form: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(tag, { ...form, timeZone: "UTC" }).format(new Date(`${of}T00:00:00Z`));
  const title = isWeek
    ? `${written(first, { year: "numeric", month: "long", day: "numeric" })} – ${written(last, { month: "long", day: "numeric" })}`
    : written(day, { year: "numeric", month: "long" });
  return (
    <Page title={t("nav.calendar")} description={t("calendar.description", { zone: zone(timeZone) })}>
      <Group justify="space-between" mb="sm" gap="sm">
        <Group gap="xs">
          <ActionIcon variant="default" size="lg" aria-label={t("calendar.before")} onClick={() => move(-1)}>
            <IconChevronLeft size={16} />
          </ActionIcon>
          <ActionIcon variant="default" size="lg" aria-label={t("calendar.after")} onClick={() => move(1)}>
            <IconChevronRight size={16} />
          </ActionIcon>
          <Button variant="default" size="sm" onClick={() => onSearch({ day: undefined })}>
            {t("calendar.today")}
          </Button>
          <Text fw={600} role="status">
            {title}
          </Text>
        </Group>
        <SegmentedControl
          aria-label={t("calendar.view")}
          data={[
            { value: "month", label: t("calendar.month") },
            { value: "week", label: t("calendar.week") },
          ]}
          value={isWeek ? "week" : "month"}
          onChange={(view) => onSearch({ view: view === "week" ? "week" : undefined })}
        />
      </Group>
      <QueryView query={query}>
        {({ items, is_cut }) => (
          <>
            {is_cut ? (
              <Text size="sm" mb="xs">
                {t("calendar.cut")}
              </Text>
            ) : null}
            <section className={`kb-panel ${isWeek ? classes.week : ""}`} aria-label={title}>
              <div className={classes.weekdays} aria-hidden>
                {days.slice(0, 7).map((of) => (
                  <div key={of} className={classes.weekday}>
                    {written(of, { weekday: "short" })}
                  </div>
                ))}
              </div>
              <ol className={classes.days}>
                {days.map((of) => {
                  const entries = items.filter((campaign) => dayOf(startOf(campaign), timeZone) === of);
                  return (
                    <li
                      key={of}
                      className={classes.day}
                      data-outside={(!isWeek && of.slice(0, 7) !== day.slice(0, 7)) || undefined}
                      data-today={of === today || undefined}
                      data-empty={entries.length === 0 || undefined}
                      data-weekday={weekday(of)}
                    >
                      <time dateTime={of} className={classes.number}>
                        {written(of, { month: "numeric", day: "numeric" })}
                        <span className={classes.name}> {written(of, { weekday: "short" })}</span>
                      </time>
                      {entries.map((campaign) => (
                        <Entry
                          key={campaign.id}
                          campaign={campaign}
                          onMove={
                            canSend && campaign.state === "scheduled" && !campaign.date_mail_id
                              ? () => setMoving(campaign)
                              : undefined
                          }
                        />
                      ))}
                    </li>
                  );
                })}
              </ol>
            </section>
            {items.length === 0 ? (
              <EmptyState icon={IconCalendarEvent} title={t("calendar.empty_title")} body={t("calendar.empty_body")} />
            ) : null}
          </>
        )}
      </QueryView>
      {moving ? <Reschedule key={moving.id} campaign={moving} onClose={() => setMoving(null)} /> : null}
    </Page>
  );
}

function Entry({ campaign, onMove }: { campaign: Campaign; onMove?: () => void }) {
  const t = useT();
  const format = useFormat();
  return (
    <div className={classes.entry}>
      <Group gap={6} style={{ rowGap: 0 }}>
        <span className="num">{format.time(startOf(campaign))}</span>
        <CampaignStateLabel state={campaign.state} />
      </Group>
      <TextLink to="/campaigns/$campaignId" params={{ campaignId: campaign.id }} size="xs" fw={500}>
        {campaign.name}
      </TextLink>
      {campaign.started_at ? (
        <Text size="xs" c="dimmed" className="num">
          {t("calendar.accepted", { count: campaign.counts.accepted })}
        </Text>
      ) : null}
      {onMove ? (
        <UnstyledButton onClick={onMove} aria-haspopup="dialog" aria-label={`${t("calendar.move")}: ${campaign.name}`}>
          <Text size="xs" td="underline">
            {t("calendar.move")}
          </Text>
        </UnstyledButton>
      ) : null}
    </div>
  );
}
