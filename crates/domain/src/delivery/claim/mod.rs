//! Claim, send, record. A mailer claims a batch of one campaign's due
//! deliveries for the length of a lease, sends them, and records what became
//! of each; the record counts only while the lease is its own. A lease that
//! runs out means that its mailer is gone: since nobody can tell how far it
//! came, those deliveries become `unknown` ([`expire`]), which is why batches
//! stay small and leases are renewed while a mailer lives ([`renew`]).
//!
//! Which campaign comes next is decided over all tenants on `send_queue`,
//! which holds ids and times only; everything else happens behind the tenant
//! door.

mod row;
mod sql;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Date, Interval, Nullable, SmallInt, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use self::row::{Audience, CampaignRow, Row};
use self::sql::{CLAIM, CLAIM_TEST, CLAIM_TRANSACTIONAL, NEXT_TURN};
use super::{counters, queue};
use crate::campaign::kind::Kind;
use crate::db::Db;
use crate::error::Result;
use crate::ids::{CampaignId, ContactId, DeliveryId, TenantId, WorkerId};
use crate::tenant::usage;

/// Most deliveries in a batch: the bound of what a lost machine leaves unknown.
pub const BATCH: u16 = 200;
/// Lane of test sends and transactional mails; they overtake campaigns.
pub const LANE_FAST: i16 = 0;
/// How long a claim holds unless renewed. Counted by the database's clock alone,
/// so that it does not hang on those of the mailers' machines.
pub const LEASE: TimeDelta = TimeDelta::seconds(90);

/// The campaign whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Turn {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: TenantId,
    #[diesel(sql_type = SqlUuid)]
    pub campaign_id: CampaignId,
    /// 0 overtakes 1.
    #[diesel(sql_type = SmallInt)]
    pub lane: i16,
}

/// Which lanes a mailer has hands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    All,
    /// Transactional mails and test sends only.
    Fast,
}

impl Lanes {
    fn last(self) -> i16 {
        match self {
            Self::All => i16::MAX,
            Self::Fast => LANE_FAST,
        }
    }
}

/// Whose turn it can't be: of what a mailer has its hands full.
#[derive(Debug, Clone, Default)]
pub struct Except {
    pub campaigns: Vec<CampaignId>,
    /// Tenants of which no more campaigns are taken.
    pub tenants: Vec<TenantId>,
    /// Tenants of which nothing is taken from the fast lane either.
    pub tenants_fast: Vec<TenantId>,
}

/// A delivery in the hand of this mailer, with all that its mail needs of the person.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub id: DeliveryId,
    pub contact_id: ContactId,
    /// Attempts before this one.
    pub attempts: u16,
    pub address: String,
    /// The person; `None` for a test send or a transactional mail to somebody who is no contact.
    pub person: Option<Person>,
    /// What a transactional call gave for merge fields.
    pub values: Option<Value>,
    /// Of a campaign with an A/B test: which of its variants, from 1.
    pub variant: Option<i16>,
}

/// What a mail can say of a contact.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: ContactId,
    pub email: String,
    pub name: String,
    /// Own fields by key.
    pub fields: Value,
    pub created_at: DateTime<Utc>,
}

/// Deliveries of one campaign, leased together.
#[derive(Debug, Clone)]
pub struct Batch {
    pub tenant_id: TenantId,
    pub campaign_id: CampaignId,
    pub period: NaiveDate,
    pub lane: i16,
    /// Of the claim: grows from one to the next, over all mailers, unless the
    /// database is restored from a backup.
    pub serial: i64,
    /// Whether limits are to be asked: the tenant has any, or a site rests.
    pub limited: bool,
    pub deliveries: Vec<Claimed>,
}

/// What a turn gave.
#[derive(Debug, Clone)]
pub enum Claim {
    /// Deliveries to send. May be empty when everybody in it had said no meanwhile.
    Batch(Batch),
    /// Nothing is due at this campaign now; the queue knows when to look again.
    NothingDue,
    /// It is no hour at which the campaign goes out; the queue looks at it again then.
    Closed(DateTime<Utc>),
    /// The campaign does not send (paused, stopped, finished, of an older epoch).
    NotSending,
}

/// Takes the turn of the campaign that waits longest, transactional lane
/// first. Tenants take turns, and within a tenant its campaigns, so that ten
/// campaigns of one weigh as much as one of another. `except`: of what this
/// mailer has its hands full. `lanes`: of which it has hands left.
///
/// # Errors
/// When the database does.
#[expect(clippy::disallowed_methods, reason = "UPDATE from a locked sub-select")]
pub async fn next_turn(db: &Db, except: &Except, lanes: Lanes) -> Result<Option<Turn>> {
    let now = db.now();
    db.system(async |tx| {
        let turns: Vec<Turn> = diesel::sql_query(NEXT_TURN)
            .bind::<Timestamptz, _>(now)
            .bind::<Array<SqlUuid>, _>(&except.campaigns)
            .bind::<SmallInt, _>(lanes.last())
            .bind::<Array<SqlUuid>, _>(&except.tenants)
            .bind::<Array<SqlUuid>, _>(&except.tenants_fast)
            .load(tx)
            .await?;
        Ok(turns.into_iter().next())
    })
    .await
}

