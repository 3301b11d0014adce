//! Freezing: who gets the campaign is written down as delivery rows, in
//! chunks by contact id, while the first mails already go out.
//!
//! One mailer at a time freezes a campaign, by a lease on its queue row; each
//! chunk is one transaction that writes the rows, the counters and how far it
//! came (`prepared_upto`), so that after a crash the next mailer goes on where
//! the last commit was, and nobody stands there twice. People who are left out
//! stand there too, as skipped, with the reason.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::ab_test;
use super::audience::Audience;
use super::best_hour::Clock;
use super::confirmation::{self, MORE_PEOPLE};
use super::frequency::Cap;
use super::state::{State, Step};
use super::{control, queries};
use crate::db::Db;
use crate::delivery::{counters, queue};
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, ContactId, DeliveryId, TenantId, WorkerId};
use crate::schema::{campaign, send_queue};
use crate::signal::{self, Signal};

/// People in a chunk: less than a tenth of a second, so that the first of a
/// large campaign are soon on their way.
pub const CHUNK: usize = 1_000;
/// How long a mailer may take for one chunk.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// What one call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frozen {
    /// No campaign waits to be frozen.
    Nothing,
    /// A chunk of this many people; the campaign is not through yet.
    Chunk(usize),
    /// The last chunk of a campaign.
    Last(usize),
}

#[derive(Debug, Clone, Copy, QueryableByName)]
struct Turn {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: TenantId,
    #[diesel(sql_type = SqlUuid)]
    campaign_id: CampaignId,
}

/// Freezes the next chunk of the campaign that waits longest. Call it again
/// until it answers [`Frozen::Nothing`].
///
/// # Errors
/// When the database does; the chunk is then as if it had not been tried.
pub async fn freeze_next_chunk(db: &Db, worker: WorkerId) -> Result<Frozen> {
    freeze_chunk_of(db, worker, CHUNK).await
}

/// As [`freeze_next_chunk`], with the size of the chunk.
///
/// # Errors
/// As [`freeze_next_chunk`].
pub async fn freeze_chunk_of(db: &Db, worker: WorkerId, size: usize) -> Result<Frozen> {
    let Some(turn) = lease(db, worker).await? else {
        return Ok(Frozen::Nothing);
    };
    let now = db.now();
    let frozen = db
        .tenant(turn.tenant_id, async |tx| {
            chunk(tx, turn, worker, size, now).await
        })
        .await;
    match frozen {
        Err(DomainError::Conflict {
            code: OVERTAKEN, ..
        }) => Ok(Frozen::Chunk(0)),
        Err(DomainError::Conflict {
            code: MORE_PEOPLE, ..
        }) => hold(db, turn).await.map(|()| Frozen::Chunk(0)),
        other => other,
    }
}

/// Campaigns take turns chunk by chunk, so that a small one never waits for a
/// large one. A lease stays on the row while the audience is incomplete: that
/// is how a campaign that already sends is found again.
#[expect(clippy::disallowed_methods, reason = "UPDATE from a locked sub-select")]
async fn lease(db: &Db, worker: WorkerId) -> Result<Option<Turn>> {
    let now = db.now();
    db.system(async |tx| {
        let turns: Vec<Turn> = diesel::sql_query(
            "UPDATE send_queue AS taken SET leased_until = $2, lease_owner = $3
             FROM (SELECT q.tenant_id, q.campaign_id FROM send_queue q
                   WHERE (q.state = 'preparing' OR (q.state = 'sending' AND q.leased_until IS NOT NULL))
                     AND (q.leased_until IS NULL OR q.leased_until <= $1 OR q.lease_owner = $3)
                   ORDER BY q.leased_until NULLS FIRST, q.due_at LIMIT 1 FOR UPDATE SKIP LOCKED) AS next
             WHERE taken.tenant_id = next.tenant_id AND taken.campaign_id = next.campaign_id
             RETURNING taken.tenant_id, taken.campaign_id",
        )
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(now + LEASE)
        .bind::<SqlUuid, _>(worker)
        .load(tx)
        .await?;
        Ok(turns.into_iter().next())
    })
    .await
}

#[derive(Queryable, PartialEq)]
struct Row {
    state: State,
    audience: serde_json::Value,
    period: Option<NaiveDate>,
    prepared_upto: Option<ContactId>,
    prepared_at: Option<DateTime<Utc>>,
}

