//! The names that a template may look up, and nothing else.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value};

use super::{Legal, Links, Recipient, Surroundings};
use crate::delivery::token::{DeliveryToken, Purpose};
use crate::mail::content::Locale;
use crate::secret::Keys;

/// Merge fields that every tenant has; an own field can't take such a key.
pub const BUILTIN_NAMES: [&str; 8] = [
    "name",
    "email",
    "company_name",
    "company_address",
    "company_contact",
    "cancel_url",
    "today",
    "block",
];

/// Whether a name means something besides the contact's fields. `_link` and
/// `_open_url` are put in by the compiler.
pub(super) fn is_known(name: &str) -> bool {
    BUILTIN_NAMES.contains(&name) || matches!(name, "_link" | "_open_url")
}

/// What all recipients of a mail share.
#[derive(Debug)]
pub(super) struct Shared {
    keys: Arc<Keys>,
    public_url: String,
    legal: Legal,
    today: String,
    nobody: &'static str,
    /// Links of other variants that are numbered before this mail's.
    links_after: u16,
}

impl Shared {
    pub(super) fn new(around: &Surroundings, locale: Locale, links_after: u16) -> Self {
        Self {
            keys: Arc::clone(&around.installation.keys),
            public_url: around.installation.public_url.clone(),
            legal: around.legal.clone(),
            today: around
                .now
                .with_timezone(&around.time_zone)
                .format("%Y-%m-%d")
                .to_string(),
            nobody: match locale {
                Locale::Ja => "お客様",
                Locale::En => "customer",
            },
            links_after,
        }
    }
}

/// One person's values, looked up when a template asks for them.
#[derive(Debug)]
pub(super) struct Context {
    shared: Arc<Shared>,
    recipient: Recipient,
    links: Links,
}

impl Context {
    pub(super) fn new(shared: Arc<Shared>, recipient: &Recipient, links: Links) -> Self {
        Self {
            shared,
            recipient: recipient.clone(),
            links,
        }
    }

    pub(super) fn cancel_url(&self) -> String {
        self.signed("/p/cancel/", Purpose::Cancel)
            .unwrap_or_else(|| format!("{}/p/cancel/preview", self.shared.public_url))
    }

    /// The counted address of a link; `None` in a preview.
    pub(super) fn link_url(&self, number: u16) -> Option<String> {
        let Links::Signed { campaign, .. } = self.links else {
            return None;
        };
        let number = number.checked_add(self.shared.links_after)?;
        self.signed("/t/c/", Purpose::Click { campaign, number })
    }

    /// What stands for a person without a name.
    pub(super) fn nobody(&self) -> &'static str {
        self.shared.nobody
    }

    fn signed(&self, path: &str, purpose: Purpose) -> Option<String> {
        let Links::Signed {
            tenant,
            period,
            delivery,
            ..
        } = self.links
        else {
            return None;
        };
        let token = DeliveryToken {
            tenant,
            period,
            delivery,
            purpose,
        }
        .encode(&self.shared.keys);
        Some([&self.shared.public_url, path, &token].concat())
    }

    fn field(&self, key: &str) -> Option<Value> {
        Some(to_value(self.recipient.fields.get(key)?))
    }
}

/// Own fields are words, numbers, yes or no, and lists of words; what a
/// transactional call gives may also be lists of things with names.
fn to_value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::UNDEFINED,
        serde_json::Value::Object(things) => Value::from_pairs(
            things
                .iter()
                .map(|(name, value)| (name.as_str(), to_value(value))),
        ),
        serde_json::Value::Bool(yes) => Value::from(*yes),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(float)) => Value::from(float),
            (None, None) => Value::UNDEFINED,
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => {
            Value::from(items.iter().map(to_value).collect::<Vec<_>>())
        }
    }
}

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let shared = &self.shared;
        Some(match key {
            "name" => Value::from(self.recipient.name.as_str()),
            "email" => Value::from(self.recipient.email.as_str()),
            "company_name" => Value::from(shared.legal.sender_name.as_str()),
            "company_address" => Value::from(shared.legal.postal_address.as_str()),
            "company_contact" => Value::from(shared.legal.contact.as_str()),
            "today" => Value::from(shared.today.as_str()),
            // Made of the URL alphabet and our own address: nothing to escape.
            "cancel_url" => Value::from_safe_string(self.cancel_url()),
            "_open_url" => {
                Value::from_safe_string(self.signed("/t/o/", Purpose::Open).unwrap_or_default())
            }
            "_self" => Value::from_dyn_object(Arc::clone(self)),
            _ => return self.field(key),
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}
