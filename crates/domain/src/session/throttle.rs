//! Slow-down of guessing: after a few failures each further one doubles the
//! wait, counted for a login id from one address and for the address alone.
//! Nothing is ever locked for good, and nobody's failures elsewhere keep a
//! person out.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::schema::login_throttle;
use crate::secret::sha256;

/// Failures that are free of any wait, for one login id from one address.
const FREE_PAIR: i32 = 5;
/// The same for an address, behind which a whole office may sit.
const FREE_ADDRESS: i32 = 50;
/// The longest wait.
const MAX_WAIT: TimeDelta = TimeDelta::minutes(15);
/// Failures older than this are forgotten.
const MEMORY: TimeDelta = TimeDelta::hours(24);

/// The counters that one try touches.
#[derive(Debug, Clone)]
pub(crate) struct Counters([(Vec<u8>, i32); 2]);

impl Counters {
    pub(crate) fn of(login_id: &str, ip: Option<IpAddr>) -> Self {
        let ip = ip.map(|ip| ip.to_string()).unwrap_or_default();
        let key = |text: String| sha256(text.as_bytes()).to_vec();
        Self([
            (key(format!("pair {ip} {login_id}")), FREE_PAIR),
            (key(format!("address {ip}")), FREE_ADDRESS),
        ])
    }
}

/// # Errors
/// [`DomainError::TooManyRequests`] while a counter's wait runs.
pub(crate) async fn check(db: &Db, counters: &Counters) -> Result<()> {
    let now = db.now();
    let keys: Vec<&[u8]> = counters.0.iter().map(|(key, _)| key.as_slice()).collect();
    let until: Option<DateTime<Utc>> = db
        .system(async |tx| {
            Ok(login_throttle::table
                .filter(login_throttle::key.eq_any(&keys))
                .select(diesel::dsl::max(login_throttle::blocked_until))
                .first(tx)
                .await?)
        })
        .await?;
    match until.map(|until| until - now) {
        Some(wait) if wait > TimeDelta::zero() => Err(DomainError::TooManyRequests {
            retry_after: Duration::from_secs(u64::try_from(wait.num_seconds() + 1).unwrap_or(1)),
        }),
        _ => Ok(()),
    }
}

pub(crate) async fn note_failure(db: &Db, counters: &Counters) -> Result<()> {
    let now = db.now();
    db.system(async |tx| {
        for (key, free) in &counters.0 {
            let known: Option<(i32, DateTime<Utc>)> = login_throttle::table
                .find(key)
                .select((login_throttle::failures, login_throttle::updated_at))
                .for_update()
                .first(tx)
                .await
                .optional()?;
            let failures = known
                .filter(|(_, at)| now - *at < MEMORY)
                .map_or(0, |(n, _)| n)
                + 1;
            store(tx, key, failures, now + wait(failures - free), now).await?;
        }
        Ok(())
    })
    .await
}

pub(crate) async fn note_success(db: &Db, counters: &Counters) -> Result<()> {
    db.system(async |tx| {
        diesel::delete(login_throttle::table.find(&counters.0[0].0))
            .execute(tx)
            .await?;
        Ok(())
    })
    .await
}

/// 1 s after the first failure too many, then doubled.
fn wait(excess: i32) -> TimeDelta {
    if excess <= 0 {
        return TimeDelta::zero();
    }
    TimeDelta::seconds(1_i64 << (excess - 1).min(20)).min(MAX_WAIT)
}

async fn store(
    tx: &mut AsyncPgConnection,
    key: &[u8],
    failures: i32,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(login_throttle::table)
        .values((
            login_throttle::key.eq(key),
            login_throttle::failures.eq(failures),
            login_throttle::blocked_until.eq(until),
            login_throttle::updated_at.eq(now),
        ))
        .on_conflict(login_throttle::key)
        .do_update()
        .set((
            login_throttle::failures.eq(failures),
            login_throttle::blocked_until.eq(until),
            login_throttle::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}
