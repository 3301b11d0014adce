//! SQL of bursts. A statement for all deliveries of a batch, each looked up by
//! its whole key and its contact's index.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Date, Integer, Nullable, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{AROUND, Mail, Mended, Seen};
use crate::error::Result;
use crate::event::month;
use crate::ids::{CampaignId, DeliveryId, EventId, TenantId};

/// Hits of one mail that are looked at: as many as are kept of it in a minute.
const MOST: i64 = 300;

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = SqlUuid)]
    id: DeliveryId,
    #[diesel(sql_type = Bool)]
    followed: bool,
}

/// Locks, in the order of ids, the deliveries that the batch may change: those
/// that are clicked, or opened for the first time. All at once, since two batches
/// with clicks and opens of the same mails would wait for each other. Answers
/// those of which a link had been followed before, by a person or a scanner.
#[expect(
    clippy::disallowed_methods,
    reason = "a join with unnest; every value is bound"
)]
pub(super) async fn lock(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    mails: &BTreeMap<DeliveryId, Mail>,
) -> Result<BTreeSet<DeliveryId>> {
    let ids: Vec<DeliveryId> = mails.keys().copied().collect();
    let periods: Vec<NaiveDate> = mails.values().map(|mail| mail.period).collect();
    let clicks: Vec<bool> = mails.values().map(Mail::has_clicks).collect();
    let rows: Vec<Locked> = diesel::sql_query(
        "SELECT d.id, d.clicked_at IS NOT NULL OR d.burst IS NOT NULL AS followed
         FROM (SELECT $1::uuid AS tenant_id, u.* FROM unnest($2, $3, $4) AS u (id, period, click) OFFSET 0) h
         JOIN delivery d ON d.tenant_id = h.tenant_id AND d.period = h.period AND d.id = h.id
         WHERE h.click OR d.opened_at IS NULL
         ORDER BY d.id FOR UPDATE OF d",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Date>, _>(periods)
    .bind::<Array<Bool>, _>(clicks)
    .load(tx)
    .await?;
    let followed = rows.into_iter().filter(|row| row.followed);
    Ok(followed.map(|row| row.id).collect())
}

#[derive(QueryableByName)]
struct Around {
    #[diesel(sql_type = SqlUuid)]
    delivery: DeliveryId,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    accepted: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    id: Option<EventId>,
    #[diesel(sql_type = Nullable<Date>)]
    period: Option<NaiveDate>,
    #[diesel(sql_type = Nullable<Integer>)]
    link: Option<i32>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Bool>)]
    machine: Option<bool>,
}

/// Adds what was written of the same mails around the batch's hits. A mail in a
/// mailer's hands is being accepted now, as far as its first visitor goes.
#[expect(
    clippy::disallowed_methods,
    reason = "a lateral look-up for each delivery; every value is bound"
)]
pub(super) async fn look_around(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    mails: &mut BTreeMap<DeliveryId, Mail>,
) -> Result<()> {
    let ids: Vec<DeliveryId> = mails.keys().copied().collect();
    let periods: Vec<NaiveDate> = mails.values().map(|mail| mail.period).collect();
    let since: Vec<DateTime<Utc>> = mails.values().map(|mail| mail.first() - AROUND).collect();
    let until: Vec<DateTime<Utc>> = mails.values().map(|mail| mail.last() + AROUND).collect();
    let first_month = since.iter().min().copied().map(month);
    let last_month = until.iter().max().copied().map(month);
    let rows: Vec<Around> = diesel::sql_query(
        "SELECT d.id AS delivery, e.id, e.period, e.link_number AS link, e.at, e.machine,
                CASE WHEN d.state = 'claimed' THEN h.since ELSE coalesce(d.accepted_at, d.attempted_at) END AS accepted
         FROM (SELECT $1::uuid AS tenant_id, u.* FROM unnest($2, $3, $4, $5) AS u (id, period, since, until) OFFSET 0) h
         JOIN delivery d ON d.tenant_id = h.tenant_id AND d.period = h.period AND d.id = h.id
         LEFT JOIN LATERAL (
            SELECT e.id, e.period, e.link_number, e.at, e.machine FROM event e
            WHERE e.tenant_id = h.tenant_id AND e.period BETWEEN $6 AND $7 AND e.contact_id = d.contact_id
              AND e.at BETWEEN h.since AND h.until AND e.delivery_id = d.id AND e.kind IN ('open', 'click')
              AND (NOT e.machine OR e.machine_rule = 'many_links')
            ORDER BY e.at LIMIT $8) e ON true",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Date>, _>(periods)
    .bind::<Array<Timestamptz>, _>(since)
    .bind::<Array<Timestamptz>, _>(until)
    .bind::<Nullable<Date>, _>(first_month)
    .bind::<Nullable<Date>, _>(last_month)
    .bind::<BigInt, _>(MOST)
    .load(tx)
    .await?;
    for row in rows {
        if let Some(mail) = mails.get_mut(&row.delivery) {
            mail.take(&row);
        }
    }
    Ok(())
}

impl Mail {
    /// A hit that is in the batch again (its commit was not heard of) is the one that was written.
    fn take(&mut self, row: &Around) {
        self.accepted = row.accepted;
        let (Some(id), Some(at)) = (row.id, row.at) else {
            return;
        };
        self.seen.retain(|seen| seen.id != id);
        self.seen.push(Seen {
            id,
            link: row.link,
            at,
            counted_in: row.period.filter(|_| row.machine == Some(false)),
        });
    }
}

/// What bursts change of what has been written.
#[derive(Default)]
pub(super) struct ToMend {
    /// Written as a person's.
    events: Vec<(EventId, NaiveDate)>,
    mails: Vec<Scanned>,
}

/// A mail with a burst.
struct Scanned {
    id: DeliveryId,
    period: NaiveDate,
    /// The first of its events that had been written as a person's.
    counted: Option<DateTime<Utc>>,
    span: (DateTime<Utc>, DateTime<Utc>),
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = SqlUuid)]
    campaign_id: CampaignId,
    #[diesel(sql_type = Bool)]
    unopened: bool,
    #[diesel(sql_type = Bool)]
    unclicked: bool,
}