/// Writes the chunk's rows first, which nobody else sees yet, and locks the
/// campaign only for the word that they count: who pauses or stops it
/// meanwhile does not wait for them.
async fn chunk(
    tx: &mut AsyncPgConnection,
    turn: Turn,
    worker: WorkerId,
    size: usize,
    now: DateTime<Utc>,
) -> Result<Frozen> {
    let Turn {
        tenant_id: tenant,
        campaign_id: id,
    } = turn;
    let Some((row, _)) = freezing(tx, turn, worker, false).await? else {
        return Ok(Frozen::Chunk(0));
    };
    let period = row
        .period
        .ok_or_else(|| DomainError::internal("a campaign is prepared without a period"))?;
    let audience: Audience =
        serde_json::from_value(row.audience.clone()).map_err(DomainError::internal)?;
    let after = row.prepared_upto.unwrap_or(ContactId(Uuid::nil()));
    let rules = Rules {
        cap: Cap::take_turn(tx, tenant, now).await?,
        deal: ab_test::decided(tx, tenant, id).await?,
        clock: Clock::of(tx, tenant, id).await?,
    };
    let written = insert(tx, tenant, id, period, &audience, &rules, after, size, now).await?;
    let state = match freezing(tx, turn, worker, true).await? {
        // A winner that was taken meanwhile is for these people, too.
        Some((locked, state)) if locked == row && rules.hold(tx, tenant, id).await? => state,
        _ => return Err(overtaken()),
    };
    if !confirmation::admit(tx, tenant, id, written.queued).await? {
        return Err(DomainError::conflict(
            MORE_PEOPLE,
            "more people are meant than were confirmed",
        ));
    }
    let is_last = written.people < i64::try_from(size).unwrap_or(i64::MAX);
    // After the campaign its queue row, then what counts (lock order of delivery::queue).
    diesel::update(send_queue::table.find((tenant, id)))
        .set((
            send_queue::state.eq(state.as_str()),
            send_queue::due_at.eq(now),
        ))
        .execute(tx)
        .await?;
    diesel::update(campaign::table.find((tenant, id)))
        .set((
            campaign::state.eq(state),
            campaign::prepared_upto.eq(written.last.or(row.prepared_upto)),
            campaign::prepared_at.eq(is_last.then_some(now)),
            campaign::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    ab_test::deal(tx, tenant, id, written.dealt).await?;
    counters::add(
        tx,
        tenant,
        id,
        &[("queued", written.queued), ("skipped", written.skipped)],
    )
    .await?;
    if is_last {
        diesel::update(send_queue::table.find((tenant, id)))
            .set((
                send_queue::leased_until.eq(None::<DateTime<Utc>>),
                send_queue::lease_owner.eq(None::<WorkerId>),
            ))
            .execute(tx)
            .await?;
        queue::settle(tx, tenant, id, now).await?;
    }
    signal::publish(tx, Signal::Campaign { tenant, id }).await?;
    signal::publish(tx, Signal::SendQueue).await?;
    let people = usize::try_from(written.people).unwrap_or(0);
    Ok(if is_last {
        Frozen::Last(people)
    } else {
        Frozen::Chunk(people)
    })
}

/// The chunk that would have been too much is taken back; a person decides.
async fn hold(db: &Db, turn: Turn) -> Result<()> {
    let now = db.now();
    db.tenant(turn.tenant_id, async |tx| {
        let before = queries::lock(tx, turn.tenant_id, turn.campaign_id).await?;
        if before.state.after(Step::Pause, true).is_err() {
            return Ok(());
        }
        control::hold(tx, turn.tenant_id, &before, MORE_PEOPLE, now).await
    })
    .await
}

/// The campaign while it is this worker's to freeze, and the state it has after
/// the chunk. Paused or stopped since the lease it is not, and its row's state
/// keeps it from being leased again.
async fn freezing(
    tx: &mut AsyncPgConnection,
    turn: Turn,
    worker: WorkerId,
    lock: bool,
) -> Result<Option<(Row, State)>> {
    let (tenant, id) = (turn.tenant_id, turn.campaign_id);
    let query = campaign::table.find((tenant, id)).select((
        campaign::state,
        campaign::audience,
        campaign::period,
        campaign::prepared_upto,
        campaign::prepared_at,
    ));
    let row: Option<Row> = if lock {
        query.for_no_key_update().first(tx).await.optional()?
    } else {
        query.first(tx).await.optional()?
    };
    let leased: i64 = send_queue::table
        .find((tenant, id))
        .filter(send_queue::lease_owner.eq(worker))
        .count()
        .get_result(tx)
        .await?;
    Ok(row
        .filter(|row| leased == 1 && row.prepared_at.is_none())
        .and_then(|row| {
            let state = row.state.after(Step::Begin, true).ok()?;
            Some((row, state))
        }))
}

const OVERTAKEN: &str = "freeze_overtaken";

/// Takes back what was written for a campaign that was paused or stopped
/// meanwhile.
fn overtaken() -> DomainError {
    DomainError::conflict(OVERTAKEN, "the campaign is no longer to be frozen")
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = BigInt)]
    people: i64,
    #[diesel(sql_type = BigInt)]
    queued: i64,
    #[diesel(sql_type = BigInt)]
    skipped: i64,
    #[diesel(sql_type = BigInt)]
    dealt: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    last: Option<ContactId>,
}

