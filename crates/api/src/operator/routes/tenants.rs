//! Tenants: name, state, numbers, and their life cycle.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post, put};
use chrono::{DateTime, Utc};
use domain::ids::TenantId;
use domain::operator::tenants::{self, TenantFilter};
use domain::page::PageRequest;
use domain::secret;
use domain::tenant::usage::Quota;
use domain::user::{FirstPassword, NewUser};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Id, PageOf, QueryOf, search};
use crate::operator::config::OperatorState;
use crate::operator::extract::CurrentOperator;
use crate::problems::{
    ActionProblems, BareActionProblems, CreateProblems, GetProblems, ListProblems,
};
use crate::routes::tenant::TenantUsage;
use crate::words::TenantState;

/// A tenant in the list. Nothing of its data but numbers.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantSummary {
    pub id: Uuid,
    #[schema(example = "株式会社サンプル")]
    pub name: String,
    #[schema(value_type = TenantState)]
    pub state: tenants::TenantState,
    pub suspended_at: Option<DateTime<Utc>>,
    pub suspended_reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub contacts: i64,
    /// People who log in.
    pub users: i64,
    /// Accepted this calendar month (UTC).
    pub mails: i64,
}

impl From<tenants::TenantSummary> for TenantSummary {
    fn from(row: tenants::TenantSummary) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            state: row.state,
            suspended_at: row.suspended_at,
            suspended_reason: row.suspended_reason,
            created_at: row.created_at,
            contacts: row.usage.contacts,
            users: row.usage.users,
            mails: row.usage.mails,
        }
    }
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantDetail {
    pub tenant: TenantSummary,
    pub usage: TenantUsage,
    /// When somebody of it last did something.
    pub last_active_at: Option<DateTime<Utc>>,
}

impl From<tenants::TenantDetail> for TenantDetail {
    fn from(detail: tenants::TenantDetail) -> Self {
        Self {
            usage: (detail.summary.usage, detail.quota).into(),
            tenant: detail.summary.into(),
            last_active_at: detail.last_active_at,
        }
    }
}

/// Which tenants.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TenantQuery {
    /// A part of the name.
    #[param(max_length = 100)]
    pub q: Option<String>,
    #[param(value_type = Option<TenantState>, inline)]
    pub state: Option<tenants::TenantState>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

/// A tenant to be made, with its owner.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantCreate {
    #[schema(min_length = 1, max_length = 200, example = "株式会社サンプル")]
    pub name: String,
    #[schema(min_length = 3, max_length = 100, example = "hanako@example.co.jp")]
    pub owner_login_id: String,
    #[schema(min_length = 1, max_length = 100)]
    pub owner_name: String,
    #[schema(max_length = 320)]
    pub owner_email: String,
}

/// A new tenant, and the first password of its owner, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantCreated {
    pub tenant: TenantSummary,
    pub owner_login_id: String,
    pub owner_password: String,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Stands in the tenant's audit log too.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// All quotas of a tenant; null is no limit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantQuotas {
    #[schema(minimum = 0)]
    pub contacts: Option<i64>,
    #[schema(minimum = 1)]
    pub users: Option<i64>,
    /// Bytes.
    #[schema(minimum = 0)]
    pub storage: Option<i64>,
    /// In a calendar month (UTC).
    #[schema(minimum = 0)]
    pub mails: Option<i64>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_tenants)
        .service(create_tenant)
        .service(read_tenant)
        .service(suspend_tenant)
        .service(resume_tenant)
        .service(put_tenant_quotas);
}

