//! When a receiver wants to be asked again (RFC 9110 §10.2.3). Pure.

use std::time::UNIX_EPOCH;

use chrono::{DateTime, TimeDelta, Utc};

/// Further ahead than anybody means; what is longer is cut to it. How much of
/// it counts is [`domain::webhook::work`]'s to say.
const MOST: TimeDelta = TimeDelta::days(366);

/// The time that an answer names, by seconds or by a date; `None` for one that
/// names none, or has no say in it.
pub(super) fn time(status: u16, text: Option<&str>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = text.filter(|_| matches!(status, 429 | 503))?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too long for one is long all the same.
        let seconds = text.parse().unwrap_or(i64::MAX).min(MOST.num_seconds());
        return Some(now + TimeDelta::seconds(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let seconds = date.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let at = DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)?;
    Some(at.min(now + MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_of_every_form_are_read_and_nothing_else() {
        let now: DateTime<Utc> = "1994-11-06T08:48:37Z".parse().unwrap();
        let minute = Some(now + TimeDelta::seconds(60));
        for text in [
            "60",
            " 60 ",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(time(429, Some(text), now), minute, "{text}");
            assert_eq!(time(503, Some(text), now), minute, "{text}");
            assert_eq!(time(500, Some(text), now), None, "{text}");
        }
        for text in [
            "",
            "-1",
            "1.5",
            "soon",
            "06 Nov 1994",
            "６０",
            &"x".repeat(100_000),
        ] {
            assert_eq!(time(429, Some(text), now), None, "{text}");
        }
        assert_eq!(time(429, None, now), None);
        let most = Some(now + MOST);
        let nines = "9".repeat(400);
        for text in [nines.as_str(), "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(time(429, Some(text), now), most);
        }
    }
}
