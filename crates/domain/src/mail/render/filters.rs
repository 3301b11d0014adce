//! Filters of our own, for Japanese and English mails. None of them panics
//! and none is dearer than its input is long.

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::context::Context;
use crate::mail::content::Locale;

/// Whether there is nothing to read in it.
fn is_blank(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => true,
        ValueKind::String => value.as_str().is_some_and(|text| text.trim().is_empty()),
        ValueKind::Seq => value.len() == Some(0),
        _ => false,
    }
}

/// `{{ name | default("お客様") }}`: unlike Jinja's also for an empty value,
/// since a contact without a name has an empty one.
pub(super) fn default(value: &Value, fallback: Option<Value>) -> Value {
    if is_blank(value) {
        fallback.unwrap_or_else(|| Value::from(""))
    } else {
        value.clone()
    }
}

/// `{{ name | sama }}`: 髙橋 太郎 様; お客様 without a name; never 様 twice.
pub(super) fn sama(state: &State<'_, '_>, value: &Value) -> String {
    let text = value.to_string();
    let name = text.trim();
    if is_blank(value) || name.is_empty() {
        return state
            .lookup("_self")
            .and_then(|context| context.downcast_object::<Context>())
            .map_or("お客様", |context| context.nobody())
            .to_owned();
    }
    if ["様", "さま", "御中", "殿"]
        .iter()
        .any(|title| name.ends_with(title))
    {
        return name.to_owned();
    }
    format!("{name} 様")
}

/// RFC 3986 §2.3: all but the unreserved characters.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A value as one part of a URL. Marked safe, so that a link does not encode
/// it a second time.
pub(super) fn urlencode(value: &Value) -> Value {
    let text = if is_blank(value) {
        String::new()
    } else {
        value.to_string()
    };
    Value::from_safe_string(utf8_percent_encode(&text, COMPONENT).to_string())
}

/// `{{ points | number }}` 12,345; `{{ price | number(2) }}` 1,234.50. What is
/// no number stays as it is.
pub(super) fn number(value: &Value, decimals: Option<u32>) -> Result<String, Error> {
    let decimals = decimals.unwrap_or(0);
    if decimals > 10 {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "number: at most 10 decimals",
        ));
    }
    let text = value.to_string();
    if is_blank(value) {
        return Ok(String::new());
    }
    let Some(parsed) = text
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|n| n.is_finite() && n.abs() < 1e15)
    else {
        return Ok(text);
    };
    let fixed = format!("{parsed:.*}", usize::try_from(decimals).unwrap_or(0));
    let (sign, digits) = fixed
        .strip_prefix('-')
        .map_or(("", fixed.as_str()), |rest| ("-", rest));
    let (whole, fraction) = digits
        .split_once('.')
        .map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    Ok(out)
}

/// A date field (`2026-11-22`), a date-time field (RFC 3339), as local time.
fn parse_time(text: &str, zone: Tz) -> Option<DateTime<Tz>> {
    let text = text.trim();
    if let Ok(at) = text.parse::<DateTime<Utc>>() {
        return Some(at.with_timezone(&zone));
    }
    let local = text.parse::<NaiveDateTime>().ok().or_else(|| {
        Some(
            text.replace('/', "-")
                .parse::<NaiveDate>()
                .ok()?
                .and_time(NaiveTime::MIN),
        )
    })?;
    zone.from_local_datetime(&local).earliest()
}

/// `{{ birthday | date }}` 2026年11月22日; `{{ birthday | date("%m/%d") }}`
/// with strftime's letters. What is no date stays as it is.
pub(super) fn date(
    value: &Value,
    form: Option<&str>,
    locale: Locale,
    zone: Tz,
) -> Result<String, Error> {
    if is_blank(value) {
        return Ok(String::new());
    }
    let text = value.to_string();
    let Some(at) = parse_time(&text, zone) else {
        return Ok(text);
    };
    let form = form.unwrap_or(match locale {
        Locale::Ja => "%Y年%-m月%-d日",
        Locale::En => "%B %-d, %Y",
    });
    // An unknown letter would make chrono's Display fail, and to_string panic.
    let items: Vec<Item<'_>> = StrftimeItems::new(form).collect();
    if items.contains(&Item::Error) {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("date: {form:?} is no date format, try \"%Y-%m-%d\""),
        ));
    }
    let mut out = String::new();
    std::fmt::Write::write_fmt(
        &mut out,
        format_args!("{}", at.format_with_items(items.iter())),
    )
    .map_err(|_| {
        Error::new(
            ErrorKind::InvalidOperation,
            "date: cannot be written in this format",
        )
    })?;
    Ok(out)
}

/// `{{ birthday | weekday }}`: 日, or Sunday.
pub(super) fn weekday(value: &Value, locale: Locale, zone: Tz) -> String {
    let days = match locale {
        Locale::Ja => ["日", "月", "火", "水", "木", "金", "土"],
        Locale::En => [
            "Sunday",
            "Monday",
            "Tuesday",
            "Wednesday",
            "Thursday",
            "Friday",
            "Saturday",
        ],
    };
    parse_time(&value.to_string(), zone)
        .and_then(|at| days.get(usize::try_from(at.weekday().num_days_from_sunday()).ok()?))
        .map_or_else(String::new, ToString::to_string)
}
