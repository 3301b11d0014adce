//! Contacts.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, Utc};
use domain::contact::{self, ContactChange, ContactFilter, ContactSort, NewContact};
use domain::ids::{ContactId, ListId};
use domain::list::subscription::{self, Subscription};
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, QueryOf, etag};
use crate::problems::{CreateProblems, DeleteProblems, GetProblems, ListProblems, UpdateProblems};
use crate::routes::subscription::SubscriptionStatus;
use crate::state::AppState;

/// Whether a contact may be mailed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactStatus {
    Active,
    /// Left all mailing.
    Unsubscribed,
    /// The address does not exist, or bounced too often.
    Bounced,
    /// Reported a mail as spam.
    Complained,
    /// Switched off by a user.
    Disabled,
}

impl From<ContactStatus> for contact::ContactStatus {
    fn from(status: ContactStatus) -> Self {
        match status {
            ContactStatus::Active => Self::Active,
            ContactStatus::Unsubscribed => Self::Unsubscribed,
            ContactStatus::Bounced => Self::Bounced,
            ContactStatus::Complained => Self::Complained,
            ContactStatus::Disabled => Self::Disabled,
        }
    }
}

/// Order of contacts; `-` turns it round.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub enum ContactOrder {
    #[serde(rename = "-created_at")]
    NewestFirst,
    #[serde(rename = "created_at")]
    OldestFirst,
    #[serde(rename = "email")]
    Email,
    #[serde(rename = "-email")]
    EmailDescending,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDescending,
}

impl From<ContactOrder> for ContactSort {
    fn from(order: ContactOrder) -> Self {
        match order {
            ContactOrder::NewestFirst => Self::NewestFirst,
            ContactOrder::OldestFirst => Self::OldestFirst,
            ContactOrder::Email => Self::Email,
            ContactOrder::EmailDescending => Self::EmailDescending,
            ContactOrder::Name => Self::Name,
            ContactOrder::NameDescending => Self::NameDescending,
        }
    }
}

/// A person in the customer database.
#[derive(Debug, Serialize, ToSchema)]
pub struct Contact {
    pub id: Uuid,
    #[schema(example = "hanako@example.co.jp")]
    pub email: String,
    #[schema(example = "山田 花子")]
    pub name: String,
    #[schema(value_type = ContactStatus)]
    pub status: &'static str,
    /// Own fields: key to value. Empty ones are left out.
    #[schema(value_type = BTreeMap<String, Value>, example = json!({"plan": "gold", "age": 34}))]
    pub fields: Value,
    /// Lists that the contact has a word on; only where one contact is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lists: Option<Vec<ContactList>>,
    /// Soft bounces since a mail last arrived; at the company's limit the contact is stopped.
    #[schema(example = 0)]
    pub soft_bounces: i16,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i32,
}

/// A list of a contact.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactList {
    pub id: Uuid,
    pub name: String,
    #[schema(value_type = SubscriptionStatus)]
    pub status: &'static str,
}

impl From<contact::Contact> for Contact {
    fn from(row: contact::Contact) -> Self {
        Self {
            id: row.id.0,
            email: row.email,
            name: row.name,
            status: row.status.as_str(),
            fields: row.fields,
            lists: None,
            soft_bounces: row.soft_bounces,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

/// A contact to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactCreate {
    #[schema(example = "hanako@example.co.jp", max_length = 320)]
    pub email: String,
    #[serde(default)]
    #[schema(example = "山田 花子", max_length = 200)]
    pub name: String,
    /// Own fields: key to value, each of its field's type.
    #[serde(default)]
    #[schema(example = json!({"plan": "gold"}))]
    pub fields: BTreeMap<String, Value>,
    /// Lists to subscribe to.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub list_ids: Vec<Uuid>,
}

/// A change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactUpdate {
    #[schema(max_length = 320)]
    pub email: Option<String>,
    #[schema(max_length = 200)]
    pub name: Option<String>,
    /// Only these own fields change; null empties one.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
    pub status: Option<ContactStatus>,
}

/// Which contacts, in which order, which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ContactQuery {
    /// Words, each a part of the address or the name; all must be found. A
    /// word of one or two Latin letters or digits means the beginning of one.
    #[param(max_length = 200)]
    pub q: Option<String>,
    pub status: Option<ContactStatus>,
    /// Subscribed to this list.
    pub list_id: Option<Uuid>,
    /// Added at or after.
    pub created_from: Option<DateTime<Utc>>,
    /// Added before.
    pub created_to: Option<DateTime<Utc>>,
    /// `-created_at` unless said otherwise.
    #[param(inline)]
    pub sort: Option<ContactOrder>,
    /// Whether `total` is counted.
    #[serde(default)]
    #[param(default = false)]
    pub count: bool,
    /// Rows in the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config.service(list_contacts).service(get_contact);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_contacts)
        .service(create_contact)
        .service(get_contact)
        .service(update_contact)
        .service(delete_contact);
}