/// What decides who gets it, when, and in which variant.
struct Rules {
    cap: Option<Cap>,
    deal: Option<ab_test::Deal>,
    clock: Option<Clock>,
}

impl Rules {
    /// Whether the deal is still as it was read.
    async fn hold(
        &self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        id: CampaignId,
    ) -> Result<bool> {
        Ok(self.deal.is_none() || ab_test::decided(tx, tenant, id).await? == self.deal)
    }

    /// CTEs, the join to them, and the values of variant and due_at. People
    /// are dealt out in an order that depends on nothing but their ids and the
    /// campaign's, so that it is the same again and no order of theirs decides.
    fn sql(&self) -> (String, &'static str, String, &'static str) {
        let (mut ctes, variant) = match &self.deal {
            Some(deal) => (
                format!(
                    ", dealt AS MATERIALIZED (
                        SELECT n.id, {} AS variant FROM (
                            SELECT j.id, {} + row_number() OVER (ORDER BY md5($8::text || j.id::text), j.id) - 1 AS k
                            FROM judged j WHERE j.reason IS NULL) n)",
                    deal.sql("n.k"),
                    deal.dealt,
                ),
                "x.variant",
            ),
            None => (String::new(), "NULL::smallint"),
        };
        let due = match &self.clock {
            Some(clock) => {
                ctes.push_str(", ");
                ctes.push_str(&clock.cte());
                "b.due_at"
            }
            None => "$9",
        };
        let join = match (&self.deal, &self.clock) {
            (Some(_), Some(_)) => {
                "LEFT JOIN dealt x ON x.id = j.id LEFT JOIN best b ON b.id = j.id"
            }
            (Some(_), None) => "LEFT JOIN dealt x ON x.id = j.id",
            (None, Some(_)) => "LEFT JOIN best b ON b.id = j.id",
            (None, None) => "",
        };
        let waits = if self.deal.is_some() {
            "j.reason IS NOT NULL OR x.variant IS NULL"
        } else {
            "j.reason IS NOT NULL"
        };
        let due = format!("CASE WHEN {waits} THEN NULL ELSE {due} END");
        (ctes, join, due, variant)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "INSERT … SELECT from the judging CTEs; only fixed text is put together"
)]
#[expect(clippy::too_many_arguments, reason = "what a delivery row is made of")]
async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    period: NaiveDate,
    audience: &Audience,
    rules: &Rules,
    after: ContactId,
    size: usize,
    now: DateTime<Utc>,
) -> Result<Written> {
    // PostgreSQL 15 makes no UUIDv7; in the order of contacts they make an
    // index that grows at its end.
    let ids: Vec<DeliveryId> = (0..size).map(|_| DeliveryId::new()).collect();
    let (ctes, join, due, variant) = rules.sql();
    let sql = format!(
        "WITH {}{ctes},
         written AS (
            INSERT INTO delivery (tenant_id, period, id, campaign_id, contact_id, address, state, reason, due_at, variant)
            SELECT $1, $6, ($7::uuid[])[row_number() OVER (ORDER BY j.id)], $8, j.id, j.email,
                   CASE WHEN j.reason IS NULL THEN 'queued' ELSE 'skipped' END, j.reason,
                   {due}, {variant}
            FROM judged j {join}
            ON CONFLICT (tenant_id, contact_id, campaign_id, period, copy) DO NOTHING
            RETURNING state)
         SELECT (SELECT count(*) FROM people) AS people,
                (SELECT count(*) FROM written WHERE state = 'queued') AS queued,
                (SELECT count(*) FROM written WHERE state = 'skipped') AS skipped,
                (SELECT count(*) FROM judged WHERE reason IS NULL) AS dealt,
                (SELECT id FROM people ORDER BY id DESC LIMIT 1) AS last",
        audience.judged(true, rules.cap)
    );
    Ok(diesel::sql_query(sql)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(&audience.list_ids)
        .bind::<Array<SqlUuid>, _>(&audience.exclude_list_ids)
        .bind::<SqlUuid, _>(after)
        .bind::<BigInt, _>(i64::try_from(size).unwrap_or(i64::MAX))
        .bind::<Date, _>(period)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<SqlUuid, _>(id)
        .bind::<Timestamptz, _>(now)
        .get_result(tx)
        .await?)
}
