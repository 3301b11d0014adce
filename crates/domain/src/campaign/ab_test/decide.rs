//! The winner: taken when its time has come or by a person, each time in one
//! transaction, and given to those who wait, in chunks. A mailer looks after
//! all this; what it does next stands in the rows, so that any other one can
//! go on where one died.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, SmallInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::queries::look_at;
use super::results::scores;
use super::{AbTest, Decision, How, letter, load, unknown_variant, winner};
use crate::actor::{Actor, Permission};
use crate::campaign::control::{announce, is_of_another_epoch, record};
use crate::campaign::state::State;
use crate::campaign::{Campaign, CampaignRow, queries};
use crate::db::Db;
use crate::delivery::queue;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, TenantId};
use crate::schema::{ab_test, campaign_variant, send_queue};
use crate::signal::{self, Signal};

/// How often it is looked whether a test is out.
const LOOK: TimeDelta = TimeDelta::seconds(5);
/// People of a transaction who are given the winner.
const CHUNK: i64 = 5_000;
/// $1 tenant, $2 campaign, $3 period. A mail of the test that was put off stands
/// behind none that is untried: the one may come back in minutes, the other wait
/// for the next day of a warm-up. So untried ones have an index of their own.
const IS_OUT: &str = "
SELECT NOT EXISTS (SELECT FROM campaign_counter WHERE tenant_id = $1 AND campaign_id = $2
                   AND name = 'claimed' AND value <> 0)
   AND NOT EXISTS (SELECT FROM delivery d WHERE d.tenant_id = $1 AND d.period = $3 AND d.campaign_id = $2
                   AND d.state = 'queued' AND d.variant IS NOT NULL) AS yes";

/// Looks after the A/B tests whose time has come, one step of each; answers
/// whether there is more to do at once. For the mailer's schedule.
///
/// # Errors
/// When the database does.
pub async fn run_once(db: &Db) -> Result<bool> {
    run_chunks_of(db, CHUNK).await
}

/// As [`run_once`], with the size of a chunk.
///
/// # Errors
/// As [`run_once`].
pub async fn run_chunks_of(db: &Db, chunk: i64) -> Result<bool> {
    let now = db.now();
    let due: Vec<(TenantId, CampaignId)> = db
        .system(async |tx| {
            Ok(send_queue::table
                .filter(
                    send_queue::state
                        .eq(State::Sending.as_str())
                        .and(send_queue::ab_test_at.le(now)),
                )
                .order(send_queue::ab_test_at)
                .limit(100)
                .select((send_queue::tenant_id, send_queue::campaign_id))
                .load(tx)
                .await?)
        })
        .await?;
    let mut more = false;
    for (tenant, id) in due {
        more |= db
            .tenant(tenant, async |tx| step(tx, tenant, id, chunk, now).await)
            .await?;
    }
    Ok(more)
}

async fn step(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    chunk: i64,
    now: DateTime<Utc>,
) -> Result<bool> {
    let row = queries::lock(tx, tenant, id).await?;
    let Some(test) = load(tx, tenant, id).await? else {
        look_at(tx, tenant, id, None).await?;
        return Ok(false);
    };
    // Paused meanwhile, or to be held since the database was restored.
    if row.state != State::Sending || is_of_another_epoch(tx, tenant, id).await? {
        return Ok(false);
    }
    let Some(period) = row.period else {
        return Ok(false);
    };
    if let Some(winner) = test.winner {
        return release(tx, tenant, id, period, winner.position, chunk, now).await;
    }
    if test.out_at.is_none() {
        return await_the_test(tx, tenant, &row, period, test, now).await;
    }
    match test.decides_at() {
        Some(at) if at <= now => {
            let scores = scores(tx, tenant, id, period, test.plan.variants.len()).await?;
            let (position, how) = winner(test.plan.metric, &scores);
            let system = Actor::system(tenant);
            settle_on(tx, &system, &row, period, &test, (position, how), now).await?;
            Ok(true)
        }
        at => {
            look_at(tx, tenant, id, at).await?;
            Ok(false)
        }
    }
}

