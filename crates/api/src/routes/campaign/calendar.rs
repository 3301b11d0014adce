//! The calendar of campaigns.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use domain::campaign::calendar;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::dto::Campaign;
use crate::error::ApiResult;
use crate::extract::{Caller, QueryOf};
use crate::problems::ListProblems;
use crate::state::AppState;

/// Campaigns that began or will begin in a span of time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Calendar {
    /// By when they began, otherwise by when they will: `started_at`, then `scheduled_at`.
    pub items: Vec<Campaign>,
    /// There were more than 500: the latest are missing, look at a shorter span.
    pub is_cut: bool,
}

/// Which span.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarQuery {
    /// Its beginning.
    #[param(example = "2026-11-01T00:00:00+09:00")]
    pub from: DateTime<Utc>,
    /// Its end, which does not belong to it; at most 45 days later.
    #[param(example = "2026-12-01T00:00:00+09:00")]
    pub until: DateTime<Utc>,
}

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_campaign_calendar);
}

/// What went out and what will, in a span of time
#[utoipa::path(
    tag = "campaigns", operation_id = "get_campaign_calendar",
    params(CalendarQuery),
    responses((status = 200, body = Calendar, description = "Begun and scheduled campaigns"), ListProblems)
)]
#[get("/campaign-calendar")]
async fn get_campaign_calendar(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<CalendarQuery>,
) -> ApiResult<Json<Calendar>> {
    let QueryOf(query) = query;
    let found = calendar::look(&state.db, &user, query.from, query.until).await?;
    Ok(Json(Calendar {
        items: found.campaigns.into_iter().map(Campaign::from).collect(),
        is_cut: found.is_cut,
    }))
}
