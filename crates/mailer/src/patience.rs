//! When leases that seem to have run out are believed. Pure.
//!
//! A mailer that lives renews its leases, but not while the database is away,
//! and a clock of the database that jumps ahead ends all leases at once. After
//! either the living need a while to renew: until then nobody is called dead.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::delivery::lease::Judgement;
use tokio::time::Instant;

/// How far the database's clock and ours may go apart between two looks.
const JUMP: Duration = Duration::from_secs(5);

/// What one mailer saw of the database's time.
#[derive(Debug)]
pub struct Patience {
    /// How long the living may take to renew.
    grace: Duration,
    last: Option<Look>,
    /// Since when the database was there, and its clock went like ours.
    steady: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    database: DateTime<Utc>,
    at: Instant,
}

impl Patience {
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self {
            grace,
            last: None,
            steady: None,
        }
    }

    /// The database answered its time.
    pub fn look(&mut self, database: DateTime<Utc>, at: Instant) -> Judgement {
        let jumped = self.last.is_none_or(|last| {
            let ours = at.saturating_duration_since(last.at);
            // Of a clock that went back nothing is left.
            let its = (database - last.database).to_std().unwrap_or_default();
            // Longer than the grace between two looks: this process stood still.
            ours.abs_diff(its) > JUMP || ours > self.grace
        });
        self.last = Some(Look { database, at });
        if jumped {
            self.steady = Some(at);
        }
        match self.steady {
            Some(since) if at.saturating_duration_since(since) >= self.grace => Judgement::Expired,
            _ => Judgement::Excused,
        }
    }

    /// The database did not answer.
    pub fn lost(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};

    use super::*;

    /// Looks at these seconds of (our clock, the database's); the last judgement.
    fn judge(looks: &[(u64, i64)]) -> Judgement {
        let began = Instant::now();
        let noon = Utc.with_ymd_and_hms(2026, 11, 24, 12, 0, 0).unwrap();
        let mut patience = Patience::new(Duration::from_secs(45));
        let mut judgement = Judgement::Excused;
        for &(ours, its) in looks {
            let at = began + Duration::from_secs(ours);
            judgement = patience.look(noon + TimeDelta::seconds(its), at);
        }
        judgement
    }

    #[test]
    fn leases_are_judged_once_the_database_was_there_for_a_while() {
        assert_eq!(judge(&[(0, 0)]), Judgement::Excused);
        assert_eq!(judge(&[(0, 0), (15, 15), (30, 30)]), Judgement::Excused);
        let steady = [(0, 0), (15, 15), (30, 30), (45, 45)];
        assert_eq!(judge(&steady), Judgement::Expired);
    }

    #[test]
    fn after_a_jump_of_the_databases_clock_the_living_have_time_to_renew() {
        for jump in [3600, 7, -7, -3600] {
            let mut looks = vec![(0, 0), (15, 15), (30, 30), (45, 45), (60, 60 + jump)];
            assert_eq!(judge(&looks), Judgement::Excused, "{jump}");
            looks.extend([(75, 75 + jump), (90, 90 + jump)]);
            assert_eq!(judge(&looks), Judgement::Excused, "{jump}");
            looks.push((105, 105 + jump));
            assert_eq!(judge(&looks), Judgement::Expired, "{jump}");
        }
    }

    #[test]
    fn a_clock_that_is_set_right_in_small_steps_changes_nothing() {
        let slewed = [(0, 0), (15, 16), (30, 30), (45, 47)];
        assert_eq!(judge(&slewed), Judgement::Expired);
    }

    #[test]
    fn a_process_that_stood_still_is_patient_first() {
        let stopped = [(0, 0), (15, 15), (30, 30), (45, 45), (300, 300)];
        assert_eq!(judge(&stopped), Judgement::Excused);
    }

    #[test]
    fn after_the_database_was_away_the_living_have_time_to_renew() {
        let began = Instant::now();
        let noon = Utc.with_ymd_and_hms(2026, 11, 24, 12, 0, 0).unwrap();
        let mut patience = Patience::new(Duration::from_secs(45));
        let look = |patience: &mut Patience, s: u64| {
            let its = noon + TimeDelta::seconds(i64::try_from(s).unwrap());
            patience.look(its, began + Duration::from_secs(s))
        };
        for s in [0, 15, 30] {
            assert_eq!(look(&mut patience, s), Judgement::Excused);
        }
        assert_eq!(look(&mut patience, 45), Judgement::Expired);
        patience.lost();
        assert_eq!(look(&mut patience, 60), Judgement::Excused);
        assert_eq!(look(&mut patience, 90), Judgement::Excused);
        assert_eq!(look(&mut patience, 105), Judgement::Expired);
    }
}
