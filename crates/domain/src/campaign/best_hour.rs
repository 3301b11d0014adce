//! Each person at their hour: due at the hour of the day at which their earlier
//! opens cluster, within a day of the start. Judged chunk by chunk where the
//! audience is frozen, from an index that exists, so that opens cost nothing
//! more and no summary has to be kept (decision 0031).

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Date, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::hours::{Hours, Span};
use super::queries;
use crate::error::Result;
use crate::ids::{CampaignId, TenantId};
use crate::schema::campaign;
use crate::tenant;

/// Opens that are older tell nothing any more.
const LOOK_BACK: TimeDelta = TimeDelta::days(180);
/// Last opens and clicks of a person that are looked at.
const EVENTS: u32 = 50;
/// Fewer are chance.
const ENOUGH: u32 = 3;
/// Everybody has got it then.
const WINDOW: TimeDelta = TimeDelta::hours(24);

/// When each hour of the day begins next, from the start on; `None` of one at
/// which nothing may go out.
type Moments = [Option<DateTime<Utc>>; 24];

/// When people of a campaign are due.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clock {
    zone: Tz,
    moments: Moments,
    /// Of who opened too little.
    usual: DateTime<Utc>,
    since: DateTime<Utc>,
}

/// The hour that has begun counts as the start itself.
fn moments(start: DateTime<Utc>, zone: Tz, quiet: Option<Hours>) -> Moments {
    let time = |hour: u32| NaiveTime::from_hms_opt(hour % 24, 0, 0).unwrap_or_default();
    std::array::from_fn(|hour| {
        let hour = u32::try_from(hour).unwrap_or(0);
        let span = Span {
            from: time(hour),
            until: time(hour + 1),
        };
        let begins = Hours { span, zone }.opens(start).unwrap_or(start);
        let moment = begins.min(start + WINDOW);
        quiet
            .is_none_or(|quiet| quiet.opens(moment).is_none())
            .then_some(moment)
    })
}

impl Clock {
    fn new(start: DateTime<Utc>, zone: Tz, quiet: Option<Hours>, usual_hour: Option<i16>) -> Self {
        let moments = moments(start, zone, quiet);
        let usual = usual_hour
            .and_then(|hour| usize::try_from(hour).ok())
            .and_then(|hour| moments.get(hour).copied().flatten());
        Self {
            zone,
            moments,
            usual: usual.unwrap_or(start),
            since: start - LOOK_BACK,
        }
    }

    /// Of a campaign that is under way; `None` when all are due at once.
    pub(super) async fn of(
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        id: CampaignId,
    ) -> Result<Option<Self>> {
        let row = queries::find(tx, tenant, id).await?;
        let Some(start) = row.started_at.filter(|_| row.best_hour) else {
            return Ok(None);
        };
        let usual: Option<i16> = campaign::table
            .find((tenant, id))
            .select(campaign::usual_hour)
            .first(tx)
            .await?;
        let settings = tenant::find(tx, tenant).await?;
        let quiet = row
            .hours()
            .resolve(&row.time_zone, settings.hours(), &settings.time_zone);
        let zone = row.time_zone.parse().unwrap_or(chrono_tz::Asia::Tokyo);
        Ok(Some(Self::new(start, zone, quiet, usual)))
    }

    /// CTE `best (id, due_at)`: when each of `judged` is due. An hour counts
    /// twice what the hours beside it do; of equal hours the first of the day.
    /// Times and names of our own making stand in it as they are.
    pub(super) fn cte(&self) -> String {
        let moments: Vec<String> = self
            .moments
            .iter()
            .map(|moment| moment.map_or_else(|| "NULL".to_owned(), |at| at.to_rfc3339()))
            .collect();
        let period = first_of_month(self.since);
        format!(
            "best AS MATERIALIZED (
                SELECT j.id, coalesce(hour.due_at, TIMESTAMPTZ '{usual}') AS due_at
                FROM judged j LEFT JOIN LATERAL (
                    SELECT ('{{{moments}}}'::timestamptz[])[h.hour + 1] AS due_at
                    FROM (SELECT extract(hour FROM e.at AT TIME ZONE '{zone}')::int AS hour, count(*) OVER () AS n
                          FROM (SELECT e.at FROM event e
                                WHERE e.tenant_id = $1 AND e.period >= DATE '{period}' AND e.contact_id = j.id
                                  AND e.at >= TIMESTAMPTZ '{since}' AND e.kind IN ('open', 'click') AND NOT e.machine
                                ORDER BY e.at DESC LIMIT {EVENTS}) e) opened
                    CROSS JOIN LATERAL (VALUES (opened.hour, 2), ((opened.hour + 1) % 24, 1), ((opened.hour + 23) % 24, 1)) AS h (hour, weight)
                    WHERE opened.n >= {ENOUGH} AND ('{{{moments}}}'::timestamptz[])[h.hour + 1] IS NOT NULL
                    GROUP BY h.hour ORDER BY sum(h.weight) DESC, h.hour LIMIT 1) AS hour ON true
                WHERE j.reason IS NULL)",
            usual = self.usual.to_rfc3339(),
            moments = moments.join(","),
            zone = self.zone.name(),
            since = self.since.to_rfc3339(),
        )
    }
}

