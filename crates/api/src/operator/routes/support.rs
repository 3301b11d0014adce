//! Support sessions: looking at a tenant's data under a grant of theirs.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use chrono::{DateTime, Utc};
use domain::DomainError;
use domain::ids::{SupportGrantId, SupportSessionId, TenantId};
use domain::operator::support;
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Id, PageOf, PageQuery, QueryOf};
use crate::operator::config::OperatorState;
use crate::operator::extract::CurrentOperator;
use crate::problems::{ActionProblems, GetListProblems, RemoveProblems};
use crate::routes::support::SupportGrant;

/// Under which grant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SupportSessionCreate {
    pub grant_id: Uuid,
}

/// A support session; the paths under `/v1/support/{tenant}/{support}` take its id.
#[derive(Debug, Serialize, ToSchema)]
pub struct SupportSession {
    pub id: Uuid,
    pub permissions: Vec<&'static str>,
    /// With its grant.
    pub expires_at: DateTime<Utc>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_tenant_support_grants)
        .service(open_support_session)
        .service(close_support_session);
}

/// Grants of a tenant, newest first
#[utoipa::path(
    tag = "support", operation_id = "list_tenant_support_grants",
    params(("id" = Uuid, Path, description = "Tenant"), PageQuery),
    responses((status = 200, body = PageOf<SupportGrant>, description = "A page"), GetListProblems)
)]
#[get("/tenants/{id}/support-grants")]
async fn list_tenant_support_grants(
    state: Data<OperatorState>,
    _operator: CurrentOperator,
    id: Id<TenantId>,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<SupportGrant>>> {
    let page = support::grants(&state.db, id.0, &PageRequest::from(&query.0)).await?;
    let now = state.db.now();
    Ok(Json(PageOf::from_page(page, |grant| {
        SupportGrant::at(grant, now)
    })))
}

/// Open a support session under a grant
///
/// It is this person's, from this log-in, and only reads. Each look is an entry
/// of the tenant's own audit log.
#[utoipa::path(
    tag = "support", operation_id = "open_support_session", request_body = SupportSessionCreate,
    params(("id" = Uuid, Path, description = "Tenant")),
    responses((status = 201, body = SupportSession, description = "Opened"), ActionProblems)
)]
#[post("/tenants/{id}/support-sessions")]
async fn open_support_session(
    state: Data<OperatorState>,
    operator: CurrentOperator,
    id: Id<TenantId>,
    body: Body<SupportSessionCreate>,
) -> ApiResult {
    let opened = support::open(&state.db, &operator, id.0, SupportGrantId(body.grant_id)).await?;
    Ok(HttpResponse::Created().json(SupportSession {
        id: opened.id.0,
        permissions: opened.permissions.into_iter().map(|p| p.as_str()).collect(),
        expires_at: opened.expires_at,
    }))
}

/// Close a support session
#[utoipa::path(
    tag = "support", operation_id = "close_support_session",
    params(("id" = Uuid, Path, description = "Tenant"), ("support" = Uuid, Path, description = "Support session")),
    responses((status = 204, description = "Closed"), RemoveProblems)
)]
#[delete("/tenants/{id}/support-sessions/{support}")]
async fn close_support_session(
    state: Data<OperatorState>,
    operator: CurrentOperator,
    request: HttpRequest,
    id: Id<TenantId>,
) -> ApiResult {
    let support = request.match_info().get("support");
    let support: Uuid = support
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| DomainError::not_found("support session"))?;
    support::close(&state.db, &operator, id.0, SupportSessionId(support)).await?;
    Ok(HttpResponse::NoContent().finish())
}
