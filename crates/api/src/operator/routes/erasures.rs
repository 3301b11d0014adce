//! Deleting a tenant, with proof.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::ids::TenantId;
use domain::operator::certificate::Checker;
use domain::operator::erasure;
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Id, PageOf, QueryOf};
use crate::operator::config::OperatorState;
use crate::operator::extract::CurrentOperator;
use crate::problems::{ActionProblems, ListProblems, RemoveProblems};

/// An erasure of a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct Erasure {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub tenant_name: String,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    /// Begins then at the earliest.
    pub due_at: DateTime<Utc>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Rows deleted so far.
    pub rows_deleted: i64,
    /// The text that was signed (JSON).
    pub certificate: Option<String>,
    /// SHA-256 of it, in hexadecimal.
    pub hash: Option<String>,
    /// Ed25519 over the hash, in base64.
    pub signature: Option<String>,
    /// Whether text, hash and signature fit each other and a key that this installation has or had; null without certificate.
    pub certificate_valid: Option<bool>,
}

fn dto(checker: &Checker, row: erasure::Erasure) -> Erasure {
    let valid = row.certificate.as_ref();
    let valid = valid.map(|_| checker.signer(&row).is_some());
    let counts = row.counts.as_object();
    let rows_deleted = counts.map_or(0, |counts| {
        counts.values().filter_map(serde_json::Value::as_i64).sum()
    });
    Erasure {
        id: row.id.0,
        tenant_id: row.company_id.0,
        tenant_name: row.company_name,
        requested_by: row.requested_by,
        requested_at: row.requested_at,
        due_at: row.due_at,
        cancelled_at: row.cancelled_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        rows_deleted,
        certificate: row.certificate,
        hash: row.hash.map(hex::encode),
        signature: row.signature.map(|bytes| STANDARD.encode(bytes)),
        certificate_valid: valid,
    }
}

/// Which erasures.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ErasureQuery {
    pub tenant_id: Option<Uuid>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

/// A request to erase.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasureCreate {
    /// The tenant's name, typed: begins at once. Left out: in seven days.
    #[schema(max_length = 200)]
    pub confirm_name: Option<String>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_erasures)
        .service(request_tenant_erasure)
        .service(cancel_tenant_erasure);
}

/// The erasures, newest first; of tenants that are gone, with certificate
#[utoipa::path(
    tag = "tenants", operation_id = "list_erasures", params(ErasureQuery),
    responses((status = 200, body = PageOf<Erasure>, description = "A page"), ListProblems)
)]
#[get("/erasures")]
async fn list_erasures(
    state: Data<OperatorState>,
    _operator: CurrentOperator,
    query: QueryOf<ErasureQuery>,
) -> ApiResult<Json<PageOf<Erasure>>> {
    let QueryOf(query) = query;
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = erasure::list(&state.db, query.tenant_id.map(TenantId), &page).await?;
    let checker = Checker::load(&state.db, &state.keys).await?;
    let items = page.items.into_iter().map(|row| dto(&checker, row));
    Ok(Json(PageOf {
        items: items.collect(),
        next_cursor: page.next_cursor,
        total: None,
    }))
}

/// Ask for the erasure of a suspended tenant
///
/// Deletes every row of it, for good: in seven days, or at once with its name typed.
#[utoipa::path(
    tag = "tenants", operation_id = "request_tenant_erasure", request_body = ErasureCreate,
    params(("id" = Uuid, Path, description = "Tenant")),
    responses((status = 202, body = Erasure, description = "Asked for"), ActionProblems)
)]
#[post("/tenants/{id}/erasure")]
async fn request_tenant_erasure(
    state: Data<OperatorState>,
    operator: CurrentOperator,
    id: Id<TenantId>,
    body: Body<ErasureCreate>,
) -> ApiResult {
    let row = erasure::request(&state.db, &operator, id.0, body.confirm_name.as_deref()).await?;
    let checker = Checker::load(&state.db, &state.keys).await?;
    Ok(HttpResponse::Accepted().json(dto(&checker, row)))
}

/// Take the request back, before it begins
#[utoipa::path(
    tag = "tenants", operation_id = "cancel_tenant_erasure",
    params(("id" = Uuid, Path, description = "Tenant")),
    responses((status = 204, description = "Taken back"), RemoveProblems)
)]
#[delete("/tenants/{id}/erasure")]
async fn cancel_tenant_erasure(
    state: Data<OperatorState>,
    operator: CurrentOperator,
    id: Id<TenantId>,
) -> ApiResult {
    erasure::cancel(&state.db, &operator, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
