//! Whether the service lives, and whether it can work.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::ApiResult;
use crate::problems::PublicProblems;
use crate::state::AppState;

/// State of the service.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`; otherwise the answer is a problem.
    #[schema(example = "ok")]
    pub status: &'static str,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_liveness).service(get_readiness);
}

/// The process answers
#[utoipa::path(
    tag = "health", operation_id = "get_liveness", security(()),
    responses((status = 200, body = Health, description = "It lives"))
)]
#[get("/health/live")]
async fn get_liveness() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// The whole can work: the database answers
#[utoipa::path(
    tag = "health", operation_id = "get_readiness", security(()),
    responses((status = 200, body = Health, description = "Ready"), PublicProblems)
)]
#[get("/health/ready")]
async fn get_readiness(state: Data<AppState>) -> ApiResult<Json<Health>> {
    state.db.ping().await?;
    Ok(Json(Health { status: "ok" }))
}
