//! How much a tenant has and may have: contacts, people, bytes of files, and
//! mails in the calendar month (UTC). Rows are counted, and refused over the
//! quota, by triggers of the database (`note_usage`), whichever way they come
//! in; mails are counted where they are recorded as accepted, and held back at
//! the claim.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Nullable, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, ActorKind, Permission};
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::TenantId;
use crate::schema::{tenant_quota, tenant_usage};
use crate::text_enum::text_enum;

/// Period of what is counted as a whole, as the triggers write it.
const WHOLE: Option<NaiveDate> = NaiveDate::from_ymd_opt(2000, 1, 1);
/// How soon mails held back by the quota are looked at again; a new quota wakes them at once.
const LOOK: TimeDelta = TimeDelta::hours(1);
/// Most that a quota can be set to.
const MOST: i64 = 1_000_000_000_000_000;

text_enum! {
    /// What is counted by day (UTC), beside the usage: for the watch over complaints.
    pub enum Daily {
        /// Accepted by the receiving side.
        Mails = "day_mails",
        Complaints = "day_complaints",
        /// Of these: people were told of, what ran was held for, a person knows of.
        Noticed = "day_noticed",
        Held = "day_held",
        Seen = "day_seen",
    }
}

/// What a tenant has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    pub contacts: i64,
    pub users: i64,
    /// Bytes of uploaded and made files.
    pub storage: i64,
    /// Accepted by the receiving side this month.
    pub mails: i64,
}

impl Usage {
    fn set(&mut self, kind: &str, amount: i64) {
        *match kind {
            "contacts" => &mut self.contacts,
            "users" => &mut self.users,
            "storage" => &mut self.storage,
            "mails" => &mut self.mails,
            _ => return,
        } = amount;
    }
}

/// Most of each; `None` without limit.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Queryable, Selectable,
)]
#[diesel(table_name = tenant_quota)]
pub struct Quota {
    pub contacts: Option<i64>,
    pub users: Option<i64>,
    pub storage: Option<i64>,
    pub mails: Option<i64>,
}

impl Quota {
    pub(crate) fn check(&self) -> Result<()> {
        let mut v = Validation::default();
        for (pointer, value, least) in [
            ("/contacts", self.contacts, 0),
            ("/users", self.users, 1),
            ("/storage", self.storage, 0),
            ("/mails", self.mails, 0),
        ] {
            if value.is_some_and(|n| !(least..=MOST).contains(&n)) {
                v.add(
                    pointer,
                    "out_of_range",
                    format!("must be {least} to {MOST}, or null for no limit"),
                );
            }
        }
        v.finish()
    }
}

/// The refusal for the trigger's constraint (`quota_contacts` …).
pub(crate) fn used_up(constraint: &str) -> DomainError {
    let (code, what) = match constraint {
        "quota_contacts" => ("quota_contacts", "contacts"),
        "quota_users" => ("quota_users", "people"),
        "quota_storage" => ("quota_storage", "storage for files"),
        _ => ("quota_used_up", "this"),
    };
    DomainError::conflict(
        code,
        format!(
            "the company's quota of {what} is used up: delete some, or ask the operator of the service for more"
        ),
    )
}

fn mails_used_up(left: i64) -> DomainError {
    DomainError::conflict(
        "quota_mails",
        format!(
            "{} mails are left of the company's quota of this month: wait for the next one, or ask the operator of the service for more",
            left.max(0)
        ),
    )
}

/// First day of the month that mails are counted in.
fn month(now: DateTime<Utc>) -> NaiveDate {
    let today = now.date_naive();
    today.with_day(1).unwrap_or(today)
}

/// When mails held back by the quota are looked at again: in an hour, or when the month begins.
pub(crate) fn next_look(now: DateTime<Utc>) -> DateTime<Utc> {
    let next_month = month(now)
        .checked_add_months(chrono::Months::new(1))
        .map(|day| day.and_time(NaiveTime::MIN).and_utc());
    next_month.map_or(now + LOOK, |begins| begins.min(now + LOOK))
}

/// What these tenants have, in the order of the ids; each is there.
pub(crate) async fn of_all(
    tx: &mut AsyncPgConnection,
    tenants: &[TenantId],
    now: DateTime<Utc>,
) -> Result<Vec<(TenantId, Usage)>> {
    let sum = diesel::dsl::sql::<BigInt>("sum(amount)::bigint");
    let mut periods = vec![month(now)];
    periods.extend(WHOLE);
    let rows: Vec<(TenantId, String, i64)> = tenant_usage::table
        .filter(tenant_usage::tenant_id.eq_any(tenants))
        .filter(tenant_usage::period.eq_any(periods))
        .group_by((tenant_usage::tenant_id, tenant_usage::kind))
        .select((tenant_usage::tenant_id, tenant_usage::kind, sum))
        .load(tx)
        .await?;
    let of = |tenant: TenantId| {
        let mut usage = Usage::default();
        for (_, kind, amount) in rows.iter().filter(|(id, ..)| *id == tenant) {
            usage.set(kind, *amount);
        }
        (tenant, usage)
    };
    Ok(tenants.iter().copied().map(of).collect())
}