/// The wait begins when every mail of the test has been tried.
async fn await_the_test(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &CampaignRow,
    period: NaiveDate,
    test: AbTest,
    now: DateTime<Utc>,
) -> Result<bool> {
    if row.prepared_at.is_none() || !is_out(tx, tenant, row.id, period).await? {
        look_at(tx, tenant, row.id, Some(now + LOOK)).await?;
        return Ok(false);
    }
    diesel::update(ab_test::table.find((tenant, row.id)))
        .set(ab_test::out_at.eq(now))
        .execute(tx)
        .await?;
    let out = AbTest {
        out_at: Some(now),
        ..test
    };
    // Nothing to look at until a person chooses, when it is for them to do.
    look_at(tx, tenant, row.id, out.decides_at()).await?;
    let id = row.id;
    signal::publish(tx, Signal::Campaign { tenant, id }).await?;
    Ok(false)
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Whether nothing of the test is in a mailer's hands or waits untried. Who
/// waits for the winner has no variant yet.
#[expect(clippy::disallowed_methods, reason = "EXISTS in one row")]
async fn is_out(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    period: NaiveDate,
) -> Result<bool> {
    let row: Yes = diesel::sql_query(IS_OUT)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(id)
        .bind::<Date, _>(period)
        .get_result(tx)
        .await?;
    Ok(row.yes)
}

/// A person chooses the winner, at any time once the test goes out.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`] for a variant that is not there,
/// [`DomainError::Conflict`] without a test (`no_ab_test`), when it is decided (`decided`), or in another state.
pub async fn choose(db: &Db, actor: &Actor, id: CampaignId, position: i16) -> Result<Campaign> {
    actor.require(Permission::CampaignsSend)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let row = queries::lock(tx, tenant, id).await?;
        let test = load(tx, tenant, id).await?;
        let Some(test) = test.filter(|test| test.plan.has_winner()) else {
            return Err(DomainError::conflict(
                "no_ab_test",
                "nobody waits for a winner of this campaign",
            ));
        };
        if position < 1 || usize::try_from(position).is_ok_and(|p| p > test.plan.variants.len()) {
            return Err(unknown_variant());
        }
        if let Some(winner) = test.winner {
            let detail = format!("{} was taken already", letter(winner.position));
            return Err(DomainError::conflict("decided", detail));
        }
        let (State::Sending | State::Paused, Some(period)) = (row.state, row.period) else {
            let detail = format!(
                "the winner of a campaign that is {} can't be chosen",
                row.state.as_str()
            );
            return Err(DomainError::conflict("wrong_state", detail));
        };
        settle_on(tx, actor, &row, period, &test, (position, How::ByHand), now).await?;
        crate::campaign::load(tx, tenant, id, now).await
    })
    .await
}

/// Writes the decision down, and what it saw. Who waits is given the winner
/// afterwards, in chunks ([`release`]); who is frozen from now on, at once.
async fn settle_on(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    row: &CampaignRow,
    period: NaiveDate,
    test: &AbTest,
    (position, how): (i16, How),
    now: DateTime<Utc>,
) -> Result<()> {
    let (tenant, id) = (actor.tenant_id, row.id);
    let scores = scores(tx, tenant, id, period, test.plan.variants.len()).await?;
    look_at(tx, tenant, id, Some(now)).await?;
    diesel::update(ab_test::table.find((tenant, id)))
        .set((
            ab_test::winner.eq(position),
            ab_test::decided_at.eq(now),
            ab_test::decided_how.eq(how),
            ab_test::decided_by.eq(actor.user_id.filter(|_| how == How::ByHand)),
        ))
        .execute(tx)
        .await?;
    for (score, position) in scores.iter().zip(1_i16..) {
        diesel::update(campaign_variant::table.find((tenant, id, position)))
            .set((
                campaign_variant::test_accepted.eq(score.accepted),
                campaign_variant::test_opened.eq(score.opened),
                campaign_variant::test_clicked.eq(score.clicked),
            ))
            .execute(tx)
            .await?;
    }
    let what = json!({
        "winner": letter(position).to_string(), "how": how, "metric": test.plan.metric,
        "decision": if how == How::ByHand { Decision::Manual } else { Decision::Automatic },
    });
    record(tx, actor, "campaign.winner_taken", row, what).await?;
    announce(tx, tenant, id).await
}

