//! Own fields: what a tenant keeps of its contacts beside address and name.

mod queries;
pub mod value;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use serde_json::Value;

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::ContactFieldId;
use crate::schema::contact_field;
use crate::text_enum::text_enum;

pub(crate) use queries::all;

/// Own fields that a tenant can have.
pub const MAX_FIELDS: i64 = 200;
/// Choices of one field.
pub const MAX_CHOICES: usize = 200;

text_enum! {
    /// What a field holds.
    pub enum FieldType {
        Text = "text",
        /// With line breaks.
        LongText = "long_text",
        Number = "number",
        /// `2026-11-22`.
        Date = "date",
        /// RFC 3339 in UTC.
        DateTime = "datetime",
        Boolean = "boolean",
        Choice = "choice",
        MultiChoice = "multi_choice",
        Url = "url",
        Phone = "phone",
    }
}

/// An own field.
#[derive(Debug, Clone, Serialize)]
pub struct ContactField {
    pub id: ContactFieldId,
    /// Name in templates, files and the API: `^[a-z][a-z0-9_]{0,62}$`, never changes.
    pub key: String,
    /// Name for people.
    pub label: String,
    #[serde(rename = "type")]
    pub kind: FieldType,
    pub required: bool,
    /// No two contacts have the same value.
    pub unique: bool,
    /// Of new contacts that come without a value.
    pub default_value: Option<Value>,
    pub choices: Vec<String>,
    pub position: i32,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

/// A field to be made.
#[derive(Debug)]
pub struct NewContactField {
    pub key: String,
    pub label: String,
    pub kind: FieldType,
    pub required: bool,
    pub unique: bool,
    pub default_value: Option<Value>,
    pub choices: Vec<String>,
    pub position: Option<i32>,
}

/// A change; `None` leaves a value as it is. Key, type and uniqueness stay,
/// since contacts already hold values that they would no longer fit.
#[derive(Debug, Default)]
pub struct ContactFieldChange {
    pub label: Option<String>,
    pub required: Option<bool>,
    /// Inner null takes the default away.
    pub default_value: Option<Option<Value>>,
    pub choices: Option<Vec<String>>,
    pub position: Option<i32>,
}

/// Names that mean something else in templates and files.
const RESERVED: [&str; 8] = [
    "id",
    "email",
    "name",
    "status",
    "created_at",
    "updated_at",
    "lists",
    "contact",
];

/// Whether a name can stand in a template as a merge field.
pub(crate) fn is_key(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn check(field: &mut ContactField) -> Result<()> {
    let mut v = Validation::default();
    if !is_key(&field.key) {
        v.add(
            "/key",
            "malformed",
            "must begin with a-z and hold only a-z, 0-9 and _, at most 63",
        );
    } else if RESERVED.contains(&field.key.as_str()) {
        v.add("/key", "reserved", "is a name that the service uses itself");
    }
    v.length("/label", &field.label, 1, 100);
    let is_choice = matches!(field.kind, FieldType::Choice | FieldType::MultiChoice);
    if is_choice && field.choices.is_empty() {
        v.add(
            "/choices",
            "required",
            "a choice field needs at least one choice",
        );
    }
    if !is_choice && !field.choices.is_empty() {
        v.add(
            "/choices",
            "not_allowed",
            "only fields of type choice and multi_choice have choices",
        );
    }
    if field.choices.len() > MAX_CHOICES {
        v.add(
            "/choices",
            "too_many",
            format!("at most {MAX_CHOICES} choices"),
        );
    }
    for (i, choice) in field.choices.iter().enumerate() {
        let pointer = format!("/choices/{i}");
        v.length(&pointer, choice, 1, 100);
        if choice.trim() != choice
            || choice.contains([';', '；', '、', '|'])
            || choice.chars().any(char::is_control)
        {
            v.add(
                &pointer,
                "malformed",
                "must not hold ; ； 、 | or line breaks, nor begin or end with a space",
            );
        }
        if field.choices[..i].contains(choice) {
            v.add(&pointer, "duplicate", "stands there twice");
        }
    }
    if field.unique
        && matches!(
            field.kind,
            FieldType::Boolean | FieldType::MultiChoice | FieldType::LongText
        )
    {
        v.add(
            "/unique",
            "not_allowed",
            "a field of this type can't be unique",
        );
    }
    if field.unique && field.default_value.is_some() {
        v.add(
            "/default_value",
            "not_allowed",
            "a unique field can't have a default",
        );
    }
    if !(0..=100_000).contains(&field.position) {
        v.add("/position", "out_of_range", "must be 0 to 100000");
    }
    let default = field.default_value.take();
    if let Some(value) = default.filter(|value| !value.is_null()) {
        field.default_value = v.keep("/default_value", field.parse_json(&value)).flatten();
    }
    v.finish()
}

/// All fields of the tenant by position.
///
/// # Errors
/// [`DomainError::Forbidden`].
pub async fn list(db: &Db, actor: &Actor) -> Result<Vec<ContactField>> {
    actor.require(Permission::ContactsRead)?;
    db.tenant(actor.tenant_id, async |tx| all(tx, actor.tenant_id).await)
        .await
}

/// One field.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: ContactFieldId) -> Result<ContactField> {
    actor.require(Permission::ContactsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id).await
    })
    .await
}

