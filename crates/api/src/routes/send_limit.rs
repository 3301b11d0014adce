//! Limits of sending: to a site, from a sender domain, by a route, or of all
//! mails together; and the purge of what waits.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};
use chrono::{DateTime, NaiveDate, Utc};
use domain::ids::{CampaignId, RouteId, SendLimitId};
use domain::limit::purge::{self, Purge};
use domain::limit::{self, Scope, Terms, warm_up};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, PageQuery, QueryOf, etag};
use crate::problems::{
    ActionProblems, CreateProblems, DeleteProblems, GetListProblems, GetProblems, ListProblems,
    UpdateProblems,
};
use crate::state::AppState;

/// A limit. It holds over all mailers together.
#[derive(Debug, Serialize, ToSchema)]
pub struct SendLimit {
    pub id: Uuid,
    /// A known site (`docomo`, `au`, `softbank`, `gmail` …) or a domain; null: all sites together.
    #[schema(example = "docomo")]
    pub site: Option<String>,
    /// Domain of the sender's address; null: all together.
    #[schema(example = "example.co.jp")]
    pub sender_domain: Option<String>,
    /// Null: all routes together.
    pub route_id: Option<Uuid>,
    /// Null: no pace of its own.
    #[schema(minimum = 1, maximum = 1_000_000, example = 600)]
    pub per_minute: Option<i32>,
    /// SMTP sessions at a time over all mailers; null: no limit of its own. With a site: of direct
    /// delivery to it, or with the relay for mails to it.
    #[schema(minimum = 1, maximum = 1000, example = 5)]
    pub max_sessions: Option<i32>,
    /// Whether nothing goes at all; what waits stays in the queue.
    pub suspended: bool,
    pub warm_up: Option<SendWarmUp>,
    /// Mails that it let through today; counted while a warm-up runs.
    pub used_today: i32,
    /// Most mails of today by the warm-up; null without one, and when it is over.
    pub most_today: Option<u32>,
    /// Sessions in use at the moment; counted where `max_sessions` is set.
    pub sessions_in_use: i64,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A plan for a sender domain or route that receivers do not know yet: few
/// mails on the first day, more each day.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendWarmUp {
    /// Its first day, in the tenant's time zone.
    pub from: NaiveDate,
    /// Most mails of the first day.
    #[schema(minimum = 1, maximum = 1_000_000, example = 500)]
    pub first: i32,
    /// Per cent more on each day after.
    #[schema(minimum = 1, maximum = 300, example = 50)]
    pub growth: i16,
    /// The plan is over when a day would have so many.
    #[schema(minimum = 1, maximum = 100_000_000, example = 50_000)]
    pub until: i32,
}

impl From<warm_up::WarmUp> for SendWarmUp {
    fn from(plan: warm_up::WarmUp) -> Self {
        Self {
            from: plan.from,
            first: plan.first,
            growth: plan.growth,
            until: plan.until,
        }
    }
}

impl From<SendWarmUp> for warm_up::WarmUp {
    fn from(plan: SendWarmUp) -> Self {
        Self {
            from: plan.from,
            first: plan.first,
            growth: plan.growth,
            until: plan.until,
        }
    }
}

impl From<limit::SendLimit> for SendLimit {
    fn from(row: limit::SendLimit) -> Self {
        let today = row.today;
        Self {
            id: row.id.0,
            site: row.scope.site,
            sender_domain: row.scope.sender_domain,
            route_id: row.scope.route_id.map(|id| id.0),
            per_minute: row.terms.per_minute,
            max_sessions: row.terms.max_sessions,
            sessions_in_use: row.sessions,
            suspended: row.terms.suspended,
            used_today: if row.used.0 == today { row.used.1 } else { 0 },
            most_today: row.terms.warm_up.and_then(|plan| plan.most(today)),
            warm_up: row.terms.warm_up.map(SendWarmUp::from),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A limit to be set. Without `site`, `sender_domain` and `route_id` it is for all mails of the tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendLimitCreate {
    /// A known site's name, or a domain; a domain of a known site means the site.
    #[schema(min_length = 1, max_length = 253, example = "docomo")]
    pub site: Option<String>,
    #[schema(min_length = 1, max_length = 253, example = "example.co.jp")]
    pub sender_domain: Option<String>,
    pub route_id: Option<Uuid>,
    #[schema(minimum = 1, maximum = 1_000_000, example = 600)]
    pub per_minute: Option<i32>,
    #[schema(minimum = 1, maximum = 1000, example = 5)]
    pub max_sessions: Option<i32>,
    #[serde(default)]
    pub suspended: bool,
    pub warm_up: Option<SendWarmUp>,
}

/// What a limit says from now on; what is left out or null is not limited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendLimitTerms {
    #[schema(minimum = 1, maximum = 1_000_000, example = 600)]
    pub per_minute: Option<i32>,
    #[schema(minimum = 1, maximum = 1000, example = 5)]
    pub max_sessions: Option<i32>,
    #[serde(default)]
    pub suspended: bool,
    pub warm_up: Option<SendWarmUp>,
}

/// What is not to be sent any more; nothing said: all that waits.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurgeCreate {
    pub campaign_id: Option<Uuid>,
    /// A known site's name or a domain.
    #[schema(min_length = 1, max_length = 253, example = "docomo")]
    pub site: Option<String>,
}

/// What a purge came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Purged {
    /// Mails that stand as skipped now, with the reason `purged`.
    pub skipped: i64,
}

