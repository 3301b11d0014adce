//! Quiet hours: the time of day at which campaigns may go out. Outside of it a
//! campaign waits, and goes on by itself. Pure: a clock and a zone are all
//! there is to it.

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::error::{FieldError, Result, Validation};
use crate::text_enum::text_enum;

text_enum! {
    /// Which hours hold for a campaign.
    pub enum Mode {
        /// Those of the tenant's settings.
        Tenant = "tenant",
        /// None.
        Any = "any",
        /// Its own.
        Own = "own",
    }
}

/// From one time of day until another, in no zone yet. From after until goes
/// past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Span {
    pub from: NaiveTime,
    pub until: NaiveTime,
}

impl Span {
    /// Of two columns that are both set or both not.
    #[must_use]
    pub fn of(from: Option<NaiveTime>, until: Option<NaiveTime>) -> Option<Self> {
        Some(Self {
            from: from?,
            until: until?,
        })
    }

    /// Reads `HH:MM` of both; `pointer` names the object.
    ///
    /// # Errors
    /// [`crate::DomainError::Invalid`] for each that is no time, and for two that are the same.
    pub fn parse(from: &str, until: &str, pointer: &str) -> Result<Self> {
        let mut v = Validation::default();
        let mut read = |name: &str, text: &str| {
            let time = (text.len() == 5).then(|| NaiveTime::parse_from_str(text, "%H:%M").ok());
            let time = time.flatten();
            if time.is_none() {
                v.add(
                    format!("{pointer}/{name}"),
                    "malformed",
                    "must be a time of day, for example 09:00",
                );
            }
            time
        };
        let span = Self::of(read("from", from), read("until", until));
        v.finish()?;
        match span {
            Some(span) if span.from != span.until => Ok(span),
            _ => Err(crate::DomainError::Invalid(vec![FieldError::new(
                format!("{pointer}/until"),
                "out_of_range",
                "must differ from the beginning",
            )])),
        }
    }
}

/// What a campaign asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Tenant,
    Any,
    Own(Span),
}

impl Choice {
    #[must_use]
    pub fn mode(self) -> Mode {
        match self {
            Self::Tenant => Mode::Tenant,
            Self::Any => Mode::Any,
            Self::Own(_) => Mode::Own,
        }
    }

    #[must_use]
    pub fn span(self) -> Option<Span> {
        match self {
            Self::Own(span) => Some(span),
            Self::Tenant | Self::Any => None,
        }
    }

    /// Of the columns of a campaign.
    #[must_use]
    pub fn of(mode: Mode, span: Option<Span>) -> Self {
        match (mode, span) {
            (Mode::Own, Some(span)) => Self::Own(span),
            (Mode::Any, _) => Self::Any,
            (Mode::Tenant | Mode::Own, _) => Self::Tenant,
        }
    }

    /// The hours that hold; `None`: all day. `zone` is the campaign's, the
    /// others are the tenant's.
    #[must_use]
    pub fn resolve(self, zone: &str, tenants: Option<Span>, tenants_zone: &str) -> Option<Hours> {
        let (span, zone) = match self {
            Self::Any => return None,
            Self::Own(span) => (span, zone),
            Self::Tenant => (tenants?, tenants_zone),
        };
        Some(Hours {
            span,
            zone: zone.parse().unwrap_or(chrono_tz::Asia::Tokyo),
        })
    }
}

/// The hours of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    pub span: Span,
    pub zone: Tz,
}

impl Hours {
    fn is_open(&self, at: DateTime<Utc>) -> bool {
        let (Span { from, until }, time) = (self.span, at.with_timezone(&self.zone).time());
        if from < until {
            from <= time && time < until
        } else {
            from <= time || time < until
        }
    }

    /// When it opens next; `None`: it is open.
    #[must_use]
    pub fn opens(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (!self.is_open(now)).then(|| self.next(self.span.from, now))
    }

    /// When it closes next; `None`: it is closed.
    #[must_use]
    pub fn closes(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.is_open(now).then(|| self.next(self.span.until, now))
    }

    /// The next moment at which a clock on the wall shows `time`. One that
    /// daylight saving leaves out is the first after the gap; of one that it
    /// repeats, the first that is still to come.
    fn next(&self, time: NaiveTime, now: DateTime<Utc>) -> DateTime<Utc> {
        let today = now.with_timezone(&self.zone).date_naive();
        let days = today.iter_days().take(3);
        let moments = days.flat_map(|day| moments(self.zone, day.and_time(time)));
        moments
            .into_iter()
            .find(|moment| *moment > now)
            .unwrap_or(now + TimeDelta::days(1))
    }
}