/// The tenants, newest first
#[utoipa::path(
    tag = "tenants", operation_id = "list_tenants", params(TenantQuery),
    responses((status = 200, body = PageOf<TenantSummary>, description = "A page"), ListProblems)
)]
#[get("/tenants")]
async fn list_tenants(
    state: Data<OperatorState>,
    _operator: CurrentOperator,
    query: QueryOf<TenantQuery>,
) -> ApiResult<Json<PageOf<TenantSummary>>> {
    let QueryOf(query) = query;
    let filter = TenantFilter {
        q: search(query.q, 100)?,
        state: query.state,
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = tenants::list(&state.db, &filter, &page).await?;
    Ok(Json(PageOf::from_page(page, TenantSummary::from)))
}

/// Make a tenant with its owner
///
/// Takes a code of the last minutes (403 `code_required`).
#[utoipa::path(
    tag = "tenants", operation_id = "create_tenant", request_body = TenantCreate,
    responses((status = 201, body = TenantCreated, description = "Made"), CreateProblems)
)]
#[post("/tenants")]
async fn create_tenant(
    state: Data<OperatorState>,
    operator: CurrentOperator,
    body: Body<TenantCreate>,
) -> ApiResult {
    let Body(create) = body;
    let password: SecretString = secret::random_password();
    let owner = NewUser {
        login_id: create.owner_login_id.clone(),
        display_name: create.owner_name,
        email: create.owner_email,
        locale: None,
        // Staff have seen it: the owner has to change it first of all.
        password: FirstPassword::Temporary(password.clone()),
    };
    let made = tenants::create(&state.db, &state.hasher, &operator, &create.name, owner).await?;
    Ok(HttpResponse::Created().json(TenantCreated {
        tenant: made.summary.into(),
        owner_login_id: create.owner_login_id,
        owner_password: password.expose_secret().to_owned(),
    }))
}

/// One tenant: its state and numbers
#[utoipa::path(
    tag = "tenants", operation_id = "read_tenant",
    params(("id" = Uuid, Path, description = "Tenant")),
    responses((status = 200, body = TenantDetail, description = "The tenant"), GetProblems)
)]
#[get("/tenants/{id}")]
async fn read_tenant(
    state: Data<OperatorState>,
    _operator: CurrentOperator,
    id: Id<TenantId>,
) -> ApiResult {
    let detail = tenants::get(&state.db, id.0).await?;
    Ok(HttpResponse::Ok().json(TenantDetail::from(detail)))
}

/// Suspend a tenant
///
/// Nobody of it logs in any more, its API answers `tenant_suspended`, and
/// sending stops within a second. Recipients can still cancel.
#[utoipa::path(
    tag = "tenants", operation_id = "suspend_tenant", request_body = Suspension,
    params(("id" = Uuid, Path, description = "Tenant")),
    responses((status = 200, body = TenantDetail, description = "Suspended"), ActionProblems)
)]
#[post("/tenants/{id}/suspend")]
async fn suspend_tenant(
    state: Data<OperatorState>,
    operator: CurrentOperator,
    id: Id<TenantId>,
    body: Body<Suspension>,
) -> ApiResult {
    let detail = tenants::suspend(&state.db, &operator, id.0, &body.reason).await?;
    Ok(HttpResponse::Ok().json(TenantDetail::from(detail)))
}

/// Let a suspended tenant work again
///
/// What waited to be sent goes out. Takes a code of the last minutes (403 `code_required`).
#[utoipa::path(
    tag = "tenants", operation_id = "resume_tenant",
    params(("id" = Uuid, Path, description = "Tenant")),
    responses((status = 200, body = TenantDetail, description = "Active"), BareActionProblems)
)]
#[post("/tenants/{id}/resume")]
async fn resume_tenant(
    state: Data<OperatorState>,
    operator: CurrentOperator,
    id: Id<TenantId>,
) -> ApiResult {
    let detail = tenants::resume(&state.db, &operator, id.0).await?;
    Ok(HttpResponse::Ok().json(TenantDetail::from(detail)))
}

/// Set all quotas of a tenant
#[utoipa::path(
    tag = "tenants", operation_id = "put_tenant_quotas", request_body = TenantQuotas,
    params(("id" = Uuid, Path, description = "Tenant")),
    responses((status = 200, body = TenantDetail, description = "Set"), ActionProblems)
)]
#[put("/tenants/{id}/quotas")]
async fn put_tenant_quotas(
    state: Data<OperatorState>,
    operator: CurrentOperator,
    id: Id<TenantId>,
    body: Body<TenantQuotas>,
) -> ApiResult {
    let Body(wanted) = body;
    let quota = Quota {
        contacts: wanted.contacts,
        users: wanted.users,
        storage: wanted.storage,
        mails: wanted.mails,
    };
    let detail = tenants::set_quota(&state.db, &operator, id.0, quota).await?;
    Ok(HttpResponse::Ok().json(TenantDetail::from(detail)))
}
