//! People in a sequence: who they are, letting them in, taking one out.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, post};
use domain::DomainError;
use domain::ids::{ContactId, SequenceId, SequenceStepId};
use domain::page::PageRequest;
use domain::sequence::enrol::{self, intake};
use domain::sequence::{self, People};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::dto::{
    SequenceIntake, SequenceIntakeCount, SequenceIntakeCreate, SequenceIntakePeople,
    SequencePeopleCreate, SequencePeopleEntered, SequencePerson,
};
use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, PageOf, QueryOf};
use crate::problems::{ActionProblems, GetListProblems, GetProblems, RemoveProblems};
use crate::state::AppState;
use crate::words::EnrolmentState;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_sequence_people)
        .service(create_sequence_people)
        .service(delete_sequence_person)
        .service(list_sequence_intakes)
        .service(count_sequence_intake)
        .service(create_sequence_intake);
}

/// Which people.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PeopleQuery {
    /// Left out: those inside, by when they are due; else the last that ended first.
    #[param(value_type = Option<EnrolmentState>, inline)]
    pub state: Option<sequence::EnrolmentState>,
    /// Of those inside: who stands at this step.
    pub step_id: Option<Uuid>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

/// People in a sequence
#[utoipa::path(
    tag = "sequences", operation_id = "list_sequence_people",
    params(("id" = Uuid, Path, description = "Sequence"), PeopleQuery),
    responses((status = 200, body = PageOf<SequencePerson>, description = "A page"), GetListProblems)
)]
#[get("/sequences/{id}/people")]
async fn list_sequence_people(
    state: Data<AppState>,
    user: Caller,
    id: Id<SequenceId>,
    query: QueryOf<PeopleQuery>,
) -> ApiResult<Json<PageOf<SequencePerson>>> {
    let QueryOf(query) = query;
    let which = People {
        state: query.state.unwrap_or(sequence::EnrolmentState::Active),
        step: query.step_id.map(SequenceStepId),
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = sequence::list_people(&state.db, &user, id.0, which, &page).await?;
    Ok(Json(PageOf::from_page(page, SequencePerson::from)))
}

/// Put contacts in
///
/// Who is inside already stays where they are, so that a repeated call does no harm.
#[utoipa::path(
    tag = "sequences", operation_id = "create_sequence_people", request_body = SequencePeopleCreate,
    params(("id" = Uuid, Path, description = "Sequence")),
    responses((status = 200, body = SequencePeopleEntered, description = "How many came in"), ActionProblems)
)]
#[post("/sequences/{id}/people")]
async fn create_sequence_people(
    state: Data<AppState>,
    user: Caller,
    id: Id<SequenceId>,
    body: Body<SequencePeopleCreate>,
) -> ApiResult<Json<SequencePeopleEntered>> {
    let contacts: Vec<ContactId> = body.0.contact_ids.into_iter().map(ContactId).collect();
    let entered = enrol::people(&state.db, &user, id.0, &contacts).await?;
    Ok(Json(SequencePeopleEntered {
        entered: entered.entered,
        left_out: entered.left_out,
    }))
}

/// Take a person out
///
/// A mail of the sequence that still waits is not sent.
#[utoipa::path(
    tag = "sequences", operation_id = "delete_sequence_person",
    params(
        ("id" = Uuid, Path, description = "Sequence"),
        ("contact_id" = Uuid, Path, description = "Contact")
    ),
    responses((status = 204, description = "Out"), RemoveProblems)
)]
#[delete("/sequences/{id}/people/{contact_id}")]
async fn delete_sequence_person(
    state: Data<AppState>,
    user: Caller,
    path: Path<(String, String)>,
) -> ApiResult {
    let (sequence, contact) = path.into_inner();
    let sequence: SequenceId = sequence
        .parse()
        .map_err(|_| DomainError::not_found("sequence"))?;
    let contact: ContactId = contact
        .parse()
        .map_err(|_| DomainError::not_found("contact"))?;
    enrol::remove(&state.db, &user, sequence, contact).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The last audiences that were let in, newest first (at most 50)
#[utoipa::path(
    tag = "sequences", operation_id = "list_sequence_intakes",
    params(("id" = Uuid, Path, description = "Sequence")),
    responses((status = 200, body = PageOf<SequenceIntake>, description = "The last ones"), GetProblems)
)]
#[get("/sequences/{id}/intakes")]
async fn list_sequence_intakes(
    state: Data<AppState>,
    user: Caller,
    id: Id<SequenceId>,
) -> ApiResult<Json<PageOf<SequenceIntake>>> {
    let rows = intake::list(&state.db, &user, id.0).await?;
    let rows: Result<Vec<_>, DomainError> =
        rows.into_iter().map(SequenceIntake::try_from).collect();
    Ok(Json(PageOf::whole(rows?)))
}

/// Count an audience before it is let in
///
/// Who gets no mails, is inside already, or was once where that is enough, is not counted.
#[utoipa::path(
    tag = "sequences", operation_id = "count_sequence_intake", request_body = SequenceIntakeCount,
    params(("id" = Uuid, Path, description = "Sequence")),
    responses((status = 200, body = SequenceIntakePeople, description = "So many"), ActionProblems)
)]
#[post("/sequences/{id}/intake-count")]
async fn count_sequence_intake(
    state: Data<AppState>,
    user: Caller,
    id: Id<SequenceId>,
    body: Body<SequenceIntakeCount>,
) -> ApiResult<Json<SequenceIntakePeople>> {
    let audience = body.0.audience.into();
    let people = intake::count(&state.db, &user, id.0, &audience).await?;
    Ok(Json(SequenceIntakePeople { people }))
}

/// Let an audience in
///
/// Of exactly as many people as were confirmed (409 `people_changed` otherwise). It comes in chunk by chunk; `done_at`
/// says when all are inside.
#[utoipa::path(
    tag = "sequences", operation_id = "create_sequence_intake", request_body = SequenceIntakeCreate,
    params(("id" = Uuid, Path, description = "Sequence")),
    responses((status = 202, body = SequenceIntake, description = "On its way in"), ActionProblems)
)]
#[post("/sequences/{id}/intakes")]
async fn create_sequence_intake(
    state: Data<AppState>,
    user: Caller,
    id: Id<SequenceId>,
    body: Body<SequenceIntakeCreate>,
) -> ApiResult {
    let SequenceIntakeCreate {
        audience,
        confirmed_people,
    } = body.0;
    let audience = audience.into();
    let made = intake::create(&state.db, &user, id.0, &audience, confirmed_people).await?;
    Ok(HttpResponse::Accepted().json(SequenceIntake::try_from(made)?))
}
