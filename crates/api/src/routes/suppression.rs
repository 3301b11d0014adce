//! The block-list.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use chrono::{DateTime, Utc};
use domain::ids::SuppressionId;
use domain::page::PageRequest;
use domain::suppression::{self, Kind, NewSuppression, Reason, SuppressionFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, PageOf, QueryOf, search};
use crate::problems::{CreateProblems, ListProblems, RemoveProblems};
use crate::state::AppState;

/// One address, or a whole domain.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionKind {
    Address,
    Domain,
}

impl From<SuppressionKind> for Kind {
    fn from(kind: SuppressionKind) -> Self {
        match kind {
            SuppressionKind::Address => Self::Address,
            SuppressionKind::Domain => Self::Domain,
        }
    }
}

/// Why it is blocked.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    #[default]
    Manual,
    Cancelled,
    Bounced,
    Complained,
    Imported,
}

impl From<SuppressionReason> for Reason {
    fn from(reason: SuppressionReason) -> Self {
        match reason {
            SuppressionReason::Manual => Self::Manual,
            SuppressionReason::Cancelled => Self::Cancelled,
            SuppressionReason::Bounced => Self::Bounced,
            SuppressionReason::Complained => Self::Complained,
            SuppressionReason::Imported => Self::Imported,
        }
    }
}

/// An address or domain that is never mailed, whatever sends.
#[derive(Debug, Serialize, ToSchema)]
pub struct Suppression {
    pub id: Uuid,
    #[schema(value_type = SuppressionKind)]
    pub kind: &'static str,
    #[schema(example = "taro@example.jp")]
    pub value: String,
    #[schema(value_type = SuppressionReason)]
    pub reason: &'static str,
    /// Where it came from.
    #[schema(example = "user")]
    pub source: String,
    pub note: String,
    pub created_at: DateTime<Utc>,
}

impl From<suppression::Suppression> for Suppression {
    fn from(row: suppression::Suppression) -> Self {
        Self {
            id: row.id.0,
            kind: row.kind.as_str(),
            value: row.value,
            reason: row.reason.as_str(),
            source: row.source,
            note: row.note,
            created_at: row.created_at,
        }
    }
}

/// What to block.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuppressionCreate {
    pub kind: SuppressionKind,
    /// An address or a domain.
    #[schema(example = "taro@example.jp", min_length = 1, max_length = 320)]
    pub value: String,
    #[serde(default)]
    pub reason: SuppressionReason,
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub note: String,
}

/// Which entries, which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SuppressionQuery {
    /// Beginning of the address or domain.
    #[param(max_length = 320)]
    pub q: Option<String>,
    pub kind: Option<SuppressionKind>,
    pub reason: Option<SuppressionReason>,
    /// Rows in the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config.service(list_suppressions);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_suppressions)
        .service(create_suppression)
        .service(delete_suppression);
}

/// What is blocked, newest first
#[utoipa::path(
    tag = "suppressions", operation_id = "list_suppressions", params(SuppressionQuery),
    responses((status = 200, body = PageOf<Suppression>, description = "A page"), ListProblems)
)]
#[get("/suppressions")]
async fn list_suppressions(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<SuppressionQuery>,
) -> ApiResult<Json<PageOf<Suppression>>> {
    let QueryOf(query) = query;
    let filter = SuppressionFilter {
        q: search(query.q, 320)?,
        kind: query.kind.map(Into::into),
        reason: query.reason.map(Into::into),
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = suppression::list(&state.db, &user, &filter, &page).await?;
    Ok(Json(PageOf::from_page(page, Suppression::from)))
}

/// Block an address or a domain
#[utoipa::path(
    tag = "suppressions", operation_id = "create_suppression", request_body = SuppressionCreate,
    responses((status = 201, body = Suppression, description = "Blocked"), CreateProblems)
)]
#[post("/suppressions")]
async fn create_suppression(
    state: Data<AppState>,
    user: Caller,
    body: Body<SuppressionCreate>,
) -> ApiResult {
    let Body(create) = body;
    let new = NewSuppression {
        kind: create.kind.into(),
        value: create.value,
        reason: create.reason.into(),
        note: create.note,
    };
    let row = suppression::create(&state.db, &user, new).await?;
    Ok(HttpResponse::Created().json(Suppression::from(row)))
}

/// Take an entry off the block-list
#[utoipa::path(
    tag = "suppressions", operation_id = "delete_suppression",
    params(("id" = Uuid, Path, description = "Entry")),
    responses((status = 204, description = "Taken off"), RemoveProblems)
)]
#[delete("/suppressions/{id}")]
async fn delete_suppression(
    state: Data<AppState>,
    user: Caller,
    id: Id<SuppressionId>,
) -> ApiResult {
    suppression::delete(&state.db, &user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
