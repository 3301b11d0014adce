//! Own fields of contacts.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, Utc};
use domain::contact_field::{self, ContactFieldChange, FieldType, NewContactField};
use domain::ids::ContactFieldId;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, etag};
use crate::problems::{CreateProblems, DeleteProblems, GetProblems, ListProblems, UpdateProblems};
use crate::state::AppState;

/// What a field holds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactFieldType {
    Text,
    LongText,
    Number,
    Date,
    #[serde(rename = "datetime")]
    DateTime,
    Boolean,
    Choice,
    MultiChoice,
    Url,
    Phone,
}

impl From<FieldType> for ContactFieldType {
    fn from(kind: FieldType) -> Self {
        match kind {
            FieldType::Text => Self::Text,
            FieldType::LongText => Self::LongText,
            FieldType::Number => Self::Number,
            FieldType::Date => Self::Date,
            FieldType::DateTime => Self::DateTime,
            FieldType::Boolean => Self::Boolean,
            FieldType::Choice => Self::Choice,
            FieldType::MultiChoice => Self::MultiChoice,
            FieldType::Url => Self::Url,
            FieldType::Phone => Self::Phone,
        }
    }
}

impl From<ContactFieldType> for FieldType {
    fn from(kind: ContactFieldType) -> Self {
        match kind {
            ContactFieldType::Text => Self::Text,
            ContactFieldType::LongText => Self::LongText,
            ContactFieldType::Number => Self::Number,
            ContactFieldType::Date => Self::Date,
            ContactFieldType::DateTime => Self::DateTime,
            ContactFieldType::Boolean => Self::Boolean,
            ContactFieldType::Choice => Self::Choice,
            ContactFieldType::MultiChoice => Self::MultiChoice,
            ContactFieldType::Url => Self::Url,
            ContactFieldType::Phone => Self::Phone,
        }
    }
}

/// An own field of the tenant's contacts.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactField {
    pub id: Uuid,
    /// Name in templates, files and the API; never changes.
    #[schema(example = "plan")]
    pub key: String,
    /// Name for people.
    #[schema(example = "会員プラン")]
    pub label: String,
    pub r#type: ContactFieldType,
    pub required: bool,
    /// No two contacts have the same value.
    pub unique: bool,
    /// Of new contacts that come without a value.
    #[schema(value_type = Option<Value>)]
    pub default_value: Option<Value>,
    /// Of the types `choice` and `multi_choice`.
    #[schema(example = json!(["gold", "silver"]))]
    pub choices: Vec<String>,
    pub position: i32,
    pub created_at: DateTime<Utc>,
    pub version: i32,
}

impl From<contact_field::ContactField> for ContactField {
    fn from(field: contact_field::ContactField) -> Self {
        Self {
            id: field.id.0,
            key: field.key,
            label: field.label,
            r#type: field.kind.into(),
            required: field.required,
            unique: field.unique,
            default_value: field.default_value,
            choices: field.choices,
            position: field.position,
            created_at: field.created_at,
            version: field.version,
        }
    }
}

/// A field to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactFieldCreate {
    #[schema(example = "plan", pattern = "^[a-z][a-z0-9_]{0,62}$")]
    pub key: String,
    #[schema(example = "会員プラン", min_length = 1, max_length = 100)]
    pub label: String,
    pub r#type: ContactFieldType,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub unique: bool,
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub default_value: Option<Value>,
    #[serde(default)]
    #[schema(max_items = 200)]
    pub choices: Vec<String>,
    /// Left out: after all others.
    #[schema(minimum = 0, maximum = 100_000)]
    pub position: Option<i32>,
}

/// A change; what is left out stays. Key, type and uniqueness can't change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactFieldUpdate {
    #[schema(min_length = 1, max_length = 100)]
    pub label: Option<String>,
    pub required: Option<bool>,
    /// Null takes the default away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Value>)]
    pub default_value: Option<Option<Value>>,
    #[schema(max_items = 200)]
    pub choices: Option<Vec<String>>,
    #[schema(minimum = 0, maximum = 100_000)]
    pub position: Option<i32>,
}

/// Tells null (`Some(None)`) from left out (`None`).
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    json: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(json).map(Some)
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config.service(list_contact_fields);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_contact_fields)
        .service(create_contact_field)
        .service(get_contact_field)
        .service(update_contact_field)
        .service(delete_contact_field);
}

/// All own fields by position
#[utoipa::path(
    tag = "contact-fields", operation_id = "list_contact_fields",
    responses((status = 200, body = PageOf<ContactField>, description = "All fields, at most 200"), ListProblems)
)]
#[get("/contact-fields")]
async fn list_contact_fields(
    state: Data<AppState>,
    user: Caller,
) -> ApiResult<Json<PageOf<ContactField>>> {
    let fields = contact_field::list(&state.db, &user).await?;
    Ok(Json(PageOf::whole(
        fields.into_iter().map(ContactField::from).collect(),
    )))
}

/// Add an own field
#[utoipa::path(
    tag = "contact-fields", operation_id = "create_contact_field", request_body = ContactFieldCreate,
    responses((status = 201, body = ContactField, description = "Added", headers(("ETag" = String))), CreateProblems)
)]
#[post("/contact-fields")]
async fn create_contact_field(
    state: Data<AppState>,
    user: Caller,
    body: Body<ContactFieldCreate>,
) -> ApiResult {
    let Body(create) = body;
    let new = NewContactField {
        key: create.key,
        label: create.label,
        kind: create.r#type.into(),
        required: create.required,
        unique: create.unique,
        default_value: create.default_value,
        choices: create.choices,
        position: create.position,
    };
    let field = contact_field::create(&state.db, &user, new).await?;
    Ok(HttpResponse::Created()
        .insert_header(etag(field.version))
        .json(ContactField::from(field)))
}

/// One own field
#[utoipa::path(
    tag = "contact-fields", operation_id = "get_contact_field",
    params(("id" = Uuid, Path, description = "Field")),
    responses((status = 200, body = ContactField, description = "The field", headers(("ETag" = String))), GetProblems)
)]
#[get("/contact-fields/{id}")]
async fn get_contact_field(
    state: Data<AppState>,
    user: Caller,
    id: Id<ContactFieldId>,
) -> ApiResult {
    let field = contact_field::get(&state.db, &user, id.0).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(field.version))
        .json(ContactField::from(field)))
}

/// Change an own field
#[utoipa::path(
    tag = "contact-fields", operation_id = "update_contact_field", request_body = ContactFieldUpdate,
    params(
        ("id" = Uuid, Path, description = "Field"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = ContactField, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/contact-fields/{id}")]
async fn update_contact_field(
    state: Data<AppState>,
    user: Caller,
    id: Id<ContactFieldId>,
    version: IfMatch,
    body: Body<ContactFieldUpdate>,
) -> ApiResult {
    let Body(update) = body;
    let change = ContactFieldChange {
        label: update.label,
        required: update.required,
        default_value: update.default_value,
        choices: update.choices,
        position: update.position,
    };
    let field = contact_field::update(&state.db, &user, id.0, version.0, change).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(field.version))
        .json(ContactField::from(field)))
}

/// Delete an own field
///
/// With it go its values of all contacts.
#[utoipa::path(
    tag = "contact-fields", operation_id = "delete_contact_field",
    params(
        ("id" = Uuid, Path, description = "Field"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/contact-fields/{id}")]
async fn delete_contact_field(
    state: Data<AppState>,
    user: Caller,
    id: Id<ContactFieldId>,
    version: IfMatch,
) -> ApiResult {
    contact_field::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
