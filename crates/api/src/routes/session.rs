//! Sessions: one's own, and those of others that are ended.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get};
use chrono::{DateTime, Utc};
use domain::ids::{SessionId, UserId};
use domain::session;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{CurrentUser, Id, PageOf};
use crate::problems::{BareProblems, ListProblems, RemoveProblems};
use crate::state::AppState;

/// A log-in on one device.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnSession {
    pub id: Uuid,
    /// Whether it is the one that asks.
    pub current: bool,
    /// As the browser says.
    pub user_agent: String,
    #[schema(example = "203.0.113.9")]
    pub ip: Option<String>,
    pub created_at: DateTime<Utc>,
    pub last_active_at: DateTime<Utc>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_sessions)
        .service(end_other_sessions)
        .service(end_session)
        .service(end_user_sessions)
        .service(end_all_sessions);
}

/// One's own sessions, newest first (at most 100)
#[utoipa::path(
    tag = "sessions", operation_id = "list_sessions", security(("access_token" = [])),
    responses((status = 200, body = PageOf<OwnSession>, description = "Live sessions"), ListProblems)
)]
#[get("/sessions")]
async fn list_sessions(
    state: Data<AppState>,
    user: CurrentUser,
) -> ApiResult<Json<PageOf<OwnSession>>> {
    let rows = session::list(&state.db, &user).await?;
    let items = rows.into_iter().map(|row| OwnSession {
        id: row.id.0,
        current: user.session_id == Some(row.id),
        user_agent: row.user_agent,
        ip: row.ip.map(|ip| ip.addr().to_string()),
        created_at: row.created_at,
        last_active_at: row.last_active_at,
    });
    Ok(Json(PageOf::whole(items.collect())))
}

/// End every other session of one's own
///
/// Wants step-up.
#[utoipa::path(
    tag = "sessions", operation_id = "end_other_sessions",
    responses((status = 204, description = "Ended"), BareProblems)
)]
#[delete("/sessions")]
async fn end_other_sessions(state: Data<AppState>, user: CurrentUser) -> ApiResult {
    session::end_others(&state.db, &user).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End one of one's own sessions
///
/// Wants step-up, unless it is the session that asks.
#[utoipa::path(
    tag = "sessions", operation_id = "end_session", security(("access_token" = [])),
    params(("id" = Uuid, Path, description = "Session")),
    responses((status = 204, description = "Ended"), RemoveProblems)
)]
#[delete("/sessions/{id}")]
async fn end_session(state: Data<AppState>, user: CurrentUser, id: Id<SessionId>) -> ApiResult {
    session::end(&state.db, &user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End all sessions of another person
///
/// They stay a user and can log in again. Who may more than oneself is left alone (403); one's own are ended with
/// `end_other_sessions` (409).
#[utoipa::path(
    tag = "users", operation_id = "end_user_sessions", security(("access_token" = [])),
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 204, description = "Ended"), RemoveProblems)
)]
#[delete("/users/{id}/sessions")]
async fn end_user_sessions(state: Data<AppState>, user: CurrentUser, id: Id<UserId>) -> ApiResult {
    session::end_of(&state.db, &user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End everybody's sessions
///
/// Of the whole company, but the one that asks. API tokens stay: revoke them by themselves. Wants step-up.
#[utoipa::path(
    tag = "tenant", operation_id = "end_all_sessions", security(("access_token" = [])),
    responses((status = 204, description = "Ended"), BareProblems)
)]
#[delete("/tenant/sessions")]
async fn end_all_sessions(state: Data<AppState>, user: CurrentUser) -> ApiResult {
    session::end_everybody(&state.db, &user).await?;
    Ok(HttpResponse::NoContent().finish())
}
