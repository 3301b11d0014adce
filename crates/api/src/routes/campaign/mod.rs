//! Campaigns: drafts, pre-flight, and the steps of their life.

pub mod ab_test;
mod calendar;
pub mod dto;
mod steps;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, HttpResponseBuilder, delete, get, patch, post};
use domain::campaign::{self, CampaignFilter, preflight, state};
use domain::ids::{CampaignId, DateMailId};
use domain::page::PageRequest;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use self::dto::{Campaign, CampaignCreate, CampaignUpdate, Preflight};
use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, QueryOf, etag, search};
use crate::problems::{CreateProblems, DeleteProblems, GetProblems, ListProblems, UpdateProblems};
use crate::state::AppState;
use crate::words::CampaignState;

/// Which campaigns.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CampaignQuery {
    #[param(inline, value_type = Option<CampaignState>)]
    pub state: Option<state::State>,
    /// A part of the name.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// The days of this date mail; left out, they are not in the list.
    pub date_mail_id: Option<Uuid>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config.service(list_campaigns).service(get_campaign);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_campaigns)
        .service(create_campaign)
        .service(get_campaign)
        .service(update_campaign)
        .service(delete_campaign)
        .service(get_campaign_preflight);
    calendar::configure(config);
    steps::configure(config);
    ab_test::configure(config);
}

fn answer(mut builder: HttpResponseBuilder, row: campaign::Campaign) -> HttpResponse {
    builder
        .insert_header(etag(row.version))
        .json(Campaign::from(row))
}

/// The campaigns, newest first
#[utoipa::path(
    tag = "campaigns", operation_id = "list_campaigns", params(CampaignQuery),
    responses((status = 200, body = PageOf<Campaign>, description = "A page"), ListProblems)
)]
#[get("/campaigns")]
async fn list_campaigns(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<CampaignQuery>,
) -> ApiResult<Json<PageOf<Campaign>>> {
    let QueryOf(query) = query;
    let filter = CampaignFilter {
        states: query.state.into_iter().collect(),
        q: search(query.q, 200)?,
        date_mail: query.date_mail_id.map(DateMailId),
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = campaign::list(&state.db, &user, &filter, &page).await?;
    Ok(Json(PageOf::from_page(page, Campaign::from)))
}

/// Make a draft
#[utoipa::path(
    tag = "campaigns", operation_id = "create_campaign", request_body = CampaignCreate,
    responses((status = 201, body = Campaign, description = "A draft", headers(("ETag" = String))), CreateProblems)
)]
#[post("/campaigns")]
async fn create_campaign(
    state: Data<AppState>,
    user: Caller,
    body: Body<CampaignCreate>,
) -> ApiResult {
    let row = campaign::create(&state.db, &user, body.0.try_into()?).await?;
    Ok(answer(HttpResponse::Created(), row))
}

/// One campaign, with its exact counts
#[utoipa::path(
    tag = "campaigns", operation_id = "get_campaign",
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Campaign, description = "The campaign", headers(("ETag" = String))), GetProblems)
)]
#[get("/campaigns/{id}")]
async fn get_campaign(state: Data<AppState>, user: Caller, id: Id<CampaignId>) -> ApiResult {
    let row = campaign::get(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), row))
}

/// Change a draft or a scheduled campaign
#[utoipa::path(
    tag = "campaigns", operation_id = "update_campaign", request_body = CampaignUpdate,
    params(
        ("id" = Uuid, Path, description = "Campaign"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = Campaign, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/campaigns/{id}")]
async fn update_campaign(
    state: Data<AppState>,
    user: Caller,
    id: Id<CampaignId>,
    version: IfMatch,
    body: Body<CampaignUpdate>,
) -> ApiResult {
    let row = campaign::update(&state.db, &user, id.0, version.0, body.0.try_into()?).await?;
    Ok(answer(HttpResponse::Ok(), row))
}

/// Delete a campaign that is not under way
///
/// One that is scheduled needs the permission to send.
#[utoipa::path(
    tag = "campaigns", operation_id = "delete_campaign",
    params(
        ("id" = Uuid, Path, description = "Campaign"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/campaigns/{id}")]
async fn delete_campaign(
    state: Data<AppState>,
    user: Caller,
    id: Id<CampaignId>,
    version: IfMatch,
) -> ApiResult {
    campaign::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Pre-flight: who gets it, and what stands in the way
#[utoipa::path(
    tag = "campaigns", operation_id = "get_campaign_preflight",
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Preflight, description = "As it would go out now"), GetProblems)
)]
#[get("/campaigns/{id}/preflight")]
async fn get_campaign_preflight(
    state: Data<AppState>,
    user: Caller,
    id: Id<CampaignId>,
) -> ApiResult<Json<Preflight>> {
    let found = preflight::run(&state.db, &user, &state.installation(), id.0).await?;
    Ok(Json(found.into()))
}
