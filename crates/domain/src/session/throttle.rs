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

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{OperatorId, TenantId, UserId};
use crate::schema::login_throttle;
use crate::secret::sha256;

/// Failures that are free of any wait, for one login id from one address or browser.
const FREE_PAIR: i32 = 5;
/// The same for an address, behind which a whole office may sit.
const FREE_ADDRESS: i32 = 50;
/// The same for a login id from everywhere.
const FREE_ACCOUNT: i32 = 20;
/// Requests for links, and looks at them, from one address.
const FREE_LINKS: i32 = 30;
/// Failures of a second factor that are free, whatever address they come from:
/// who gets this far knows the password.
const FREE_FACTOR: i32 = 10;
/// Login ids that are in use already which a company may come upon: with more
/// of them it finds out who else is a customer.
const FREE_TAKEN: i32 = 20;
/// The longest wait.
const MAX_WAIT: TimeDelta = TimeDelta::minutes(15);
/// In this time as many failures are forgotten as are free; and all of them, when
/// nobody tried for as long. An office that mistypes now and then never waits.
const MEMORY: TimeDelta = TimeDelta::hours(24);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of one person or program. Counts before the try is judged; a success
    /// proves the owner, and the failures are forgotten.
    Own,
    /// Of anybody. Counts before, and a success takes back what it counted itself.
    Guard,
    /// Of an address that people log in from. Counts what was wrong ([`count`]).
    Shared,
}

#[derive(Debug, Clone)]
struct Lane {
    key: Vec<u8>,
    free: i32,
    kind: Kind,
}

impl Lane {
    fn new(name: &str, free: i32, kind: Kind) -> Self {
        Self {
            key: sha256(name.as_bytes()).to_vec(),
            free,
            kind,
        }
    }

    fn row<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
        rows.iter().find(|(key, ..)| *key == self.key)
    }

    /// How long a try has to wait, if at all. Of two at the same time the one
    /// that read the clock first may come second, so that a time in the row is
    /// no wait by itself.
    fn wait(&self, rows: &[Row], now: DateTime<Utc>) -> Option<TimeDelta> {
        let (_, failures, until, _) = self.row(rows)?;
        (*failures > self.free && *until > now).then(|| *until - now)
    }

    /// How many failures are remembered, and since when the next one to be
    /// forgotten is.
    fn remembered(&self, row: Option<&Row>, now: DateTime<Utc>) -> (i32, DateTime<Utc>) {
        let Some((_, failures, _, since)) = row else {
            return (0, now);
        };
        let age = (now - *since).max(TimeDelta::zero());
        let step = MEMORY / self.free;
        let gone = i32::try_from(age.num_seconds() / step.num_seconds()).unwrap_or(i32::MAX);
        if age >= MEMORY || gone >= *failures {
            return (0, now);
        }
        (failures - gone, *since + step * gone)
    }
}

/// The lanes that one try goes by, in the order of their keys.
#[derive(Debug, Clone)]
pub(crate) struct Lanes(Vec<Lane>);

impl Lanes {
    /// Of a log-in; `browser` when the person has logged in with it before.
    pub(super) fn log_in(login_id: &str, ip: Option<IpAddr>, browser: Option<Uuid>) -> Self {
        let ip = text(ip);
        Self::sorted(match browser {
            Some(id) => vec![Lane::new(
                &format!("browser {id} {login_id}"),
                FREE_PAIR,
                Kind::Own,
            )],
            None => vec![
                Lane::new(&format!("pair {ip} {login_id}"), FREE_PAIR, Kind::Own),
                Lane::new(&format!("account {login_id}"), FREE_ACCOUNT, Kind::Own),
                Lane::new(&format!("address {ip}"), FREE_ADDRESS, Kind::Shared),
            ],
        })
    }

    /// Of a person who is logged in and says their password again.
    pub(super) fn confirm(subject: &str, ip: Option<IpAddr>) -> Self {
        let ip = text(ip);
        Self::sorted(vec![
            Lane::new(&format!("pair {ip} {subject}"), FREE_PAIR, Kind::Own),
            // A session that was stolen may be used from many addresses.
            Lane::new(&format!("account {subject}"), FREE_FACTOR, Kind::Own),
            Lane::new(&format!("address {ip}"), FREE_ADDRESS, Kind::Shared),
        ])
    }

