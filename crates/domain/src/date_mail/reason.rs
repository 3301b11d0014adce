//! Why a day of a date mail was kept back, as it stands at the date mail: a code
//! that clients have words for, and what belongs to it. Pure.

use std::fmt;

use chrono::{NaiveDate, TimeDelta};

/// How many days go out before nobody needs to know any more that earlier ones
/// were missed.
const REMEMBERED: TimeDelta = TimeDelta::days(7);
const MISSED: &str = "missed: ";

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'a> {
    /// Pre-flight blocks: codes of its checks.
    NotReady(&'a str),
    /// The database was restored from a backup since the day was scheduled.
    Restored,
    /// These days were over for too long when somebody was there to send them.
    Missed { first: NaiveDate, last: NaiveDate },
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady(checks) => write!(f, "not_ready: {checks}"),
            Self::Restored => f.write_str("restored"),
            Self::Missed { first, last } => write!(f, "{MISSED}{first} {last}"),
        }
    }
}

/// Whether it still stands once `day` has gone out. What kept one day back is
/// over with that; that days were missed is to be seen for a week, since those
/// that are made up for go out in the same minute.
#[must_use]
pub fn stands(reason: &str, day: NaiveDate) -> bool {
    let last = reason
        .strip_prefix(MISSED)
        .and_then(|days| days.split(' ').nth(1))
        .and_then(|last| last.parse::<NaiveDate>().ok());
    last.is_some_and(|last| day - last <= REMEMBERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_days_were_missed_stands_for_a_week_and_the_rest_until_a_day_goes_out() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let missed = Reason::Missed {
            first: day("2026-02-28"),
            last: day("2026-03-21"),
        }
        .to_string();
        assert_eq!(missed, "missed: 2026-02-28 2026-03-21");
        for (reason, sent, expected) in [
            (missed.as_str(), "2026-03-22", true),
            (&missed, "2026-03-28", true),
            (&missed, "2026-03-29", false),
            (
                &Reason::NotReady("route, body").to_string(),
                "2026-03-22",
                false,
            ),
            (&Reason::Restored.to_string(), "2026-03-22", false),
            ("missed: ", "2026-03-22", false),
        ] {
            assert_eq!(stands(reason, day(sent)), expected, "{reason} {sent}");
        }
    }
}
