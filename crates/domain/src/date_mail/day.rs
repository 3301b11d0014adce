//! Which day a date mail goes out on, and whose date it then is. Pure.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::campaign::hours::moments;
use crate::text_enum::text_enum;

text_enum! {
    /// How often a person gets it.
    pub enum Repeat {
        /// On the day of each year: birthdays.
        Yearly = "yearly",
        /// On that very date: ends of contracts.
        Once = "once",
    }
}

/// Whose date it is: part of the audience of one day's campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateMatch {
    /// Key of an own field of type date.
    pub field: String,
    /// The date itself, not the day of sending.
    pub date: NaiveDate,
    pub repeat: Repeat,
}

impl DateMatch {
    /// Of those who get a mail `offset` days after their date on `day`.
    #[must_use]
    pub fn on(day: NaiveDate, offset: i16, field: &str, repeat: Repeat) -> Self {
        Self {
            field: field.to_owned(),
            date: day - TimeDelta::days(i64::from(offset)),
            repeat,
        }
    }

    /// A condition on contact `c`. Key and date are of our own alphabet: a key
    /// is `a-z0-9_`, which the field's own check and this one see to.
    #[must_use]
    pub fn sql(&self) -> String {
        let is_key = crate::contact_field::is_key(&self.field);
        let field = if is_key { self.field.as_str() } else { "" };
        match self.repeat {
            Repeat::Once => format!("c.fields ->> '{field}' = '{}'", self.date),
            Repeat::Yearly => {
                let days: Vec<String> = self.days().iter().map(|d| format!("'{d}'")).collect();
                format!("substr(c.fields ->> '{field}', 6) IN ({})", days.join(", "))
            }
        }
    }

    /// Month and day; on the 28 February of a year without a 29th those of the
    /// 29th as well, who would otherwise be forgotten three years of four.
    fn days(&self) -> Vec<String> {
        let mut days = vec![self.date.format("%m-%d").to_string()];
        let is_last_of_february = self.date.month() == 2 && self.date.day() == 28;
        if is_last_of_february && !self.date.leap_year() {
            days.push("02-29".to_owned());
        }
        days
    }
}

/// When a day's mails begin to go out; a time that daylight saving leaves out
/// is the first after the gap.
#[must_use]
pub fn begins(day: NaiveDate, at: NaiveTime, zone: Tz) -> DateTime<Utc> {
    let wall = day.and_time(at);
    let moments = moments(zone, wall);
    moments.first().copied().unwrap_or_else(|| wall.and_utc())
}

/// The first day whose mails begin after `now`.
#[must_use]
pub fn next_day(now: DateTime<Utc>, at: NaiveTime, zone: Tz) -> NaiveDate {
    let today = now.with_timezone(&zone).date_naive();
    if begins(today, at, zone) > now {
        today
    } else {
        today.succ_opt().unwrap_or(today)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_birthday_is_matched_each_year_and_the_29_february_in_every_year() {
        let table = [
            // Day of sending, offset, days of birth that are meant.
            ("2026-11-24", 0, vec!["11-24"]),
            // Three days before the birthday.
            ("2026-12-30", -3, vec!["01-02"]),
            ("2027-01-02", 3, vec!["12-30"]),
            ("2026-02-28", 0, vec!["02-28", "02-29"]),
            ("2028-02-28", 0, vec!["02-28"]),
            ("2028-02-29", 0, vec!["02-29"]),
            ("2026-03-01", 0, vec!["03-01"]),
            ("2026-02-21", -7, vec!["02-28", "02-29"]),
        ];
        for (sent, offset, born) in table {
            let found = DateMatch::on(day(sent), offset, "birthday", Repeat::Yearly);
            assert_eq!(found.days(), born, "{sent} {offset}");
        }
    }

    #[test]
    fn once_means_that_very_date_and_a_key_can_be_no_sql() {
        let found = DateMatch::on(day("2026-11-24"), -30, "ends_on", Repeat::Once);
        assert_eq!(found.sql(), "c.fields ->> 'ends_on' = '2026-12-24'");
        let hostile = DateMatch::on(day("2026-11-24"), 0, "x' OR true --", Repeat::Once);
        assert_eq!(hostile.sql(), "c.fields ->> '' = '2026-11-24'");
    }

    #[test]
    fn the_next_day_is_today_until_its_time_has_come() {
        let (tokyo, nine) = (
            chrono_tz::Asia::Tokyo,
            NaiveTime::from_hms_opt(9, 0, 0).unwrap(),
        );
        let table = [
            ("2026-11-23T23:59:59Z", "2026-11-24"),
            ("2026-11-24T00:00:00Z", "2026-11-25"),
            ("2026-11-24T14:59:00Z", "2026-11-25"),
        ];
        for (now, expected) in table {
            assert_eq!(
                next_day(now.parse().unwrap(), nine, tokyo),
                day(expected),
                "{now}"
            );
        }
        // Neither exists on 8 March 2026 in New York: 03:00 there is 07:00 UTC.
        for left_out in ["02:30:00", "02:37:00"] {
            let begun = begins(
                day("2026-03-08"),
                left_out.parse().unwrap(),
                chrono_tz::America::New_York,
            );
            assert_eq!(
                begun,
                "2026-03-08T07:00:00Z".parse::<DateTime<Utc>>().unwrap()
            );
        }
    }
}