/// The contacts
#[utoipa::path(
    tag = "contacts", operation_id = "list_contacts", params(ContactQuery),
    responses((status = 200, body = PageOf<Contact>, description = "A page"), ListProblems)
)]
#[get("/contacts")]
async fn list_contacts(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<ContactQuery>,
) -> ApiResult<Json<PageOf<Contact>>> {
    let QueryOf(query) = query;
    let filter = ContactFilter {
        q: query.q,
        status: query.status.map(Into::into),
        list_id: query.list_id.map(ListId),
        created_from: query.created_from,
        created_to: query.created_to,
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: query.count,
    };
    let sort = query.sort.map(ContactSort::from).unwrap_or_default();
    let page = contact::list(&state.db, &user, &filter, sort, &page).await?;
    Ok(Json(PageOf::from_page(page, Contact::from)))
}

/// Add a contact
#[utoipa::path(
    tag = "contacts", operation_id = "create_contact", request_body = ContactCreate,
    responses((status = 201, body = Contact, description = "Added", headers(("ETag" = String))), CreateProblems)
)]
#[post("/contacts")]
async fn create_contact(
    state: Data<AppState>,
    user: Caller,
    body: Body<ContactCreate>,
) -> ApiResult {
    let Body(create) = body;
    let new = NewContact {
        email: create.email,
        name: create.name,
        fields: create.fields,
        list_ids: create.list_ids.into_iter().map(ListId).collect(),
    };
    let row = contact::create(&state.db, &user, new, "manual").await?;
    let lists = subscription::of_written(&state.db, &user, row.id).await?;
    let contact = with_lists(row, lists);
    Ok(HttpResponse::Created()
        .insert_header(etag(contact.version))
        .json(contact))
}

/// One contact, with its lists
#[utoipa::path(
    tag = "contacts", operation_id = "get_contact",
    params(("id" = Uuid, Path, description = "Contact")),
    responses((status = 200, body = Contact, description = "The contact", headers(("ETag" = String))), GetProblems)
)]
#[get("/contacts/{id}")]
async fn get_contact(state: Data<AppState>, user: Caller, id: Id<ContactId>) -> ApiResult {
    let row = contact::get(&state.db, &user, id.0).await?;
    let lists = subscription::of_contact(&state.db, &user, row.id).await?;
    let contact = with_lists(row, lists);
    Ok(HttpResponse::Ok()
        .insert_header(etag(contact.version))
        .json(contact))
}

/// Change a contact
#[utoipa::path(
    tag = "contacts", operation_id = "update_contact", request_body = ContactUpdate,
    params(
        ("id" = Uuid, Path, description = "Contact"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = Contact, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/contacts/{id}")]
async fn update_contact(
    state: Data<AppState>,
    user: Caller,
    id: Id<ContactId>,
    version: IfMatch,
    body: Body<ContactUpdate>,
) -> ApiResult {
    let Body(update) = body;
    let change = ContactChange {
        email: update.email,
        name: update.name,
        fields: update.fields,
        status: update.status.map(Into::into),
    };
    let row = contact::update(&state.db, &user, id.0, version.0, change).await?;
    let lists = subscription::of_written(&state.db, &user, row.id).await?;
    let contact = with_lists(row, lists);
    Ok(HttpResponse::Ok()
        .insert_header(etag(contact.version))
        .json(contact))
}

/// Delete a contact
///
/// What was sent to it and its consents stay on record.
#[utoipa::path(
    tag = "contacts", operation_id = "delete_contact",
    params(
        ("id" = Uuid, Path, description = "Contact"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/contacts/{id}")]
async fn delete_contact(
    state: Data<AppState>,
    user: Caller,
    id: Id<ContactId>,
    version: IfMatch,
) -> ApiResult {
    contact::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn with_lists(row: contact::Contact, subscriptions: Vec<Subscription>) -> Contact {
    let lists = subscriptions
        .into_iter()
        .map(|s| ContactList {
            id: s.list_id.0,
            name: s.list_name,
            status: s.status.as_str(),
        })
        .collect();
    Contact {
        lists: Some(lists),
        ..row.into()
    }
}