impl ToMend {
    pub(super) fn add(&mut self, id: DeliveryId, mail: &Mail, burst: &BTreeSet<EventId>) {
        let Some(span) = mail.span(burst) else {
            return;
        };
        let mut counted: Option<DateTime<Utc>> = None;
        for seen in mail.seen.iter().filter(|seen| burst.contains(&seen.id)) {
            if let Some(period) = seen.counted_in {
                self.events.push((seen.id, period));
                counted = Some(counted.map_or(seen.at, |first| first.min(seen.at)));
            }
        }
        self.mails.push(Scanned {
            id,
            period: mail.period,
            counted,
            span,
        });
    }

    /// Takes back what was counted, and keeps with the deliveries, which are locked, when it was.
    pub(super) async fn mend(
        self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
    ) -> Result<Vec<Mended>> {
        if self.mails.is_empty() {
            return Ok(Vec::new());
        }
        if !self.events.is_empty() {
            self.mark(tx, tenant).await?;
        }
        let changed = self.count_anew(tx, tenant).await?;
        Ok(changed
            .into_iter()
            .map(|row| Mended {
                campaign: row.campaign_id,
                unopened: row.unopened,
                unclicked: row.unclicked,
            })
            .collect())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "UPDATE from unnest; every value is bound"
    )]
    async fn mark(&self, tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
        let (ids, periods): (Vec<EventId>, Vec<NaiveDate>) = self.events.iter().copied().unzip();
        diesel::sql_query(
            "UPDATE event e SET machine = true, machine_rule = 'many_links'
             FROM (SELECT $1::uuid AS tenant_id, u.* FROM unnest($2, $3) AS u (id, period) OFFSET 0) m
             WHERE e.tenant_id = m.tenant_id AND e.period = m.period AND e.id = m.id AND NOT e.machine",
        )
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Date>, _>(periods)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// First open and first click by what is left. One of before the burst stays,
    /// and all of a mail of which nothing was counted.
    #[expect(
        clippy::disallowed_methods,
        reason = "UPDATE from a lateral look-up; every value is bound"
    )]
    async fn count_anew(
        &self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
    ) -> Result<Vec<Changed>> {
        let ids: Vec<DeliveryId> = self.mails.iter().map(|mail| mail.id).collect();
        let periods: Vec<NaiveDate> = self.mails.iter().map(|mail| mail.period).collect();
        let since: Vec<Option<DateTime<Utc>>> =
            self.mails.iter().map(|mail| mail.counted).collect();
        let (firsts, lasts): (Vec<DateTime<Utc>>, Vec<DateTime<Utc>>) =
            self.mails.iter().map(|mail| mail.span).unzip();
        Ok(diesel::sql_query(
            "WITH left_over AS MATERIALIZED (
                SELECT d.tenant_id, d.period, d.id, d.opened_at AS was_opened, d.clicked_at AS was_clicked,
                       tstzrange(m.first, m.last, '[]') AS burst,
                       CASE WHEN d.opened_at >= m.since THEN p.opened ELSE d.opened_at END AS opened,
                       CASE WHEN d.clicked_at >= m.since THEN p.clicked ELSE d.clicked_at END AS clicked
                FROM (SELECT $1::uuid AS tenant_id, u.* FROM unnest($2, $3, $4, $5, $6) AS u (id, period, since, first, last) OFFSET 0) m
                JOIN delivery d ON d.tenant_id = m.tenant_id AND d.period = m.period AND d.id = m.id
                CROSS JOIN LATERAL (
                    SELECT min(e.at) AS opened, min(e.at) FILTER (WHERE e.kind = 'click') AS clicked FROM event e
                    WHERE e.tenant_id = m.tenant_id AND e.period >= date_trunc('month', m.since AT TIME ZONE 'UTC')::date
                      AND e.contact_id = d.contact_id AND e.at >= m.since AND e.delivery_id = d.id
                      AND e.kind IN ('open', 'click') AND NOT e.machine) p)
             UPDATE delivery d SET opened_at = l.opened, clicked_at = l.clicked,
                burst = CASE WHEN d.burst && l.burst THEN d.burst + l.burst ELSE l.burst END
             FROM left_over l WHERE d.tenant_id = l.tenant_id AND d.period = l.period AND d.id = l.id
             RETURNING d.campaign_id, l.was_opened IS NOT NULL AND l.opened IS NULL AS unopened,
                       l.was_clicked IS NOT NULL AND l.clicked IS NULL AS unclicked",
        )
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Date>, _>(periods)
        .bind::<Array<Nullable<Timestamptz>>, _>(since)
        .bind::<Array<Timestamptz>, _>(firsts)
        .bind::<Array<Timestamptz>, _>(lasts)
        .load(tx)
        .await?)
    }
}