/// When a clock on the wall shows `wall`: twice when daylight saving repeats it,
/// and of one that it leaves out the first after the gap.
pub(crate) fn moments(zone: Tz, wall: NaiveDateTime) -> Vec<DateTime<Utc>> {
    // A gap is rarely longer than an hour, never than a day, and ends on a minute.
    let shown = (0..=24 * 60).map(|minute| wall + TimeDelta::minutes(minute));
    for wall in shown {
        let found = zone.from_local_datetime(&wall);
        let mut moments: Vec<_> = [found.earliest(), found.latest()]
            .into_iter()
            .flatten()
            .map(|moment| moment.with_timezone(&Utc))
            .collect();
        moments.dedup();
        if !moments.is_empty() {
            return moments;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(from: &str, until: &str, zone: Tz) -> Hours {
        let span = Span::parse(from, until, "").unwrap();
        Hours { span, zone }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_campaign_waits_from_the_end_of_the_day_until_its_beginning() {
        let tokyo = chrono_tz::Asia::Tokyo;
        let table = [
            // From, until, now (UTC; Tokyo is nine hours ahead), when it opens.
            ("09:00", "18:00", "2026-11-24T00:00:00Z", None),
            ("09:00", "18:00", "2026-11-24T08:59:59Z", None),
            (
                "09:00",
                "18:00",
                "2026-11-24T09:00:00Z",
                Some("2026-11-25T00:00:00Z"),
            ),
            (
                "09:00",
                "18:00",
                "2026-11-23T23:59:59Z",
                Some("2026-11-24T00:00:00Z"),
            ),
            // Past midnight.
            ("20:00", "02:00", "2026-11-24T11:00:00Z", None),
            ("20:00", "02:00", "2026-11-24T16:59:59Z", None),
            (
                "20:00",
                "02:00",
                "2026-11-24T17:00:00Z",
                Some("2026-11-25T11:00:00Z"),
            ),
        ];
        for (from, until, now, opens) in table {
            let found = hours(from, until, tokyo).opens(at(now));
            assert_eq!(found, opens.map(at), "{from} to {until} at {now}");
        }
        let closes = hours("09:00", "18:00", tokyo).closes(at("2026-11-24T03:00:00Z"));
        assert_eq!(closes, Some(at("2026-11-24T09:00:00Z")));
    }

    #[test]
    fn daylight_saving_neither_loses_a_day_nor_opens_in_the_past() {
        let york = chrono_tz::America::New_York;
        // 02:30 of 8 March 2026 does not exist: the clocks go from 02:00 to 03:00.
        let spring = hours("02:30", "06:00", york);
        assert_eq!(
            spring.opens(at("2026-03-08T06:00:00Z")),
            Some(at("2026-03-08T07:00:00Z"))
        );
        // Nor does 02:37: the gap ends at 03:00, not a quarter of an hour later.
        let odd = hours("02:37", "06:00", york);
        assert_eq!(
            odd.opens(at("2026-03-08T06:00:00Z")),
            Some(at("2026-03-08T07:00:00Z"))
        );
        // 01:30 of 1 November comes twice; at the second 01:10 the second is meant.
        let autumn = hours("01:30", "06:00", york);
        assert_eq!(
            autumn.opens(at("2026-11-01T06:10:00Z")),
            Some(at("2026-11-01T06:30:00Z"))
        );
        assert_eq!(
            autumn.opens(at("2026-11-01T05:10:00Z")),
            Some(at("2026-11-01T05:30:00Z"))
        );
    }

    #[test]
    fn what_is_no_time_of_day_is_refused() {
        for (from, until, pointer) in [
            ("9:00", "18:00", "/hours/from"),
            ("24:00", "18:00", "/hours/from"),
            ("09:00", "18:60", "/hours/until"),
            ("09:00", "09:00", "/hours/until"),
        ] {
            let Err(crate::DomainError::Invalid(errors)) = Span::parse(from, until, "/hours")
            else {
                panic!("{from} to {until} was accepted");
            };
            assert_eq!(errors[0].pointer, pointer);
        }
    }
}
