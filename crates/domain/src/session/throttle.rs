//! Slow-down of guessing, on the lanes that a try goes by:
//!
//! - a login id from one address, and that address: whoever guesses is slowed
//!   down, and nobody else;
//! - the login id from all addresses: so is whoever has many of them;
//! - a browser that the person has logged in with before has a lane of its own,
//!   so that no stranger's guesses keep them out. Who has no such browser gets
//!   one by the link of a forgotten password.
//!
//! A try is counted before it is judged, so that a thousand at once are a
//! thousand. Only an address of log-ins counts what was wrong: many people may
//! come in at once from behind it, and how many are judged at a time is bounded
//! by the queue of the hasher. Failures are forgotten one by one over a day.
//!
//! Nothing is ever locked for good.

mod lanes;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::Db;
use crate::error::Result;
use crate::schema::login_throttle;
use lanes::{Kind, Lane, wait_after};

pub(crate) use lanes::Lanes;

/// Counts a try as failed, unless it has to wait.
///
/// # Errors
/// [`crate::DomainError::TooManyRequests`] while a lane's wait runs; such a try counts nowhere.
pub(crate) async fn reserve(db: &Db, lanes: &Lanes) -> Result<()> {
    let now = db.now();
    db.system(async |tx| {
        let counted = lanes.counted_before();
        make(tx, &counted, now).await?;
        let rows = lock(tx, &lanes.all()).await?;
        lanes.refuse_waiting(&rows, now)?;
        add(tx, &counted, &rows, now).await
    })
    .await
}

/// Whether a try would have to wait; counts none.
///
/// # Errors
/// As [`reserve`].
pub(super) async fn check(db: &Db, lanes: &Lanes) -> Result<()> {
    let now = db.now();
    db.system(async |tx| {
        let rows: Vec<Row> = login_throttle::table
            .filter(login_throttle::key.eq_any(lanes.keys()))
            .select(COLUMNS)
            .load(tx)
            .await?;
        lanes.refuse_waiting(&rows, now)
    })
    .await
}

/// The try that was let pass by [`reserve`] was wrong.
pub(crate) async fn count(db: &Db, lanes: &Lanes) -> Result<()> {
    let now = db.now();
    let shared = lanes.shared();
    if shared.is_empty() {
        return Ok(());
    }
    db.system(async |tx| {
        make(tx, &shared, now).await?;
        let rows = lock(tx, &shared).await?;
        add(tx, &shared, &rows, now).await
    })
    .await
}

/// One failure more on each of the lanes.
async fn add(
    tx: &mut AsyncPgConnection,
    lanes: &[&Lane],
    rows: &[Row],
    now: DateTime<Utc>,
) -> Result<()> {
    for lane in lanes {
        let row = lane.row(rows);
        let (before, since) = lane.remembered(row, now);
        let failures = before + 1;
        let until = now + wait_after(failures - lane.free);
        // Those that were judged at the same time don't shorten each other's wait.
        let until = row.map_or(until, |(_, _, running, _)| until.max(*running));
        diesel::update(login_throttle::table.find(&lane.key))
            .set((
                login_throttle::failures.eq(failures),
                login_throttle::blocked_until.eq(until),
                login_throttle::updated_at.eq(since),
            ))
            .execute(tx)
            .await?;
    }
    Ok(())
}

type Row = (Vec<u8>, i32, DateTime<Utc>, DateTime<Utc>);

const COLUMNS: (
    login_throttle::key,
    login_throttle::failures,
    login_throttle::blocked_until,
    login_throttle::updated_at,
) = (
    login_throttle::key,
    login_throttle::failures,
    login_throttle::blocked_until,
    login_throttle::updated_at,
);

/// The lanes' rows where they are missing.
async fn make(tx: &mut AsyncPgConnection, lanes: &[&Lane], now: DateTime<Utc>) -> Result<()> {
    let fresh: Vec<_> = lanes
        .iter()
        .map(|lane| {
            (
                login_throttle::key.eq(&lane.key),
                login_throttle::failures.eq(0),
                login_throttle::blocked_until.eq(now),
                login_throttle::updated_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(login_throttle::table)
        .values(&fresh)
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(())
}

/// The rows that there are, locked.
async fn lock(tx: &mut AsyncPgConnection, lanes: &[&Lane]) -> Result<Vec<Row>> {
    let keys: Vec<&[u8]> = lanes.iter().map(|lane| lane.key.as_slice()).collect();
    Ok(login_throttle::table
        .filter(login_throttle::key.eq_any(&keys))
        .order(login_throttle::key)
        .select(COLUMNS)
        .for_update()
        .load(tx)
        .await?)
}

/// The try that was counted by [`reserve`] was right after all.
pub(crate) async fn release(db: &Db, lanes: &Lanes) -> Result<()> {
    let now = db.now();
    db.system(async |tx| {
        let counted = lanes.counted_before();
        let rows = lock(tx, &counted).await?;
        for lane in counted {
            let failures = lane.row(&rows).map_or(0, |(_, n, ..)| *n - 1).max(0);
            let row = login_throttle::table.find(&lane.key);
            if lane.kind == Kind::Own || failures == 0 {
                diesel::delete(row).execute(tx).await?;
                continue;
            }
            diesel::update(row)
                .set((
                    login_throttle::failures.eq(failures),
                    login_throttle::blocked_until.eq(now),
                ))
                .execute(tx)
                .await?;
        }
        Ok(())
    })
    .await
}
