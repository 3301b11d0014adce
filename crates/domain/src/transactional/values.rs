//! What an API call gives for the merge fields of its one mail.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::contact_field;
use crate::error::{Result, Validation};
use crate::mail::render::{BUILTIN_NAMES, Recipient};

/// Values of one call.
pub const MAX_VALUES: usize = 200;
/// Octets of all of them as JSON.
pub const MAX_BYTES: usize = 64 * 1024;

/// Refuses names that no template could look up, and values beyond the limits.
///
/// # Errors
/// A field error for each value that is wrong.
pub fn check(values: &Map<String, Value>) -> Result<()> {
    let mut v = Validation::default();
    if values.len() > MAX_VALUES {
        v.add(
            "/values",
            "too_many",
            format!("holds more than {MAX_VALUES} values"),
        );
    }
    let bytes = serde_json::to_vec(values).map_or(usize::MAX, |json| json.len());
    if bytes > MAX_BYTES {
        v.add(
            "/values",
            "too_large",
            format!("are {bytes} bytes of JSON, more than {MAX_BYTES}"),
        );
    }
    if holds_nul(values) {
        v.add("/values", "malformed", "hold a NUL character");
    }
    for key in values.keys() {
        if !contact_field::is_key(key) {
            v.add(
                format!("/values/{}", pointer(key)),
                "malformed",
                "a name begins with a lower-case letter, followed by up to 62 lower-case letters, digits and underscores",
            );
        } else if key != "name" && BUILTIN_NAMES.contains(&key.as_str()) {
            v.add(
                format!("/values/{key}"),
                "reserved",
                "is a name that the service fills in itself",
            );
        }
    }
    v.finish()
}

/// RFC 6901.
fn pointer(key: &str) -> String {
    let cut: String = key.chars().take(64).collect();
    cut.replace('~', "~0").replace('/', "~1")
}

/// PostgreSQL's jsonb has no NUL.
fn holds_nul(values: &Map<String, Value>) -> bool {
    fn is_bad(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains('\0'),
            Value::Array(items) => items.iter().any(is_bad),
            Value::Object(things) => things
                .iter()
                .any(|(key, value)| key.contains('\0') || is_bad(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
    values
        .iter()
        .any(|(key, value)| key.contains('\0') || is_bad(value))
}

/// Names that the mail uses, that no contact has, and that the call does not give.
#[must_use]
pub fn missing<'a>(
    required: &'a BTreeSet<String>,
    fields: &BTreeSet<String>,
    values: &Map<String, Value>,
) -> Vec<&'a str> {
    required
        .iter()
        .filter(|name| !fields.contains(*name) && !values.contains_key(*name))
        .map(String::as_str)
        .collect()
}

/// Whom the mail is filled in for: the contact of the address, if there is one,
/// with the call's values before the contact's own.
#[must_use]
pub fn recipient(contact: Option<Recipient>, address: &str, values: &Value) -> Recipient {
    let mut recipient = contact.unwrap_or_default();
    recipient.email = address.to_owned();
    let mut fields = match recipient.fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    if let Value::Object(values) = values {
        if let Some(name) = values.get("name").and_then(Value::as_str) {
            recipient.name = name.to_owned();
        }
        fields.extend(
            values
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
    }
    recipient.fields = Value::Object(fields);
    recipient
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("no object: {other}"),
        }
    }

    #[test]
    fn the_calls_values_come_before_the_contacts_and_its_name_too() {
        let contact = Recipient {
            email: "taro@example.jp".to_owned(),
            name: "髙橋".to_owned(),
            fields: json!({"plan": "free", "city": "東京"}),
        };
        let values = json!({"name": "髙橋 太郎", "plan": "gold", "order": 7});
        let made = recipient(Some(contact), "taro@example.jp", &values);
        assert_eq!(made.name, "髙橋 太郎");
        assert_eq!(
            made.fields,
            json!({"name": "髙橋 太郎", "plan": "gold", "city": "東京", "order": 7})
        );
        let nobody = recipient(None, "new@example.jp", &json!({"order": 7}));
        assert_eq!(
            (nobody.email.as_str(), nobody.name.as_str()),
            ("new@example.jp", "")
        );
    }

    #[test]
    fn names_that_no_template_could_use_are_refused_one_by_one() {
        for (values, pointer, code) in [
            (json!({"Order": 1}), "/values/Order", "malformed"),
            (json!({"a/b": 1}), "/values/a~1b", "malformed"),
            (json!({"cancel_url": "x"}), "/values/cancel_url", "reserved"),
            (json!({"a": ["x\u{0}"]}), "/values", "malformed"),
            (json!({"a": "x".repeat(MAX_BYTES)}), "/values", "too_large"),
        ] {
            let Err(crate::DomainError::Invalid(errors)) = check(&object(values)) else {
                panic!("{pointer} was accepted");
            };
            assert_eq!(
                (errors[0].pointer.as_str(), errors[0].code),
                (pointer, code)
            );
        }
        assert!(
            check(&object(
                json!({"name": "太郎", "items": [{"title": "本", "n": 2}]})
            ))
            .is_ok()
        );
    }
}
