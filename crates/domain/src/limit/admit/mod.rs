//! What may go now: asked once a batch, answered for all mailers together. The
//! rows are locked for the length of the answer, never while mails are sent.

mod sql;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;

use self::sql::{LimitRow, SlowRow};
use super::bucket::{Bucket, Day, Pace};
use super::slow;
use super::warm_up::{self, WarmUp};
use crate::db::Db;
use crate::error::Result;
use crate::ids::{RouteId, SendLimitId, SendSlowdownId, TenantId};

/// Longest time that a limit holds a mail back; then it is weighed anew.
const HOLD_MOST: TimeDelta = TimeDelta::days(30);
/// The same of a slow-down, which recovers by itself.
const SLOW_HOLD_MOST: TimeDelta = TimeDelta::minutes(15);
/// The same of a limit of sessions, whose pace is what its sessions were seen to
/// take: that may become more by itself.
const SESSIONS_HOLD_MOST: TimeDelta = TimeDelta::minutes(5);
/// The same while nobody has seen a mail go in such a session.
const UNKNOWN_HOLD_MOST: TimeDelta = TimeDelta::seconds(2);
/// For how long a mail occupies a session, until that is known.
const UNKNOWN_MICROS: i32 = 100_000;
/// No longer is reckoned with: a site that stood still for a while would be slow
/// for minutes afterwards. Mails that are too many wait in hand and go back.
const MICROS_MOST: i32 = 500_000;

/// A batch that wants to go.
pub struct Ask<'a> {
    pub tenant: TenantId,
    pub sender_domain: &'a str,
    /// Test sends and transactional mails: no pace holds them back, though they
    /// use it up; a suspension does.
    pub urgent: bool,
    pub wants: &'a [Want],
    /// For how long a mail occupied a session under a limit of sessions, as this
    /// mailer saw it lately, in microseconds.
    pub measured: &'a [(SendLimitId, i32)],
}

/// A mail that wants to go.
pub struct Want {
    pub site: String,
    /// Its domain, where that does not tell the site: limits may name it.
    pub domain: Option<String>,
    /// The routes that it can take, the best first.
    pub routes: Vec<RouteId>,
}

impl Want {
    /// What a limit may name it by.
    fn names(&self) -> impl Iterator<Item = &str> {
        [Some(self.site.as_str()), self.domain.as_deref()]
            .into_iter()
            .flatten()
    }
}

/// Limits of sessions that a mail's session counts for, in order.
pub type SessionLimits = Arc<[SendLimitId]>;

/// What a mail may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Go, by this route alone where it says one.
    Go(Option<RouteId>, SessionLimits),
    /// Wait; `asked` tells a later change of the limits from an earlier one.
    Held {
        until: DateTime<Utc>,
        asked: DateTime<Utc>,
    },
}

/// Weighs each mail of a batch, in order.
///
/// # Errors
/// When the database does.
pub async fn admit(db: &Db, ask: &Ask<'_>) -> Result<Vec<Admission>> {
    let now = db.now();
    db.tenant(ask.tenant, async |tx| {
        let mut book = Book::open(tx, ask, now).await?;
        let admissions = ask
            .wants
            .iter()
            .map(|want| book.weigh(want, ask.urgent, now))
            .collect();
        book.keep(tx, ask.tenant).await?;
        Ok(admissions)
    })
    .await
}

enum Key {
    /// With its microseconds of a mail in a session.
    Limit(SendLimitId, Option<i32>),
    Slowdown(SendSlowdownId, DateTime<Utc>),
}

/// A limit or slow-down in the hand of one batch.
struct Entry {
    key: Key,
    site: Option<String>,
    route: Option<RouteId>,
    bucket: Bucket,
    /// Whether it is one of sessions too.
    of_sessions: bool,
}

/// What of a batch's limits is for one site and route.
#[derive(Clone)]
struct Matching {
    entries: Arc<[usize]>,
    sessions: SessionLimits,
}

/// All that weigh on a batch, locked.
struct Book {
    entries: Vec<Entry>,
    /// Which of them are for a site, or a domain of one, and a route.
    matching: HashMap<(String, RouteId), Matching>,
    /// Slow-downs that are over.
    over: Vec<SendSlowdownId>,
    /// Whether any is for one route: then a mail goes by the route that it was let through for.
    by_route: bool,
    asked: DateTime<Utc>,
    today: NaiveDate,
}

/// Mails a minute that so many sessions can take, and a quarter more: what is too
/// many waits for a session in the mailer's hands, what is too few would leave
/// sessions idle. It keeps mails that could not go yet out of everybody's way.
fn sessions_pace(most: i32, micros: Option<i32>) -> u32 {
    let micros = i64::from(micros.unwrap_or(UNKNOWN_MICROS).clamp(1, MICROS_MOST));
    let a_minute = i64::from(most) * 75_000_000 / micros;
    u32::try_from(a_minute.clamp(1, 100_000_000)).unwrap_or(1)
}

