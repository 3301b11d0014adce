//! The steps of a campaign's life: send, schedule, pause, resume, stop, send again.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use domain::campaign::{control, resend};
use domain::ids::CampaignId;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer;
use super::dto::{Campaign, CampaignAgain, CampaignResend, CampaignSchedule, CampaignSend};
use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id};
use crate::problems::{ActionProblems, BareActionProblems, GetProblems};
use crate::state::AppState;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(send_campaign)
        .service(schedule_campaign)
        .service(unschedule_campaign)
        .service(pause_campaign)
        .service(resume_campaign)
        .service(stop_campaign)
        .service(get_campaign_resend)
        .service(resend_campaign);
}

/// Send now
///
/// To the number of people that was confirmed. A pre-flight of the last minute
/// is believed; otherwise everybody is counted again, and when it is another
/// number by now, nothing is sent and the answer is 409 with the new one. Never
/// more people than confirmed are mailed: when more are meant by the time that
/// they are written down, the campaign is paused with the reason `more_people`.
#[utoipa::path(
    tag = "campaigns", operation_id = "send_campaign", request_body = CampaignSend,
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Campaign, description = "Under way", headers(("ETag" = String))), ActionProblems)
)]
#[post("/campaigns/{id}/send")]
async fn send_campaign(
    state: Data<AppState>,
    user: Caller,
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
    user: Caller,
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
async fn unschedule_campaign(state: Data<AppState>, user: Caller, id: Id<CampaignId>) -> ApiResult {
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
async fn pause_campaign(state: Data<AppState>, user: Caller, id: Id<CampaignId>) -> ApiResult {
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
async fn resume_campaign(state: Data<AppState>, user: Caller, id: Id<CampaignId>) -> ApiResult {
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
async fn stop_campaign(state: Data<AppState>, user: Caller, id: Id<CampaignId>) -> ApiResult {
    let row = control::stop(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), row))
}

/// Whom it can be sent to again
///
/// Of a finished or stopped campaign: those whose answer never came, and those who failed.
/// Who opened it, or said no since, does not count. All zero in other states.
#[utoipa::path(
    tag = "campaigns", operation_id = "get_campaign_resend",
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = CampaignAgain, description = "How many"), GetProblems)
)]
#[get("/campaigns/{id}/resend")]
async fn get_campaign_resend(
    state: Data<AppState>,
    user: Caller,
    id: Id<CampaignId>,
) -> ApiResult<Json<CampaignAgain>> {
    Ok(Json(resend::count(&state.db, &user, id.0).await?.into()))
}

/// Send again
///
/// A finished or stopped campaign to those whose answer never came, or to those who
/// failed: to exactly the number of people that was confirmed. When it is
/// another one by now, or it is under way already, the answer is 409.
#[utoipa::path(
    tag = "campaigns", operation_id = "resend_campaign", request_body = CampaignResend,
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Campaign, description = "Under way", headers(("ETag" = String))), ActionProblems)
)]
#[post("/campaigns/{id}/resend")]
async fn resend_campaign(
    state: Data<AppState>,
    user: Caller,
    id: Id<CampaignId>,
    body: Body<CampaignResend>,
) -> ApiResult {
    let row = resend::resend(&state.db, &user, id.0, body.group, body.confirmed_people).await?;
    Ok(answer(HttpResponse::Ok(), row))
}