/// Adds a field.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::Conflict`] for a key in use or the 201st field.
pub async fn create(db: &Db, actor: &Actor, new: NewContactField) -> Result<ContactField> {
    actor.require(Permission::ContactsWrite)?;
    let mut field = ContactField {
        id: ContactFieldId::new(),
        key: new.key,
        label: new.label,
        kind: new.kind,
        required: new.required,
        unique: new.unique,
        default_value: new.default_value,
        choices: new.choices,
        position: new.position.unwrap_or(0),
        version: 1,
        created_at: db.now(),
    };
    check(&mut field)?;
    let place_last = new.position.is_none();
    db.tenant(actor.tenant_id, async |tx| {
        let (count, last) = queries::count_and_last(tx, actor.tenant_id).await?;
        if count >= MAX_FIELDS {
            return Err(DomainError::conflict(
                "too_many_fields",
                format!("a tenant has at most {MAX_FIELDS} own fields"),
            ));
        }
        if place_last {
            field.position = last + 1;
        }
        queries::insert(tx, actor.tenant_id, &field).await?;
        record(tx, actor, "contact_field.created", None, Some(&field)).await?;
        Ok(field)
    })
    .await
}

/// Changes a field of version `version`.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: ContactFieldId,
    version: i32,
    change: ContactFieldChange,
) -> Result<ContactField> {
    actor.require(Permission::ContactsWrite)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        let mut field = before.clone();
        field.label = change.label.unwrap_or(field.label);
        field.required = change.required.unwrap_or(field.required);
        field.choices = change.choices.unwrap_or(field.choices);
        field.position = change.position.unwrap_or(field.position);
        if let Some(default) = change.default_value {
            field.default_value = default;
        }
        check(&mut field)?;
        field.version = version + 1;
        if !queries::update(tx, actor.tenant_id, version, &field, now).await? {
            return Err(DomainError::Stale);
        }
        record(
            tx,
            actor,
            "contact_field.updated",
            Some(&before),
            Some(&field),
        )
        .await?;
        Ok(field)
    })
    .await
}

/// Deletes a field of version `version`, and its values from all contacts.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn delete(db: &Db, actor: &Actor, id: ContactFieldId, version: i32) -> Result<()> {
    actor.require(Permission::ContactsWrite)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        if queries::is_used(tx, actor.tenant_id, &before.key).await? {
            return Err(DomainError::conflict(
                "in_use",
                "a date mail or a sequence goes by this field: delete that first",
            ));
        }
        if !queries::delete(tx, actor.tenant_id, id, version).await? {
            return Err(DomainError::Stale);
        }
        queries::drop_values(tx, actor.tenant_id, &before.key, now).await?;
        record(tx, actor, "contact_field.deleted", Some(&before), None).await
    })
    .await
}

async fn record(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &str,
    before: Option<&ContactField>,
    after: Option<&ContactField>,
) -> Result<()> {
    let json = |field: &ContactField| serde_json::to_value(field).ok();
    let entry = audit::Entry {
        action,
        subject_kind: "contact_field",
        subject_id: before.or(after).map(|field| field.id.0),
        before: before.and_then(json),
        after: after.and_then(json),
    };
    audit::record(tx, actor, entry).await
}

/// A field's row.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = contact_field)]
struct Row {
    id: ContactFieldId,
    key: String,
    label: String,
    type_: FieldType,
    required: bool,
    is_unique: bool,
    default_value: Option<Value>,
    choices: Vec<Option<String>>,
    position: i32,
    version: i32,
    created_at: DateTime<Utc>,
}

impl From<Row> for ContactField {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            key: row.key,
            label: row.label,
            kind: row.type_,
            required: row.required,
            unique: row.is_unique,
            default_value: row.default_value,
            choices: row.choices.into_iter().flatten().collect(),
            position: row.position,
            version: row.version,
            created_at: row.created_at,
        }
    }
}

/// For tests of this crate.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    pub(crate) fn field(kind: FieldType) -> ContactField {
        ContactField {
            id: ContactFieldId::new(),
            key: "f".to_owned(),
            label: "F".to_owned(),
            kind,
            required: false,
            unique: false,
            default_value: None,
            choices: vec!["gold".to_owned(), "silver".to_owned()],
            position: 0,
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
        }
    }
}
