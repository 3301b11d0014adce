//! Sites that asked for less, and get less until they have recovered.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get};
use chrono::{DateTime, Utc};
use domain::ids::SendSlowdownId;
use domain::limit::meaning::Meaning;
use domain::limit::slow;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Caller, Id, PageOf, PageQuery, QueryOf};
use crate::problems::{ListProblems, RemoveProblems};
use crate::state::AppState;
use crate::words::SlowdownMeaning;

/// A slow-down as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct SendSlowdown {
    pub id: Uuid,
    #[schema(example = "docomo")]
    pub site: String,
    pub sender_domain: String,
    pub route_id: Uuid,
    pub route_name: String,
    /// It doubles while the site is content, until it has recovered.
    pub per_minute: i32,
    #[schema(value_type = SlowdownMeaning)]
    pub meaning: Meaning,
    /// How often the site asked for less.
    pub times: i32,
    pub slowed_at: DateTime<Utc>,
    /// Nothing goes before.
    pub rests_until: DateTime<Utc>,
    pub reply_code: Option<i16>,
    /// The site's own words.
    pub reply_text: String,
}

impl From<slow::Slowdown> for SendSlowdown {
    fn from(row: slow::Slowdown) -> Self {
        Self {
            id: row.id.0,
            site: row.site,
            sender_domain: row.sender_domain,
            route_id: row.route_id.0,
            route_name: row.route_name,
            per_minute: row.per_minute,
            meaning: row.meaning,
            times: row.times,
            slowed_at: row.slowed_at,
            rests_until: row.rests_until,
            reply_code: row.reply_code,
            reply_text: row.reply_text,
        }
    }
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_send_slowdowns)
        .service(delete_send_slowdown);
}

/// Sites that are slowed down, oldest first
#[utoipa::path(
    tag = "send-limits", operation_id = "list_send_slowdowns", params(PageQuery),
    responses((status = 200, body = PageOf<SendSlowdown>, description = "A page"), ListProblems)
)]
#[get("/send-slowdowns")]
async fn list_send_slowdowns(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<SendSlowdown>>> {
    let page = slow::list(&state.db, &user, &(&query.0).into()).await?;
    Ok(Json(PageOf::from_page(page, SendSlowdown::from)))
}

/// Lift a slow-down
///
/// Before the site has recovered by itself. When it asks for less again it
/// gets less again.
#[utoipa::path(
    tag = "send-limits", operation_id = "delete_send_slowdown",
    params(("id" = Uuid, Path, description = "Slow-down")),
    responses((status = 204, description = "Lifted"), RemoveProblems)
)]
#[delete("/send-slowdowns/{id}")]
async fn delete_send_slowdown(
    state: Data<AppState>,
    user: Caller,
    id: Id<SendSlowdownId>,
) -> ApiResult {
    slow::lift(&state.db, &user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
