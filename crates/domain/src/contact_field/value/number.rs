//! Numbers as people write them: full-width, grouped, with an exponent.

use serde_json::Value;

use super::{half_width, wrong};
use crate::error::FieldError;

pub(super) fn number(text: &str) -> Result<Value, FieldError> {
    let malformed = || wrong("malformed", "must be a number such as 1200 or 12.5");
    let folded;
    let text = if text.is_ascii() {
        text
    } else {
        folded = half_width(text).replace('−', "-");
        &folded
    };
    let grouped;
    let text = if text.contains(',') {
        grouped = ungroup(text).ok_or_else(malformed)?;
        &grouped
    } else {
        text
    };
    let text = text.strip_prefix('+').unwrap_or(text);
    if !text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'e' | b'E' | b'+'))
    {
        return Err(malformed());
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(Value::from(whole));
    }
    let number = text
        .parse::<f64>()
        .ok()
        .filter(|n| n.is_finite())
        .ok_or_else(malformed)?;
    let mantissa = text
        .split(['e', 'E'])
        .next()
        .unwrap_or_default()
        .trim_start_matches(['-', '0', '.']);
    if mantissa.bytes().filter(u8::is_ascii_digit).count() > 17 {
        return Err(wrong(
            "out_of_range",
            "has more digits than a number keeps: use a text field for it",
        ));
    }
    Ok(Value::from(number))
}

/// `1,234,567.8` without its commas; `None` when they stand elsewhere.
fn ungroup(text: &str) -> Option<String> {
    let (whole, rest) = text
        .split_once('.')
        .map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut groups = whole.trim_start_matches(['-', '+']).split(',');
    let first = groups.next()?;
    let good = (1..=3).contains(&first.len())
        && groups.all(|group| group.len() == 3)
        && !rest.is_some_and(|r| r.contains(','));
    good.then(|| text.replace(',', ""))
}