fn first_of_month(at: DateTime<Utc>) -> NaiveDate {
    let day = at.date_naive();
    day.with_day(1).unwrap_or(day)
}

#[derive(QueryableByName)]
struct Usual {
    #[diesel(sql_type = Nullable<SmallInt>)]
    hour: Option<i16>,
}

/// At the start: the hour at which most people opened the last campaigns, of
/// those hours at which this one may go out.
pub(super) async fn fix(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(clock) = Clock::of(tx, tenant, id).await? else {
        return Ok(());
    };
    let hour = usual(tx, tenant, &clock, now).await?;
    diesel::update(campaign::table.find((tenant, id)))
        .set(campaign::usual_hour.eq(hour))
        .execute(tx)
        .await?;
    Ok(())
}

/// A thousand people each of the last twenty campaigns, from an index alone.
#[expect(
    clippy::disallowed_methods,
    reason = "LATERAL and AT TIME ZONE; every value is bound"
)]
async fn usual(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    clock: &Clock,
    now: DateTime<Utc>,
) -> Result<Option<i16>> {
    let allowed: Vec<i16> = (0_i16..)
        .zip(clock.moments)
        .filter(|(_, moment)| moment.is_some())
        .map(|(hour, _)| hour)
        .collect();
    let rows: Vec<Usual> = diesel::sql_query(
        "SELECT hour FROM (
            SELECT extract(hour FROM o.opened_at AT TIME ZONE $2)::smallint AS hour
            FROM (SELECT id, period FROM campaign
                  WHERE tenant_id = $1 AND kind = 'campaign' AND started_at BETWEEN $3 AND $4
                  ORDER BY started_at DESC, id DESC LIMIT 20) c
            CROSS JOIN LATERAL (SELECT d.opened_at FROM delivery d
                                WHERE d.tenant_id = $1 AND d.period >= $6 AND d.period = c.period AND d.campaign_id = c.id
                                  AND d.opened_at IS NOT NULL ORDER BY d.id LIMIT 1000) o) opened
         WHERE hour = ANY ($5) GROUP BY hour ORDER BY count(*) DESC, hour LIMIT 1",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(clock.zone.name())
    .bind::<Timestamptz, _>(clock.since)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SmallInt>, _>(allowed)
    .bind::<Date, _>(first_of_month(clock.since))
    .load(tx)
    .await?;
    Ok(rows.into_iter().next().and_then(|row| row.hour))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn each_hour_begins_within_a_day_and_the_one_that_has_begun_is_now() {
        // 09:30 in Tokyo.
        let start = at("2026-11-20T00:30:00Z");
        let found = moments(start, chrono_tz::Asia::Tokyo, None);
        assert_eq!(found[9], Some(start));
        assert_eq!(found[10], Some(at("2026-11-20T01:00:00Z")));
        assert_eq!(found[23], Some(at("2026-11-20T14:00:00Z")));
        assert_eq!(found[0], Some(at("2026-11-20T15:00:00Z")));
        assert_eq!(found[8], Some(at("2026-11-20T23:00:00Z")));
    }

    #[test]
    fn daylight_saving_moves_no_hour_out_of_the_day() {
        let york = chrono_tz::America::New_York;
        // Two hours of the night are one, or one comes twice.
        for start in ["2026-03-07T20:10:00Z", "2026-10-31T20:10:00Z"] {
            let start = at(start);
            for moment in moments(start, york, None) {
                let moment = moment.unwrap();
                assert!(start <= moment && moment <= start + WINDOW, "{moment}");
            }
        }
    }

    #[test]
    fn quiet_hours_are_nobodys_best() {
        let zone = chrono_tz::Asia::Tokyo;
        let span = Span::parse("09:00", "21:00", "").unwrap();
        let quiet = Some(Hours { span, zone });
        let start = at("2026-11-20T03:30:00Z");
        let found = moments(start, zone, quiet);
        let open: Vec<usize> = (0..24).filter(|hour| found[*hour].is_some()).collect();
        assert_eq!(open, (9..21).collect::<Vec<_>>());
        // The usual hour is shut: at once.
        let clock = Clock::new(start, zone, quiet, Some(22));
        assert_eq!(clock.usual, start);
        let clock = Clock::new(start, zone, quiet, Some(9));
        assert_eq!(clock.usual, at("2026-11-21T00:00:00Z"));
    }
}
