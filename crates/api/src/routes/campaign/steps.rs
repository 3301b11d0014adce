//! The steps of a campaign's life: send, schedule, pause, resume, stop.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::campaign::control;
use domain::ids::CampaignId;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer;
use super::dto::{Campaign, CampaignSchedule, CampaignSend};
use crate::error::ApiResult;
use crate::extract::{Body, CurrentUser, Id};
use crate::problems::{ActionProblems, BareActionProblems};
use crate::state::AppState;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(send_campaign)
        .service(schedule_campaign)
        .service(unschedule_campaign)
        .service(pause_campaign)
        .service(resume_campaign)
        .service(stop_campaign);
}

/// Send now
///
/// To exactly the number of people that was confirmed: when it is another one
/// by now, nothing is sent and the answer is 409 with the new number.
#[utoipa::path(
    tag = "campaigns", operation_id = "send_campaign", request_body = CampaignSend,
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Campaign, description = "Under way", headers(("ETag" = String))), ActionProblems)
)]
#[post("/campaigns/{id}/send")]
async fn send_campaign(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<CampaignId>,
    body: Body<CampaignSend>,
) -> ApiResult {
    let people = body.confirmed_people;
    let row = control::send(&state.db, &user, &state.installation(), id.0, people).await?;
    Ok(answer(HttpResponse::Ok(), row))
}

/// Send later
///
/// Pre-flight has to pass now, and again at that time.
#[utoipa::path(
    tag = "campaigns", operation_id = "schedule_campaign", request_body = CampaignSchedule,
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Campaign, description = "Scheduled", headers(("ETag" = String))), ActionProblems)
)]
#[post("/campaigns/{id}/schedule")]
async fn schedule_campaign(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<CampaignId>,
    body: Body<CampaignSchedule>,
) -> ApiResult {
    let installation = state.installation();
    let (at, zone) = (body.at, body.time_zone.as_str());
    let row = control::schedule(&state.db, &user, &installation, id.0, at, zone).await?;
    Ok(answer(HttpResponse::Ok(), row))
}

/// Take it off the schedule
///
/// A draft again.
#[utoipa::path(
    tag = "campaigns", operation_id = "unschedule_campaign",
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Campaign, description = "A draft again", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/campaigns/{id}/unschedule")]
async fn unschedule_campaign(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<CampaignId>,
) -> ApiResult {
    let row = control::unschedule(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), row))
}

/// Hold it
///
/// What mailers have in their hands goes out, no more; within a second.
#[utoipa::path(
    tag = "campaigns", operation_id = "pause_campaign",
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Campaign, description = "Held", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/campaigns/{id}/pause")]
async fn pause_campaign(state: Data<AppState>, user: CurrentUser, id: Id<CampaignId>) -> ApiResult {
    let row = control::pause(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), row))
}

/// Go on
///
/// With a held campaign.
#[utoipa::path(
    tag = "campaigns", operation_id = "resume_campaign",
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Campaign, description = "Under way", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/campaigns/{id}/resume")]
async fn resume_campaign(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<CampaignId>,
) -> ApiResult {
    let row = control::resume(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), row))
}

/// Stop it for good
///
/// Who was not mailed yet stands as skipped; `counts` is exact.
#[utoipa::path(
    tag = "campaigns", operation_id = "stop_campaign",
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Campaign, description = "Stopped", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/campaigns/{id}/stop")]
async fn stop_campaign(state: Data<AppState>, user: CurrentUser, id: Id<CampaignId>) -> ApiResult {
    let row = control::stop(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), row))
}
