//! Warm-up plans: a new sender domain or address of a server sends few mails on
//! its first day and more each day, until receivers know it. Pure.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::campaign::hours::moments;
use crate::error::Validation;

/// A plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WarmUp {
    /// Its first day; what goes before counts as that.
    pub from: NaiveDate,
    /// Most mails of that day.
    pub first: i32,
    /// Per cent more on each day after.
    pub growth: i16,
    /// With so many a day it is over.
    pub until: i32,
}

impl WarmUp {
    /// Of four columns that are all set or all not.
    #[must_use]
    pub fn of(
        from: Option<NaiveDate>,
        first: Option<i32>,
        growth: Option<i16>,
        until: Option<i32>,
    ) -> Option<Self> {
        Some(Self {
            from: from?,
            first: first?,
            growth: growth?,
            until: until?,
        })
    }

    pub(super) fn check(&self, v: &mut Validation) {
        // Also what PostgreSQL has no date for.
        if !(2000..2200).contains(&self.from.year()) {
            v.add(
                "/warm_up/from",
                "out_of_range",
                "must be a day of the years 2000 to 2199",
            );
        }
        if !(1..=1_000_000).contains(&self.first) {
            v.add("/warm_up/first", "out_of_range", "must be 1 to 1000000");
        }
        if !(1..=300).contains(&self.growth) {
            v.add("/warm_up/growth", "out_of_range", "must be 1 to 300");
        }
        if !(self.first..=100_000_000).contains(&self.until) {
            v.add(
                "/warm_up/until",
                "out_of_range",
                "must be 100000000 at most and no less than the first day's",
            );
        }
    }

    /// Most mails of a day; `None`: the plan is at its end.
    #[must_use]
    pub fn most(&self, day: NaiveDate) -> Option<u32> {
        let days = i32::try_from((day - self.from).num_days().max(0)).unwrap_or(i32::MAX);
        let factor = (1.0 + f64::from(self.growth) / 100.0).powi(days);
        let most = f64::from(self.first) * factor;
        if most >= f64::from(self.until) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "less than until, and positive"
        )]
        Some(most as u32)
    }

    /// The first day without a most.
    #[must_use]
    pub fn over(&self) -> NaiveDate {
        self.from
            .iter_days()
            .find(|day| self.most(*day).is_none())
            .unwrap_or(NaiveDate::MAX)
    }
}

/// The day in a zone, and when it ends.
#[must_use]
pub fn day(now: DateTime<Utc>, zone: &str) -> (NaiveDate, DateTime<Utc>) {
    let zone: Tz = zone.parse().unwrap_or(chrono_tz::Asia::Tokyo);
    let today = now.with_timezone(&zone).date_naive();
    let midnight = today
        .checked_add_days(Days::new(1))
        .and_then(|next| {
            moments(zone, next.and_time(NaiveTime::MIN))
                .first()
                .copied()
        })
        .unwrap_or(now + Days::new(1));
    (today, midnight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn each_day_lets_more_through_until_the_plan_is_over() {
        let plan = WarmUp {
            from: date("2026-11-24"),
            first: 100,
            growth: 100,
            until: 1000,
        };
        let table = [
            ("2026-11-20", Some(100)),
            ("2026-11-24", Some(100)),
            ("2026-11-25", Some(200)),
            ("2026-11-27", Some(800)),
            ("2026-11-28", None),
            ("2126-11-28", None),
        ];
        for (day, most) in table {
            assert_eq!(plan.most(date(day)), most, "{day}");
        }
        assert_eq!(plan.over(), date("2026-11-28"));
    }

    #[test]
    fn a_day_ends_at_midnight_of_the_zone() {
        let table = [
            (
                "2026-11-24T14:59:00Z",
                "Asia/Tokyo",
                "2026-11-24",
                "2026-11-24T15:00:00Z",
            ),
            (
                "2026-11-24T15:00:00Z",
                "Asia/Tokyo",
                "2026-11-25",
                "2026-11-25T15:00:00Z",
            ),
            // Summer time began at midnight there.
            (
                "2018-11-04T02:00:00Z",
                "America/Sao_Paulo",
                "2018-11-03",
                "2018-11-04T03:00:00Z",
            ),
        ];
        for (now, zone, today, ends) in table {
            let (day, end) = day(now.parse().unwrap(), zone);
            assert_eq!(
                (day, end),
                (date(today), ends.parse().unwrap()),
                "{now} {zone}"
            );
        }
    }
}