#[derive(QueryableByName)]
struct Released {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Gives the winner to some of those who wait; answers whether more do.
async fn release(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    period: NaiveDate,
    position: i16,
    chunk: i64,
    now: DateTime<Utc>,
) -> Result<bool> {
    queue::due_by(tx, tenant, id, now).await?;
    let more = give(tx, tenant, id, period, position, chunk, now).await? == chunk;
    if !more {
        look_at(tx, tenant, id, None).await?;
    }
    signal::publish(tx, Signal::Campaign { tenant, id }).await?;
    signal::publish(tx, Signal::SendQueue).await?;
    Ok(more)
}

/// By the whole key, whatever the planner believes of a campaign that is only
/// minutes old (as in the claim).
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE of a locked chunk; every value is bound"
)]
async fn give(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    period: NaiveDate,
    position: i16,
    chunk: i64,
    now: DateTime<Utc>,
) -> Result<i64> {
    let released: Released = diesel::sql_query(
        "WITH rest AS MATERIALIZED (
            SELECT d.tenant_id, d.period, d.id FROM delivery d
            WHERE d.tenant_id = $1 AND d.period = $3 AND d.campaign_id = $2
              AND d.state IN ('queued', 'deferred') AND d.due_at IS NULL
            ORDER BY d.due_at, d.id LIMIT $4 FOR UPDATE),
         changed AS (
            UPDATE delivery d SET variant = $5, due_at = $6 FROM rest
            WHERE d.tenant_id = rest.tenant_id AND d.period = rest.period AND d.id = rest.id RETURNING 1)
         SELECT count(*) AS n FROM changed",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .bind::<Date, _>(period)
    .bind::<BigInt, _>(chunk)
    .bind::<SmallInt, _>(position)
    .bind::<Timestamptz, _>(now)
    .get_result(tx)
    .await?;
    Ok(released.n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Plan, TestDatabase, TestTenant, sent_campaign};

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "EXPLAIN of the question")]
    async fn an_untried_mail_behind_any_number_of_those_put_off_is_found_by_its_index() {
        let database = TestDatabase::new().await;
        let tenant = TestTenant::create(&database.db, "acme").await.id;
        let id = sent_campaign(&database, tenant, 2_000).await;
        let now = database.db.now();
        let period = crate::campaign::control::period(now);
        // All are put off, and would be tried again before midnight.
        let put_off = format!(
            "UPDATE delivery SET state = 'deferred', variant = 1, due_at = '{}' WHERE campaign_id = '{id}'",
            (now + TimeDelta::minutes(5)).to_rfc3339()
        );
        database.execute_as_owner(&put_off).await;
        let out = async || {
            database
                .db
                .tenant(tenant, async |tx| is_out(tx, tenant, id, period).await)
                .await
                .unwrap()
        };
        assert!(out().await);
        let last = format!(
            "UPDATE delivery SET state = 'queued', due_at = '{}' WHERE id =
                (SELECT id FROM delivery WHERE campaign_id = '{id}' ORDER BY id DESC LIMIT 1)",
            (now + TimeDelta::hours(9)).to_rfc3339()
        );
        database.execute_as_owner(&last).await;
        assert!(!out().await);
        let lines: Vec<Plan> = database
            .db
            .tenant(tenant, async |tx| {
                Ok(diesel::sql_query(format!("EXPLAIN {IS_OUT}"))
                    .bind::<SqlUuid, _>(tenant)
                    .bind::<SqlUuid, _>(id)
                    .bind::<Date, _>(period)
                    .load(tx)
                    .await?)
            })
            .await
            .unwrap();
        let plan = Plan::text(&lines);
        let index = format!("delivery_{}_tenant_id_campaign_id_idx", now.format("%Y%m"));
        assert!(plan.contains(&index), "{plan}");
    }
}