pub(crate) async fn quota(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<Quota> {
    let found = tenant_quota::table
        .find(tenant)
        .select(Quota::as_select())
        .first(tx)
        .await
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// Room for one person more, before anything is made for them; the trigger
/// has the last word.
///
/// # Errors
/// [`DomainError::Conflict`] when there is none.
pub(crate) async fn require_user(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(most) = quota(tx, tenant).await?.users else {
        return Ok(());
    };
    let used = of_all(tx, &[tenant], now).await?;
    match used.as_slice() {
        [(_, usage)] if usage.users >= most => Err(used_up("quota_users")),
        _ => Ok(()),
    }
}

/// What the actor's tenant has and may have: for every person, as its settings
/// are, and for programs that may read these.
///
/// # Errors
/// [`DomainError::Forbidden`] for a program that may not read settings.
pub async fn get(db: &Db, actor: &Actor) -> Result<(Usage, Quota)> {
    if actor.kind != ActorKind::User {
        actor.require(Permission::SettingsRead)?;
    }
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let used = of_all(tx, &[actor.tenant_id], now).await?;
        let usage = used
            .into_iter()
            .next()
            .map(|(_, usage)| usage)
            .unwrap_or_default();
        Ok((usage, quota(tx, actor.tenant_id).await?))
    })
    .await
}

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = Nullable<BigInt>)]
    left: Option<i64>,
}

/// How many mails may still go out this month, those in the mailers' hands taken
/// off; `None` without limit. Who has no limit is not counted.
#[expect(
    clippy::disallowed_methods,
    reason = "a sub-select in one row; every value is bound"
)]
pub(crate) async fn mails_left(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    let rows: Vec<Left> = diesel::sql_query(
        "SELECT mails
              - (SELECT coalesce(sum(amount), 0)::bigint FROM tenant_usage
                 WHERE tenant_id = $1 AND kind = 'mails' AND period = $2)
              - (SELECT coalesce(sum(c.value), 0)::bigint FROM send_queue q
                 JOIN campaign_counter c ON c.tenant_id = q.tenant_id AND c.campaign_id = q.campaign_id AND c.name = 'claimed'
                 WHERE q.tenant_id = $1) AS left
         FROM tenant_quota WHERE tenant_id = $1 AND mails IS NOT NULL",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Date, _>(month(now))
    .load(tx)
    .await?;
    Ok(rows.into_iter().next().and_then(|row| row.left))
}

/// # Errors
/// [`DomainError::Conflict`] when the month's quota has no room for so many.
pub(crate) async fn require_mails(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    mails: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    match mails_left(tx, tenant, now).await? {
        Some(left) if left < mails => Err(mails_used_up(left)),
        _ => Ok(()),
    }
}

/// Counts mails that were accepted, in the transaction that records them.
pub(crate) async fn note_mails(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    mails: i64,
) -> Result<()> {
    if mails == 0 {
        return Ok(());
    }
    let month = diesel::dsl::sql::<Date>("date_trunc('month', now() AT TIME ZONE 'UTC')::date");
    diesel::insert_into(tenant_usage::table)
        .values((
            tenant_usage::tenant_id.eq(tenant),
            tenant_usage::kind.eq("mails"),
            tenant_usage::period.eq(month),
            tenant_usage::amount.eq(mails),
        ))
        .execute(tx)
        .await?;
    note_today(tx, tenant, Daily::Mails, mails).await
}

/// Adds to what is counted today, by the database's clock.
pub(crate) async fn note_today(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    what: Daily,
    amount: i64,
) -> Result<()> {
    let today = diesel::dsl::sql::<Date>("(now() AT TIME ZONE 'UTC')::date");
    diesel::insert_into(tenant_usage::table)
        .values((
            tenant_usage::tenant_id.eq(tenant),
            tenant_usage::kind.eq(what.as_str()),
            tenant_usage::period.eq(today),
            tenant_usage::amount.eq(amount),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Makes one row of the many of each kind and period. Of two at once each adds
/// up what it took away itself. Days that nobody looks at any more are gone with it.
#[expect(
    clippy::disallowed_methods,
    reason = "INSERT from what a DELETE returns; every value is bound"
)]
pub(crate) async fn fold(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
    diesel::sql_query(
        "WITH gone AS (DELETE FROM tenant_usage WHERE tenant_id = $1 RETURNING kind, period, amount)
         INSERT INTO tenant_usage (tenant_id, kind, period, amount)
         SELECT $1, kind, period, sum(amount) FROM gone
         WHERE kind NOT LIKE 'day\\_%' OR period > (now() AT TIME ZONE 'UTC')::date - 30
         GROUP BY kind, period HAVING sum(amount) <> 0",
    )
    .bind::<SqlUuid, _>(tenant)
    .execute(tx)
    .await?;
    Ok(())
}
