//! The steps of a sequence's life: activate, pause, finish, stop.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::ids::SequenceId;
use domain::sequence::steer;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer;
use super::dto::Sequence;
use crate::error::ApiResult;
use crate::extract::{Caller, Id};
use crate::problems::BareActionProblems;
use crate::state::AppState;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(activate_sequence)
        .service(pause_sequence)
        .service(finish_sequence)
        .service(stop_sequence);
}

/// Let people come in and move on
///
/// A draft, a paused or a finished one. The mail of each step has to pass pre-flight. One that people enter by a date
/// wants step-up, unless the company wants it for no sending (`step_up_people`).
#[utoipa::path(
    tag = "sequences", operation_id = "activate_sequence",
    params(("id" = Uuid, Path, description = "Sequence")),
    responses((status = 200, body = Sequence, description = "Active", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/sequences/{id}/activate")]
async fn activate_sequence(state: Data<AppState>, user: Caller, id: Id<SequenceId>) -> ApiResult {
    let found = steer::activate(&state.db, &user, &state.installation(), id.0).await?;
    Ok(answer(HttpResponse::Ok(), found))
}

/// Hold everybody where they are
///
/// What is in the hands of a mailer goes out, no more.
#[utoipa::path(
    tag = "sequences", operation_id = "pause_sequence",
    params(("id" = Uuid, Path, description = "Sequence")),
    responses((status = 200, body = Sequence, description = "Paused", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/sequences/{id}/pause")]
async fn pause_sequence(state: Data<AppState>, user: Caller, id: Id<SequenceId>) -> ApiResult {
    let found = steer::pause(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), found))
}

/// Let nobody in any more
///
/// Those inside go on to their end.
#[utoipa::path(
    tag = "sequences", operation_id = "finish_sequence",
    params(("id" = Uuid, Path, description = "Sequence")),
    responses((status = 200, body = Sequence, description = "Finished", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/sequences/{id}/finish")]
async fn finish_sequence(state: Data<AppState>, user: Caller, id: Id<SequenceId>) -> ApiResult {
    let found = steer::finish(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), found))
}

/// Stop for good
///
/// Everybody is out, and what waits is not sent.
#[utoipa::path(
    tag = "sequences", operation_id = "stop_sequence",
    params(("id" = Uuid, Path, description = "Sequence")),
    responses((status = 200, body = Sequence, description = "Stopped", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/sequences/{id}/stop")]
async fn stop_sequence(state: Data<AppState>, user: Caller, id: Id<SequenceId>) -> ApiResult {
    let found = steer::stop(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), found))
}