/// What a purge would be of; nothing said: all that waits.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PurgeQuery {
    pub campaign_id: Option<Uuid>,
    /// A known site's name or a domain.
    #[param(min_length = 1, max_length = 253, example = "docomo")]
    pub site: Option<String>,
}

/// What a purge would come to at the moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct PurgePreview {
    /// Mails that would not be sent any more.
    pub waiting: i64,
    /// Mails that are being handed over, and go all the same.
    pub in_hand: i64,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_send_limits)
        .service(create_send_limit)
        .service(get_send_limit)
        .service(update_send_limit)
        .service(delete_send_limit)
        .service(count_waiting)
        .service(purge_waiting);
}

fn answer(mut builder: actix_web::HttpResponseBuilder, row: limit::SendLimit) -> HttpResponse {
    builder
        .insert_header(etag(row.version))
        .json(SendLimit::from(row))
}

/// The limits, oldest first
#[utoipa::path(
    tag = "send-limits", operation_id = "list_send_limits", params(PageQuery),
    responses((status = 200, body = PageOf<SendLimit>, description = "A page"), ListProblems)
)]
#[get("/send-limits")]
async fn list_send_limits(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<SendLimit>>> {
    let page = limit::list(&state.db, &user, &(&query.0).into()).await?;
    Ok(Json(PageOf::from_page(page, SendLimit::from)))
}

/// Set a limit
///
/// It holds at once, for mails that are queued already too.
#[utoipa::path(
    tag = "send-limits", operation_id = "create_send_limit", request_body = SendLimitCreate,
    responses((status = 201, body = SendLimit, description = "Set", headers(("ETag" = String))), CreateProblems)
)]
#[post("/send-limits")]
async fn create_send_limit(
    state: Data<AppState>,
    user: Caller,
    body: Body<SendLimitCreate>,
) -> ApiResult {
    let Body(create) = body;
    let scope = Scope {
        site: create.site,
        sender_domain: create.sender_domain,
        route_id: create.route_id.map(RouteId),
    };
    let terms = Terms {
        per_minute: create.per_minute,
        max_sessions: create.max_sessions,
        suspended: create.suspended,
        warm_up: create.warm_up.map(warm_up::WarmUp::from),
    };
    let row = limit::create(&state.db, &user, scope, terms).await?;
    Ok(answer(HttpResponse::Created(), row))
}

/// One limit
#[utoipa::path(
    tag = "send-limits", operation_id = "get_send_limit",
    params(("id" = Uuid, Path, description = "Limit")),
    responses((status = 200, body = SendLimit, description = "The limit", headers(("ETag" = String))), GetProblems)
)]
#[get("/send-limits/{id}")]
async fn get_send_limit(state: Data<AppState>, user: Caller, id: Id<SendLimitId>) -> ApiResult {
    let row = limit::get(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), row))
}

/// Change, suspend or resume a limit
///
/// What it held back is weighed anew within seconds.
#[utoipa::path(
    tag = "send-limits", operation_id = "update_send_limit", request_body = SendLimitTerms,
    params(
        ("id" = Uuid, Path, description = "Limit"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = SendLimit, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[put("/send-limits/{id}")]
async fn update_send_limit(
    state: Data<AppState>,
    user: Caller,
    id: Id<SendLimitId>,
    version: IfMatch,
    body: Body<SendLimitTerms>,
) -> ApiResult {
    let Body(update) = body;
    let terms = Terms {
        per_minute: update.per_minute,
        max_sessions: update.max_sessions,
        suspended: update.suspended,
        warm_up: update.warm_up.map(warm_up::WarmUp::from),
    };
    let row = limit::update(&state.db, &user, id.0, version.0, terms).await?;
    Ok(answer(HttpResponse::Ok(), row))
}

/// Delete a limit
#[utoipa::path(
    tag = "send-limits", operation_id = "delete_send_limit",
    params(
        ("id" = Uuid, Path, description = "Limit"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/send-limits/{id}")]
async fn delete_send_limit(
    state: Data<AppState>,
    user: Caller,
    id: Id<SendLimitId>,
    version: IfMatch,
) -> ApiResult {
    limit::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a purge would come to
#[utoipa::path(
    tag = "send-limits", operation_id = "count_waiting", params(PurgeQuery),
    responses((status = 200, body = PurgePreview, description = "How many wait"), GetListProblems)
)]
#[get("/purges")]
async fn count_waiting(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<PurgeQuery>,
) -> ApiResult<Json<PurgePreview>> {
    let QueryOf(query) = query;
    let what = Purge {
        campaign: query.campaign_id.map(CampaignId),
        site: query.site,
    };
    let purge::Waiting { waiting, in_hand } = purge::waiting(&state.db, &user, &what).await?;
    Ok(Json(PurgePreview { waiting, in_hand }))
}

/// Purge what waits
///
/// Mails of a campaign, to a site or of the whole tenant that wait in the queue
/// are not sent any more. Those that are being handed over still go.
#[utoipa::path(
    tag = "send-limits", operation_id = "purge_waiting", request_body = PurgeCreate,
    responses((status = 200, body = Purged, description = "Purged"), ActionProblems)
)]
#[post("/purges")]
async fn purge_waiting(
    state: Data<AppState>,
    user: Caller,
    body: Body<PurgeCreate>,
) -> ApiResult<Json<Purged>> {
    let Body(create) = body;
    let what = Purge {
        campaign: create.campaign_id.map(CampaignId),
        site: create.site,
    };
    let skipped = purge::purge(&state.db, &user, &what).await?;
    Ok(Json(Purged { skipped }))
}
