//! Which lists a contact wants.

use actix_web::web::{Data, Json, Path};
use actix_web::{get, put};
use chrono::{DateTime, Utc};
use domain::DomainError;
use domain::ids::{ContactId, ListId};
use domain::list::subscription::{self, Status};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, PageOf};
use crate::problems::{ActionProblems, GetProblems};
use crate::state::AppState;

/// Whether a list is wanted.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    Subscribed,
    Unsubscribed,
}

/// A contact's word on one list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Subscription {
    pub list_id: Uuid,
    pub list_name: String,
    #[schema(value_type = SubscriptionStatus)]
    pub status: &'static str,
    pub since: DateTime<Utc>,
    /// Oldest first.
    pub history: Vec<SubscriptionChange>,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionChange {
    pub at: DateTime<Utc>,
    #[schema(value_type = SubscriptionStatus)]
    pub status: &'static str,
    /// `manual`, `import:<id>`, `cancel_page` …
    #[schema(example = "manual")]
    pub source: String,
}

impl From<subscription::Subscription> for Subscription {
    fn from(row: subscription::Subscription) -> Self {
        let change = |c: subscription::Change| SubscriptionChange {
            at: c.at,
            status: c.status.as_str(),
            source: c.source,
        };
        Self {
            list_id: row.list_id.0,
            list_name: row.list_name,
            status: row.status.as_str(),
            since: row.since,
            history: row.history.into_iter().map(change).collect(),
        }
    }
}

/// The contact's new word.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionUpdate {
    pub status: SubscriptionStatus,
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config.service(list_contact_subscriptions);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_contact_subscriptions)
        .service(put_contact_subscription);
}

/// Lists of a contact, with history
#[utoipa::path(
    tag = "contacts", operation_id = "list_contact_subscriptions",
    params(("id" = Uuid, Path, description = "Contact")),
    responses((status = 200, body = PageOf<Subscription>, description = "All of them, by name"), GetProblems)
)]
#[get("/contacts/{id}/subscriptions")]
async fn list_contact_subscriptions(
    state: Data<AppState>,
    user: Caller,
    id: Id<ContactId>,
) -> ApiResult<Json<PageOf<Subscription>>> {
    let rows = subscription::of_contact(&state.db, &user, id.0).await?;
    Ok(Json(PageOf::whole(
        rows.into_iter().map(Subscription::from).collect(),
    )))
}

/// Subscribe or unsubscribe a contact
#[utoipa::path(
    tag = "contacts", operation_id = "put_contact_subscription", request_body = SubscriptionUpdate,
    params(
        ("id" = Uuid, Path, description = "Contact"),
        ("list_id" = Uuid, Path, description = "List")
    ),
    responses((status = 200, body = Subscription, description = "As it is now"), ActionProblems)
)]
#[put("/contacts/{id}/subscriptions/{list_id}")]
async fn put_contact_subscription(
    state: Data<AppState>,
    user: Caller,
    path: Path<(String, String)>,
    body: Body<SubscriptionUpdate>,
) -> ApiResult<Json<Subscription>> {
    let (contact, list) = path.into_inner();
    let contact: ContactId = contact
        .parse()
        .map_err(|_| DomainError::not_found("contact"))?;
    let list: ListId = list.parse().map_err(|_| DomainError::not_found("list"))?;
    let status = match body.status {
        SubscriptionStatus::Subscribed => Status::Subscribed,
        SubscriptionStatus::Unsubscribed => Status::Unsubscribed,
    };
    Ok(Json(
        subscription::set(&state.db, &user, contact, list, status)
            .await?
            .into(),
    ))
}
