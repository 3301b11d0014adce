//! How much a limit lets through: the generic cell rate algorithm, and a most
//! for the day. Pure.
//!
//! A limit remembers one time, at which it would be used up by what it has let
//! through. What it holds back is given a time too, each the next free one, so
//! that held-back mails come back in the pace of the limit and not all at once,
//! and none of them is looked at before its time.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// Used up ahead of time by at most so much: mails come in batches, and a
/// little late.
const AHEAD: TimeDelta = TimeDelta::seconds(2);
/// How long mails of a suspended limit wait before they are looked at. When it
/// is resumed they are let go at once ([`super::release`]).
const SUSPENDED: TimeDelta = TimeDelta::hours(6);

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Not at all.
    Suspended,
    PerMinute(u32),
    /// As fast as it goes.
    Free,
}

/// The most of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    pub most: u32,
    pub used: u32,
    /// When the next one begins.
    pub ends: DateTime<Utc>,
}

/// What a limit has let through and put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    pub pace: Pace,
    pub day: Option<Day>,
    /// When what was let through is used up.
    pub used_until: DateTime<Utc>,
    /// The time that the last one held back was given.
    pub held_until: DateTime<Utc>,
    /// Longest time that one is held back: short where the pace is expected to
    /// become faster by itself.
    pub hold_most: TimeDelta,
}

impl Bucket {
    fn interval(&self) -> TimeDelta {
        match self.pace {
            Pace::PerMinute(n) => TimeDelta::microseconds(60_000_000 / i64::from(n.max(1))),
            Pace::Free | Pace::Suspended => TimeDelta::zero(),
        }
    }

    /// Whether one more may go now.
    #[must_use]
    pub fn has_room(&self, now: DateTime<Utc>) -> bool {
        let interval = self.interval();
        self.pace != Pace::Suspended
            && self.day.is_none_or(|day| day.used < day.most)
            && self.used_until + interval <= now + AHEAD.max(interval)
    }

    /// One goes.
    pub fn take(&mut self, now: DateTime<Utc>) {
        self.used_until = self.used_until.max(now) + self.interval();
        if let Some(day) = &mut self.day {
            day.used = day.used.saturating_add(1);
        }
    }

    /// When one that has to wait is looked at again.
    pub fn hold(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        if self.pace == Pace::Suspended {
            return now + SUSPENDED;
        }
        let opens = self
            .day
            .filter(|day| day.used >= day.most)
            .map_or(now, |day| day.ends);
        let interval = self.interval();
        let free = (self.used_until - AHEAD).max(self.held_until).max(opens) + interval;
        self.held_until = free.min(opens + self.hold_most);
        // A fast one is asked once a second, not for each mail.
        if interval < TimeDelta::seconds(1) {
            self.held_until.trunc_subsecs(0) + TimeDelta::seconds(1)
        } else {
            self.held_until
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(pace: Pace, now: DateTime<Utc>) -> Bucket {
        Bucket {
            pace,
            day: None,
            used_until: now - TimeDelta::days(1),
            held_until: now - TimeDelta::days(1),
            hold_most: TimeDelta::days(7),
        }
    }

    fn now() -> DateTime<Utc> {
        crate::clock::Clock::system().now()
    }

    /// How many go in `seconds` when more than enough wait all the time.
    fn let_through(bucket: &mut Bucket, start: DateTime<Utc>, seconds: i64) -> u32 {
        let mut through = 0;
        for tick in 0..seconds * 10 {
            let now = start + TimeDelta::milliseconds(tick * 100);
            while bucket.has_room(now) {
                bucket.take(now);
                through += 1;
            }
        }
        through
    }

    #[test]
    fn a_minute_lets_through_the_limit_and_at_most_two_seconds_of_it_more() {
        for limit in [1, 30, 60, 600, 60_000] {
            let start = now();
            let through = let_through(&mut bucket(Pace::PerMinute(limit), start), start, 60);
            assert!(through >= limit, "{limit}: {through}");
            assert!(through <= limit + limit / 30 + 1, "{limit}: {through}");
        }
    }

    #[test]
    fn what_is_held_back_comes_back_in_the_pace_of_the_limit() {
        let start = now();
        let mut limited = bucket(Pace::PerMinute(60), start);
        while limited.has_room(start) {
            limited.take(start);
        }
        let times: Vec<_> = (0..5).map(|_| limited.hold(start)).collect();
        assert!(times[0] > start);
        for pair in times.windows(2) {
            assert_eq!(pair[1] - pair[0], TimeDelta::seconds(1));
        }
        limited.hold_most = TimeDelta::minutes(1);
        for _ in 0..100 {
            assert!(limited.hold(start) <= start + TimeDelta::minutes(1));
        }
    }

    #[test]
    fn a_fast_one_lets_those_who_wait_come_by_the_second() {
        let start = now();
        let mut limited = bucket(Pace::PerMinute(600), start);
        limited.used_until = start + AHEAD;
        let mut times: Vec<_> = (0..100).map(|_| limited.hold(start)).collect();
        times.dedup();
        assert!((10..=11).contains(&times.len()), "{times:?}");
        assert!(times.iter().all(|time| time.timestamp_subsec_nanos() == 0));
    }

    #[test]
    fn a_suspended_one_lets_nothing_through() {
        let start = now();
        let mut suspended = bucket(Pace::Suspended, start);
        assert_eq!(let_through(&mut suspended, start, 60), 0);
        assert_eq!(suspended.hold(start), start + SUSPENDED);
    }

    #[test]
    fn what_is_beyond_the_most_of_a_day_waits_for_the_next_one() {
        let start = now();
        let ends = start + TimeDelta::hours(3);
        let mut warming = bucket(Pace::PerMinute(60), start);
        warming.day = Some(Day {
            most: 5,
            used: 0,
            ends,
        });
        assert_eq!(let_through(&mut warming, start, 60), 5);
        assert_eq!(warming.hold(start), ends + TimeDelta::seconds(1));
        assert_eq!(warming.hold(start), ends + TimeDelta::seconds(2));
    }
}
