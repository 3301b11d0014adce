//! Another chance for contacts that bounces stopped.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use domain::contact::bounce_reset::{self, NewReset};
use domain::ids::ContactId;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::job::Job;
use crate::error::ApiResult;
use crate::extract::{Body, Caller};
use crate::problems::CreateProblems;
use crate::state::AppState;

/// Whom to reset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BounceResetCreate {
    /// These contacts; all when it is left out.
    #[schema(min_items = 1, max_items = 1000)]
    pub contact_ids: Option<Vec<Uuid>>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create_bounce_reset);
}

/// Reset bounces
///
/// Contacts of status `bounced` become `active` again, and soft bounces are counted anew. Those who cancelled or
/// complained stay as they are, and so does the block-list.
#[utoipa::path(
    tag = "contacts", operation_id = "create_bounce_reset", request_body = BounceResetCreate,
    responses((status = 202, body = Job, description = "Under way; its result says how many were reset and activated"), CreateProblems)
)]
#[post("/bounce-resets")]
async fn create_bounce_reset(
    state: Data<AppState>,
    user: Caller,
    body: Body<BounceResetCreate>,
) -> ApiResult {
    let new = NewReset {
        contact_ids: body
            .0
            .contact_ids
            .map(|ids| ids.into_iter().map(ContactId).collect()),
    };
    let job = bounce_reset::create(&state.db, &user, new).await?;
    Ok(HttpResponse::Accepted().json(Job::from(job)))
}
