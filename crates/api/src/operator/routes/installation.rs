//! How the whole does, and who of the staff did what.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use domain::ids::TenantId;
use domain::operator::{installation, journal};
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{PageOf, QueryOf};
use crate::operator::config::OperatorState;
use crate::operator::extract::CurrentOperator;
use crate::problems::{BareProblems, ListProblems};

/// What waits, and since when.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstallationHealth {
    pub tenants_active: i64,
    pub tenants_suspended: i64,
    /// Sendings with something to do: campaigns, sequences, transactional.
    pub sendings: i64,
    /// Of these, due now.
    pub sendings_due: i64,
    /// When a mailer last took mails; null when nothing waits that was ever served.
    pub last_claim_at: Option<DateTime<Utc>>,
    /// Jobs that wait or run: imports, exports.
    pub jobs: i64,
    /// Since when the oldest of them is due.
    pub oldest_job_at: Option<DateTime<Utc>>,
    pub erasures_waiting: i64,
}

/// Something that staff did.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperatorAuditEntry {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub operator: String,
    #[schema(example = "tenant.suspended")]
    pub action: String,
    pub tenant_id: Option<Uuid>,
    /// As it was called then; it may be gone.
    pub tenant_name: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Value>,
    pub ip: Option<String>,
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OperatorAuditQuery {
    pub tenant_id: Option<Uuid>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_installation_health)
        .service(list_operator_audit);
}

/// What waits in this installation
#[utoipa::path(
    tag = "installation", operation_id = "get_installation_health",
    responses((status = 200, body = InstallationHealth, description = "Numbers"), BareProblems)
)]
#[get("/installation")]
async fn get_installation_health(
    state: Data<OperatorState>,
    _operator: CurrentOperator,
) -> ApiResult<Json<InstallationHealth>> {
    let health = installation::health(&state.db).await?;
    Ok(Json(InstallationHealth {
        tenants_active: health.tenants_active,
        tenants_suspended: health.tenants_suspended,
        sendings: health.sendings,
        sendings_due: health.sendings_due,
        last_claim_at: health.last_claim_at,
        jobs: health.jobs,
        oldest_job_at: health.oldest_job_at,
        erasures_waiting: health.erasures_waiting,
    }))
}

/// What staff did, newest first
#[utoipa::path(
    tag = "installation", operation_id = "list_operator_audit", params(OperatorAuditQuery),
    responses((status = 200, body = PageOf<OperatorAuditEntry>, description = "A page"), ListProblems)
)]
#[get("/audit")]
async fn list_operator_audit(
    state: Data<OperatorState>,
    _operator: CurrentOperator,
    query: QueryOf<OperatorAuditQuery>,
) -> ApiResult<Json<PageOf<OperatorAuditEntry>>> {
    let QueryOf(query) = query;
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = journal::list(&state.db, query.tenant_id.map(TenantId), &page).await?;
    Ok(Json(PageOf::from_page(page, |entry| OperatorAuditEntry {
        id: entry.id.0,
        at: entry.at,
        operator: entry.operator_name,
        action: entry.action,
        tenant_id: entry.company_id.map(|id| id.0),
        tenant_name: entry.company_name,
        detail: entry.detail,
        ip: entry.ip.map(|ip| ip.addr().to_string()),
    })))
}
