//! Support access: what the operator's staff may look at, and how often they did.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::ids::SupportGrantId;
use domain::page::PageRequest;
use domain::support::{self, Grant, NewGrant};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, CurrentUser, Id, PageOf, PageQuery, QueryOf};
use crate::problems::{BareActionProblems, CreateProblems, ListProblems};
use crate::state::AppState;

/// A grant of support access.
#[derive(Debug, Serialize, ToSchema)]
pub struct SupportGrant {
    pub id: Uuid,
    #[schema(example = "お問い合わせ 1234: レポートの数字について")]
    pub reason: String,
    /// What staff may look at; they never change or export anything.
    #[schema(example = json!(["campaigns.read", "reports.read"]))]
    pub permissions: Vec<&'static str>,
    /// Name of the person who granted it.
    pub granted_by: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// Neither revoked nor over.
    pub active: bool,
    /// How often staff looked; each look is an entry `support.viewed` of the audit log.
    pub looks: i32,
    pub looked_at: Option<DateTime<Utc>>,
}

impl SupportGrant {
    pub(crate) fn at(grant: Grant, now: DateTime<Utc>) -> Self {
        Self {
            active: grant.lasts(now),
            permissions: grant
                .permissions()
                .into_iter()
                .map(|p| p.as_str())
                .collect(),
            id: grant.id.0,
            reason: grant.reason,
            granted_by: grant.granted_by_name,
            created_at: grant.created_at,
            expires_at: grant.expires_at,
            revoked_at: grant.revoked_at,
            looks: grant.looks,
            looked_at: grant.looked_at,
        }
    }
}

/// A grant to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SupportGrantCreate {
    /// For example the number of the inquiry.
    #[schema(min_length = 1, max_length = 500, example = "お問い合わせ 1234")]
    pub reason: String,
    /// Of `contacts.read`, `mails.read`, `campaigns.read`, `reports.read` and `settings.read`; only what one may see oneself.
    #[schema(min_items = 1, max_items = 5, example = json!(["campaigns.read", "reports.read"]))]
    pub permissions: Vec<String>,
    /// Hours until it ends by itself.
    #[schema(minimum = 1, maximum = 72, example = 24)]
    pub hours: i64,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_support_grants)
        .service(create_support_grant)
        .service(revoke_support_grant);
}

/// The grants of support access, newest first; those that are over too
#[utoipa::path(
    tag = "support-grants", operation_id = "list_support_grants", params(PageQuery),
    responses((status = 200, body = PageOf<SupportGrant>, description = "A page"), ListProblems)
)]
#[get("/support-grants")]
async fn list_support_grants(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<SupportGrant>>> {
    let page = support::list(&state.db, &user, &PageRequest::from(&query.0)).await?;
    let now = state.db.now();
    Ok(Json(PageOf::from_page(page, |grant| {
        SupportGrant::at(grant, now)
    })))
}

/// Grant support access
///
/// The operator's staff may then look at what is named, for so many hours, and
/// change nothing. Without a grant they see the company's name and numbers only.
#[utoipa::path(
    tag = "support-grants", operation_id = "create_support_grant", request_body = SupportGrantCreate,
    responses((status = 201, body = SupportGrant, description = "Granted"), CreateProblems)
)]
#[post("/support-grants")]
async fn create_support_grant(
    state: Data<AppState>,
    user: CurrentUser,
    body: Body<SupportGrantCreate>,
) -> ApiResult {
    let Body(create) = body;
    let new = NewGrant {
        reason: create.reason,
        permissions: create.permissions,
        hours: create.hours,
    };
    let grant = support::create(&state.db, &user, new).await?;
    Ok(HttpResponse::Created().json(SupportGrant::at(grant, state.db.now())))
}

/// Revoke support access
///
/// Ends it at once: the next look is refused.
#[utoipa::path(
    tag = "support-grants", operation_id = "revoke_support_grant",
    params(("id" = Uuid, Path, description = "Grant")),
    responses((status = 200, body = SupportGrant, description = "Revoked"), BareActionProblems)
)]
#[post("/support-grants/{id}/revoke")]
async fn revoke_support_grant(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<SupportGrantId>,
) -> ApiResult {
    let grant = support::revoke(&state.db, &user, id.0).await?;
    Ok(HttpResponse::Ok().json(SupportGrant::at(grant, state.db.now())))
}