impl LimitRow {
    fn entry(
        self,
        today: NaiveDate,
        ends: DateTime<Utc>,
        measured: &[(SendLimitId, i32)],
    ) -> Entry {
        let (from, first, growth, until) = self.plan;
        let used = if self.day == today { self.day_used } else { 0 };
        let day = WarmUp::of(from, first, growth, until)
            .and_then(|plan| plan.most(today))
            .map(|most| Day {
                most,
                used: u32::try_from(used).unwrap_or(0),
                ends,
            });
        let seen = measured
            .iter()
            .find(|(limit, _)| *limit == self.id)
            .map(|(_, micros)| *micros);
        let micros = match (self.session_micros, seen) {
            (Some(known), Some(seen)) => Some(known.min(MICROS_MOST).midpoint(seen).max(1)),
            (known, seen) => known.or(seen),
        };
        let own = self.per_minute.map(|n| u32::try_from(n).unwrap_or(1));
        let of_sessions = self.max_sessions.map(|most| sessions_pace(most, micros));
        let (pace, hold_most) = match (own, of_sessions) {
            _ if self.suspended => (Pace::Suspended, HOLD_MOST),
            (own, Some(pace)) if own.is_none_or(|own| pace < own) => {
                let hold_most = if micros.is_some() {
                    SESSIONS_HOLD_MOST
                } else {
                    UNKNOWN_HOLD_MOST
                };
                (Pace::PerMinute(pace), hold_most)
            }
            (Some(n), _) => (Pace::PerMinute(n), HOLD_MOST),
            (None, _) => (Pace::Free, HOLD_MOST),
        };
        Entry {
            key: Key::Limit(self.id, micros),
            of_sessions: of_sessions.is_some(),
            site: self.site,
            route: self.route,
            bucket: Bucket {
                pace,
                day,
                used_until: self.used_until,
                held_until: self.held_until,
                hold_most,
            },
        }
    }
}

impl Book {
    async fn open(tx: &mut AsyncPgConnection, ask: &Ask<'_>, now: DateTime<Utc>) -> Result<Self> {
        let mut sites: Vec<&str> = ask.wants.iter().flat_map(Want::names).collect();
        sites.sort_unstable();
        sites.dedup();
        let mut routes: Vec<RouteId> = ask
            .wants
            .iter()
            .flat_map(|want| want.routes.iter().copied())
            .collect();
        routes.sort_unstable();
        routes.dedup();
        let limits = sql::lock_limits(tx, ask, &sites, &routes).await?;
        let slow = sql::lock_slowdowns(tx, ask, &sites, &routes).await?;
        // After the locks, so that a change that waits for them is later.
        let moment = sql::moment(tx, ask.tenant).await?;
        let (today, ends) = warm_up::day(now, &moment.time_zone);
        let mut book = Self {
            entries: limits
                .into_iter()
                .map(|row| row.entry(today, ends, ask.measured))
                .collect(),
            matching: HashMap::new(),
            over: Vec::new(),
            by_route: false,
            asked: moment.asked,
            today,
        };
        for row in slow {
            book.add_slowdown(row, now);
        }
        book.by_route = book.entries.iter().any(|entry| entry.route.is_some());
        Ok(book)
    }

    fn add_slowdown(&mut self, row: SlowRow, now: DateTime<Utc>) {
        let Some((per_minute, eased_at)) =
            slow::eased(row.per_minute, row.meaning, row.eased_at, now)
        else {
            self.over.push(row.id);
            return;
        };
        self.entries.push(Entry {
            key: Key::Slowdown(row.id, eased_at),
            site: Some(row.site),
            route: Some(row.route),
            of_sessions: false,
            bucket: Bucket {
                pace: Pace::PerMinute(u32::try_from(per_minute).unwrap_or(1)),
                day: None,
                used_until: row.used_until,
                held_until: row.held_until,
                hold_most: SLOW_HOLD_MOST,
            },
        });
    }

    /// One mail: it goes by the first route on which each limit has room, and
    /// uses none up when there is no such route.
    fn weigh(&mut self, want: &Want, urgent: bool, now: DateTime<Utc>) -> Admission {
        let mut first_full = None;
        for route in &want.routes {
            let matching = self.matching(want, *route);
            let full: Vec<usize> = matching
                .entries
                .iter()
                .copied()
                .filter(|i| {
                    let bucket = &self.entries[*i].bucket;
                    !bucket.has_room(now) && (!urgent || bucket.pace == Pace::Suspended)
                })
                .collect();
            if full.is_empty() {
                for i in matching.entries.iter() {
                    self.entries[*i].bucket.take(now);
                }
                return Admission::Go(self.by_route.then_some(*route), matching.sessions);
            }
            first_full.get_or_insert(full);
        }
        let until = first_full
            .unwrap_or_default()
            .into_iter()
            .map(|i| self.entries[i].bucket.hold(now))
            .max();
        match until {
            None => Admission::Go(None, SessionLimits::default()),
            Some(until) => Admission::Held {
                until,
                asked: self.asked,
            },
        }
    }

    fn matching(&mut self, want: &Want, route: RouteId) -> Matching {
        let entries = &self.entries;
        self.matching
            .entry((want.domain.as_ref().unwrap_or(&want.site).clone(), route))
            .or_insert_with(|| {
                let is_for = |entry: &Entry| {
                    entry
                        .site
                        .as_deref()
                        .is_none_or(|own| want.names().any(|name| name == own))
                        && entry.route.is_none_or(|own| own == route)
                };
                let matching: Arc<[usize]> = (0..entries.len())
                    .filter(|i| is_for(&entries[*i]))
                    .collect();
                let of_sessions = |i: &usize| match entries[*i].key {
                    Key::Limit(id, _) if entries[*i].of_sessions => Some(id),
                    Key::Limit(..) | Key::Slowdown(..) => None,
                };
                Matching {
                    sessions: matching.iter().filter_map(of_sessions).collect(),
                    entries: matching,
                }
            })
            .clone()
    }

    async fn keep(&self, tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
        sql::keep_limits(tx, tenant, self.today, &self.entries).await?;
        sql::keep_slowdowns(tx, tenant, &self.entries).await?;
        sql::forget(tx, tenant, &self.over).await
    }
}
