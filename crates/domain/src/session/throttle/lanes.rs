//! The lanes that a try goes by, and how long one has to wait on them. Pure.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::Row;
use crate::error::{DomainError, Result};
use crate::ids::{OperatorId, TenantId, UserId};
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
pub(super) enum Kind {
    /// Of one person or program. Counts before the try is judged; a success
    /// proves the owner, and the failures are forgotten.
    Own,
    /// Of anybody. Counts before, and a success takes back what it counted itself.
    Guard,
    /// Of an address that people log in from. Counts what was wrong ([`count`]).
    Shared,
}

#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) key: Vec<u8>,
    pub(super) free: i32,
    pub(super) kind: Kind,
}

impl Lane {
    fn new(name: &str, free: i32, kind: Kind) -> Self {
        Self {
            key: sha256(name.as_bytes()).to_vec(),
            free,
            kind,
        }
    }

    pub(super) fn row<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
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
    pub(super) fn remembered(&self, row: Option<&Row>, now: DateTime<Utc>) -> (i32, DateTime<Utc>) {
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
    pub(in crate::session) fn log_in(
        login_id: &str,
        ip: Option<IpAddr>,
        browser: Option<Uuid>,
    ) -> Self {
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

    /// Of passkeys that are all that a person shows. Nobody is slowed down but the
    /// address: a signature is not guessed, and nobody's name is given.
    pub(in crate::session) fn passkeys(ip: Option<IpAddr>) -> Self {
        Self(vec![Lane::new(
            &format!("passkeys {}", text(ip)),
            FREE_ADDRESS,
            Kind::Guard,
        )])
    }

    /// Of a person who is logged in and says their password again.
    pub(in crate::session) fn confirm(subject: &str, ip: Option<IpAddr>) -> Self {
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
    pub(in crate::session) fn factor(user: UserId) -> Self {
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

    pub(super) fn refuse_waiting(&self, rows: &[Row], now: DateTime<Utc>) -> Result<()> {
        let waits = self.0.iter().filter_map(|lane| lane.wait(rows, now));
        waits.max().map_or(Ok(()), |wait| {
            Err(DomainError::TooManyRequests {
                retry_after: Duration::from_secs(
                    u64::try_from(wait.num_seconds() + 1).unwrap_or(1),
                ),
            })
        })
    }

    pub(super) fn keys(&self) -> Vec<&[u8]> {
        self.0.iter().map(|lane| lane.key.as_slice()).collect()
    }

    pub(super) fn all(&self) -> Vec<&Lane> {
        self.0.iter().collect()
    }

    pub(super) fn shared(&self) -> Vec<&Lane> {
        let lanes = self.0.iter();
        lanes.filter(|lane| lane.kind == Kind::Shared).collect()
    }

    pub(super) fn counted_before(&self) -> Vec<&Lane> {
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

/// 1 s after the first failure too many, then doubled.
pub(super) fn wait_after(excess: i32) -> TimeDelta {
    if excess <= 0 {
        return TimeDelta::zero();
    }
    TimeDelta::seconds(1_i64 << (excess - 1).min(20)).min(MAX_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_never_grows_into_a_lock() {
        let seconds: Vec<i64> = [0, 1, 2, 10, 11, 400]
            .map(|n| wait_after(n).num_seconds())
            .to_vec();
        assert_eq!(seconds, [0, 1, 2, 512, 900, 900]);
    }

    #[test]
    fn failures_are_forgotten_one_by_one_over_a_day_and_all_after_a_day_without_any() {
        let lane = Lane::new("address", 48, Kind::Shared);
        let begin: DateTime<Utc> = "2026-11-27T09:00:00Z".parse().unwrap();
        let after = |failures, minutes| {
            let row = (lane.key.clone(), failures, begin, begin);
            let now = begin + TimeDelta::minutes(minutes);
            let (left, since) = lane.remembered(Some(&row), now);
            (left, (since - begin).num_minutes())
        };
        assert_eq!(lane.remembered(None, begin), (0, begin));
        assert_eq!(after(10, 29), (10, 0));
        assert_eq!(after(10, 30), (9, 30));
        assert_eq!(after(10, 299), (1, 270), "the rest of half an hour counts");
        assert_eq!(after(10, 300), (0, 300));
        assert_eq!(after(1000, 24 * 60 - 1), (953, 1410));
        assert_eq!(after(1000, 24 * 60), (0, 1440));
        assert_eq!(after(10, -60), (10, 0), "a clock that was set back");
    }

    #[test]
    fn a_network_of_64_bits_is_one_address() {
        let of = |ip: &str| text(Some(ip.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2:3::9"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::9"), of("2001:db8:1:3::9"));
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.9");
    }
}
