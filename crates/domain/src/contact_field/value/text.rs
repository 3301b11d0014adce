//! Texts: of any words, URLs, phone numbers.

use serde_json::Value;

use super::{MAX_URL, Parsed, half_width, wrong};
use crate::error::FieldError;

pub(super) fn limited(text: &str, max: usize) -> Parsed {
    // Bytes are never fewer than characters, and counting them costs nothing.
    let n = if text.len() <= max {
        0
    } else {
        text.chars().count()
    };
    if n > max {
        return Err(wrong(
            "too_long",
            format!("has {n} characters, at most {max} are allowed"),
        ));
    }
    Ok(Some(Value::String(text.to_owned())))
}

pub(super) fn url(text: &str) -> Result<Value, FieldError> {
    let malformed = || {
        wrong(
            "malformed",
            "must be a URL that begins with http:// or https://",
        )
    };
    if text.chars().count() > MAX_URL {
        return Err(wrong(
            "too_long",
            format!("has more than {MAX_URL} characters"),
        ));
    }
    let scheme_end = text.find("://").ok_or_else(malformed)?;
    let host = text[scheme_end + 3..]
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default();
    let scheme_is_good = ["http", "https"]
        .iter()
        .any(|s| text[..scheme_end].eq_ignore_ascii_case(s));
    if !scheme_is_good
        || host.is_empty()
        || text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || "<>\"\\".contains(c))
    {
        return Err(malformed());
    }
    Ok(Value::String(text.to_owned()))
}

pub(super) fn phone(text: &str) -> Result<Value, FieldError> {
    let text = half_width(text).replace(['−', '‐', 'ー', '―'], "-");
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let allowed = |c: char| c.is_ascii_digit() || "+-() .#*".contains(c);
    if !(3..=20).contains(&digits) || text.len() > 40 || !text.chars().all(allowed) {
        return Err(wrong(
            "malformed",
            "must be a phone number such as 03-1234-5678",
        ));
    }
    Ok(Value::String(text))
}