/// Claims up to `limit` (at most [`BATCH`]) due deliveries of the turn's
/// campaign. Whoever said no since the audience was frozen (suppression,
/// cancellation, status) becomes `skipped` with the reason instead.
///
/// # Errors
/// When the database does.
pub async fn claim(db: &Db, worker: WorkerId, turn: Turn, limit: u16) -> Result<Claim> {
    let now = db.now();
    let limit = i64::from(limit.min(BATCH));
    let Turn {
        tenant_id,
        campaign_id,
        lane,
    } = turn;
    db.tenant(tenant_id, async |tx| {
        let Some(campaign) = sending_campaign(tx, tenant_id, campaign_id).await? else {
            return Ok(Claim::NotSending);
        };
        let Some(period) = campaign.period else {
            return Ok(Claim::NotSending);
        };
        if campaign.opens(now).is_some() {
            return closed(tx, tenant_id, campaign_id, now).await;
        }
        let left = usage::mails_left(tx, tenant_id, now).await?;
        if left.is_some_and(|left| left <= 0) {
            let until = usage::next_look(now);
            queue::put_off(tx, tenant_id, campaign_id, until).await?;
            return Ok(Claim::Closed(until));
        }
        let limit = left.map_or(limit, |left| left.min(limit));
        let rows = claim_rows(tx, worker, turn, period, &campaign.audience(), now, limit).await?;
        if rows.is_empty() {
            queue::settle(tx, tenant_id, campaign_id, now).await?;
            return Ok(Claim::NothingDue);
        }
        count(tx, tenant_id, campaign_id, &rows).await?;
        let deliveries = rows
            .into_iter()
            .filter(|row| row.reason.is_none())
            .map(Row::claimed)
            .collect();
        Ok(Claim::Batch(Batch {
            tenant_id,
            campaign_id,
            period,
            lane,
            serial: campaign.serial,
            limited: campaign.limited,
            deliveries,
        }))
    })
    .await
}

/// Leaves a campaign alone until it opens. Asked once more behind the lock of
/// the queue row: a change of the hours either shows here, or comes after and
/// wakes it.
async fn closed(
    tx: &mut diesel_async::AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    now: DateTime<Utc>,
) -> Result<Claim> {
    queue::due_by(tx, tenant, id, DateTime::<Utc>::MAX_UTC).await?;
    let campaign = sending_campaign(tx, tenant, id).await?;
    Ok(match campaign.map(|campaign| campaign.opens(now)) {
        None => Claim::NotSending,
        Some(None) => Claim::NothingDue,
        Some(Some(opens)) => {
            queue::put_off(tx, tenant, id, opens).await?;
            Claim::Closed(opens)
        }
    })
}

async fn count(
    tx: &mut diesel_async::AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
    rows: &[Row],
) -> Result<()> {
    let mut deltas = Vec::with_capacity(rows.len() * 2);
    for row in rows {
        deltas.push((row.was.as_str(), -1));
        deltas.push((
            if row.reason.is_none() {
                "claimed"
            } else {
                "skipped"
            },
            1,
        ));
    }
    counters::add(tx, tenant, campaign, &deltas).await
}

/// The campaign, when it may send: in state sending, of this epoch (a restored
/// backup must not send again what went out since), of an active tenant.
#[expect(clippy::disallowed_methods, reason = "a cross join of single rows")]
async fn sending_campaign(
    tx: &mut diesel_async::AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
) -> Result<Option<CampaignRow>> {
    let rows: Vec<CampaignRow> = diesel::sql_query(
        "SELECT c.period, c.kind, c.audience, c.hours, c.send_from, c.send_until, c.time_zone,
                t.send_from AS tenant_from, t.send_until AS tenant_until, t.time_zone AS tenant_zone,
                nextval('claim_serial') AS serial,
                EXISTS (SELECT FROM send_limit WHERE tenant_id = $1) OR EXISTS (SELECT FROM send_slowdown WHERE tenant_id = $1) AS limited
         FROM campaign c, installation i, tenant t
         WHERE c.tenant_id = $1 AND c.id = $2 AND c.state = 'sending'
           AND coalesce(c.epoch, i.epoch) = i.epoch AND t.id = $1 AND t.state = 'active'",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(campaign)
    .load(tx)
    .await?;
    Ok(rows.into_iter().next())
}

#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE from locked rows with all the mail needs; every value is bound"
)]
async fn claim_rows(
    tx: &mut diesel_async::AsyncPgConnection,
    worker: WorkerId,
    turn: Turn,
    period: NaiveDate,
    audience: &Audience,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Row>> {
    // A test send goes to a user's address and speaks of another person, so it
    // joins that one; nobody's list or status keeps it back, suppression does.
    let sql = match audience.kind {
        Kind::Campaign | Kind::Sequence => CLAIM,
        Kind::Test => CLAIM_TEST,
        Kind::Transactional => CLAIM_TRANSACTIONAL,
    };
    let rows = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(turn.tenant_id)
        .bind::<SqlUuid, _>(turn.campaign_id)
        .bind::<Date, _>(period)
        .bind::<Timestamptz, _>(now)
        .bind::<BigInt, _>(limit)
        .bind::<SqlUuid, _>(worker)
        .bind::<Interval, _>(LEASE);
    Ok(match audience.kind {
        Kind::Campaign | Kind::Sequence => {
            rows.bind::<Bool, _>(audience.all)
                .bind::<Array<SqlUuid>, _>(&audience.lists)
                .load(tx)
                .await?
        }
        Kind::Test => {
            rows.bind::<Nullable<SqlUuid>, _>(audience.as_contact)
                .load(tx)
                .await?
        }
        Kind::Transactional => rows.load(tx).await?,
    })
}
