//! Sequences (step mail): mails that each person gets one after the other.

pub mod dto;
pub mod entry;
pub mod people;
mod steps;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, HttpResponseBuilder, delete, get, post, put};
use domain::ids::SequenceId;
use domain::sequence::{self, results};
use utoipa_actix_web::service_config::ServiceConfig;

use self::dto::{Sequence, SequenceResults, SequenceRule};
use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, etag};
use crate::problems::{CreateProblems, DeleteProblems, GetProblems, ListProblems, UpdateProblems};
use crate::state::AppState;

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_sequences)
        .service(create_sequence)
        .service(get_sequence)
        .service(update_sequence)
        .service(delete_sequence)
        .service(get_sequence_results)
        .configure(steps::configure)
        .configure(people::configure);
}

fn answer(mut builder: HttpResponseBuilder, found: sequence::Sequence) -> HttpResponse {
    builder
        .insert_header(etag(found.version))
        .json(Sequence::from(found))
}

/// All sequences, newest first (at most 200)
#[utoipa::path(
    tag = "sequences", operation_id = "list_sequences",
    responses((status = 200, body = PageOf<Sequence>, description = "All of them"), ListProblems)
)]
#[get("/sequences")]
async fn list_sequences(state: Data<AppState>, user: Caller) -> ApiResult<Json<PageOf<Sequence>>> {
    let rows = sequence::list(&state.db, &user).await?;
    Ok(Json(PageOf::whole(
        rows.into_iter().map(Sequence::from).collect(),
    )))
}

/// Make a sequence
///
/// A draft; people come in once it is activated.
#[utoipa::path(
    tag = "sequences", operation_id = "create_sequence", request_body = SequenceRule,
    responses((status = 201, body = Sequence, description = "Made, a draft", headers(("ETag" = String))), CreateProblems)
)]
#[post("/sequences")]
async fn create_sequence(
    state: Data<AppState>,
    user: Caller,
    body: Body<SequenceRule>,
) -> ApiResult {
    let found = sequence::create(&state.db, &user, body.0.try_into()?).await?;
    Ok(answer(HttpResponse::Created(), found))
}

/// One sequence
#[utoipa::path(
    tag = "sequences", operation_id = "get_sequence",
    params(("id" = Uuid, Path, description = "Sequence")),
    responses((status = 200, body = Sequence, description = "The sequence", headers(("ETag" = String))), GetProblems)
)]
#[get("/sequences/{id}")]
async fn get_sequence(state: Data<AppState>, user: Caller, id: Id<SequenceId>) -> ApiResult {
    let found = sequence::get(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), found))
}

/// Change a sequence and its steps
///
/// Steps are given whole and in their order; who is inside stands at a step by its id. A changed delay holds for who
/// waits for that step; who stands at a removed one goes on to the next; one that is inserted before a person's place does not
/// come to them; nobody gets a step twice. Changing one that is not a draft needs the permission to send.
#[utoipa::path(
    tag = "sequences", operation_id = "update_sequence", request_body = SequenceRule,
    params(
        ("id" = Uuid, Path, description = "Sequence"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = Sequence, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[put("/sequences/{id}")]
async fn update_sequence(
    state: Data<AppState>,
    user: Caller,
    id: Id<SequenceId>,
    version: IfMatch,
    body: Body<SequenceRule>,
) -> ApiResult {
    let rule = body.0.try_into()?;
    let found = sequence::update(&state.db, &user, id.0, version.0, rule).await?;
    Ok(answer(HttpResponse::Ok(), found))
}

/// Delete a sequence that does not run
///
/// What it sent stays with the contacts.
#[utoipa::path(
    tag = "sequences", operation_id = "delete_sequence",
    params(
        ("id" = Uuid, Path, description = "Sequence"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/sequences/{id}")]
async fn delete_sequence(
    state: Data<AppState>,
    user: Caller,
    id: Id<SequenceId>,
    version: IfMatch,
) -> ApiResult {
    sequence::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// How a sequence went, step by step
#[utoipa::path(
    tag = "sequences", operation_id = "get_sequence_results",
    params(("id" = Uuid, Path, description = "Sequence")),
    responses((status = 200, body = SequenceResults, description = "As it stands now"), GetProblems)
)]
#[get("/sequences/{id}/results")]
async fn get_sequence_results(
    state: Data<AppState>,
    user: Caller,
    id: Id<SequenceId>,
) -> ApiResult<Json<SequenceResults>> {
    let found = results::get(&state.db, &user, id.0).await?;
    Ok(Json(found.into()))
}