    /// Of login ids that a company wants for its people: they are one across the
    /// installation, so that "in use" tells of others.
    pub(crate) fn login_ids(tenant: TenantId) -> Self {
        let name = format!("login ids {tenant}");
        Self(vec![Lane::new(&name, FREE_TAKEN, Kind::Guard)])
    }

    /// Of programs apart from those of persons: a script with a wrong secret
    /// keeps nobody of its office from logging in.
    pub(crate) fn program(client_id: &str, ip: Option<IpAddr>) -> Self {
        let ip = text(ip);
        Self::sorted(vec![
            Lane::new(&format!("program {ip} {client_id}"), FREE_PAIR, Kind::Own),
            Lane::new(&format!("programs {ip}"), FREE_ADDRESS, Kind::Guard),
        ])
    }

    /// Of staff at the operator's console, apart from the tenants' people.
    pub(crate) fn staff(login_id: &str, ip: Option<IpAddr>) -> Self {
        let ip = text(ip);
        Self::sorted(vec![
            Lane::new(&format!("staff pair {ip} {login_id}"), FREE_PAIR, Kind::Own),
            Lane::new(
                &format!("staff account {login_id}"),
                FREE_ACCOUNT,
                Kind::Own,
            ),
            Lane::new(&format!("staff address {ip}"), FREE_ADDRESS, Kind::Guard),
        ])
    }

    /// Of the codes of one of the staff, wherever they come from.
    pub(crate) fn staff_code(who: OperatorId) -> Self {
        Self(vec![Lane::new(
            &format!("staff code {who}"),
            FREE_PAIR,
            Kind::Own,
        )])
    }

    /// Of a person's second factor, or of their password in a session that is
    /// open already.
    pub(super) fn factor(user: UserId) -> Self {
        Self(vec![Lane::new(
            &format!("factor {user}"),
            FREE_FACTOR,
            Kind::Own,
        )])
    }

    /// Of something that anybody may do, from one address.
    pub(crate) fn by_address(what: &str, ip: Option<IpAddr>) -> Self {
        let name = format!("{what} {}", text(ip));
        Self::sorted(vec![Lane::new(&name, FREE_LINKS, Kind::Guard)])
    }

    /// In one order for everybody, so that two tries never wait for each other in a circle.
    fn sorted(mut lanes: Vec<Lane>) -> Self {
        lanes.sort_by(|a, b| a.key.cmp(&b.key));
        Self(lanes)
    }

    fn all(&self) -> Vec<&Lane> {
        self.0.iter().collect()
    }

    fn shared(&self) -> Vec<&Lane> {
        let lanes = self.0.iter();
        lanes.filter(|lane| lane.kind == Kind::Shared).collect()
    }

    fn counted_before(&self) -> Vec<&Lane> {
        let lanes = self.0.iter();
        lanes.filter(|lane| lane.kind != Kind::Shared).collect()
    }
}

/// A whole network of the newer kind is one customer's: it counts as one address.
fn text(ip: Option<IpAddr>) -> String {
    match ip.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Some(ip) => ip.to_string(),
        None => String::new(),
    }
}

/// Counts a try as failed, unless it has to wait.
///
/// # Errors
/// [`DomainError::TooManyRequests`] while a lane's wait runs; such a try counts nowhere.
pub(crate) async fn reserve(db: &Db, lanes: &Lanes) -> Result<()> {
    let now = db.now();
    db.system(async |tx| {
        let counted = lanes.counted_before();
        make(tx, &counted, now).await?;
        let rows = lock(tx, &lanes.all()).await?;
        let waits = lanes.0.iter().filter_map(|lane| lane.wait(&rows, now));
        if let Some(wait) = waits.max() {
            return Err(DomainError::TooManyRequests {
                retry_after: Duration::from_secs(
                    u64::try_from(wait.num_seconds() + 1).unwrap_or(1),
                ),
            });
        }
        add(tx, &counted, &rows, now).await
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
        .select((
            login_throttle::key,
            login_throttle::failures,
            login_throttle::blocked_until,
            login_throttle::updated_at,
        ))
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

/// 1 s after the first failure too many, then doubled.
fn wait_after(excess: i32) -> TimeDelta {
    if excess <= 0 {
        return TimeDelta::zero();
    }
    TimeDelta::seconds(1_i64 << (excess - 1).min(20)).min(MAX_WAIT)
}

#[cfg(test)]
mod tests;
