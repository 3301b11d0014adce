//! Dates and times as people write them, and a time as it is stored.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::half_width;

pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let folded;
    let text = if text.is_ascii() {
        text
    } else {
        folded = half_width(text)
            .replace(['年', '月'], "-")
            .replace('日', "");
        &folded
    };
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return ymd(&text[..4], &text[4..6], &text[6..]);
    }
    let mut parts = text.split(['-', '/', '.']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    (parts.next().is_none() && year.len() == 4).then(|| ymd(year, month, day))?
}

fn ymd(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    let digits =
        |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if ![year, month, day].into_iter().all(digits) {
        return None;
    }
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

pub(super) fn date_time(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let folded = half_width(text);
    let (day, clock) = folded
        .split_once([' ', 'T'])
        .map_or((folded.as_str(), "0:00"), |(day, clock)| {
            (day, clock.trim())
        });
    let mut parts = clock
        .split(':')
        .map(|part| part.parse::<u32>().ok().filter(|_| part.len() <= 2));
    let (hour, minute, second) = (
        parts.next()??,
        parts.next()??,
        parts.next().unwrap_or(Some(0))?,
    );
    let local: NaiveDateTime = date(day)?.and_hms_opt(hour, minute, second)?;
    // A time that daylight saving skips does not exist; of one that it repeats the first is meant.
    if parts.next().is_some() {
        None
    } else {
        zone.from_local_datetime(&local)
            .earliest()
            .map(|at| at.to_utc())
    }
}

pub(super) fn time(at: DateTime<Utc>) -> Value {
    Value::String(at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}
