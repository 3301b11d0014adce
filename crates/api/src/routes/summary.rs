//! The home page.

use actix_web::get;
use actix_web::web::{Data, Json};
use domain::campaign::summary::{self, ProblemKind as Kind};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::campaign::dto::Campaign;
use crate::error::ApiResult;
use crate::extract::Caller;
use crate::problems::BareProblems;
use crate::state::AppState;
use crate::words::ProblemKind;

/// What is going out, what will, how the last ones went, what wants a hand.
#[derive(Debug, Serialize, ToSchema)]
pub struct Summary {
    /// Under way or held, at most 10, the last started first.
    pub going_out: Vec<Campaign>,
    /// At most 10, the next first.
    pub scheduled: Vec<Campaign>,
    /// Over, at most 5, the last first.
    pub recent: Vec<Campaign>,
    pub problems: Vec<SummaryProblem>,
    /// Null without the permission to read contacts.
    pub contacts: Option<ContactCounts>,
}

/// Something that wants a person's hand.
#[derive(Debug, Serialize, ToSchema)]
pub struct SummaryProblem {
    #[schema(value_type = ProblemKind)]
    pub kind: Kind,
    /// The name of what it is about; empty when it is about no one thing.
    #[schema(example = "11月号")]
    pub detail: String,
    pub subject_id: Option<Uuid>,
}

/// How many contacts there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactCounts {
    /// Who may be mailed.
    pub active: i64,
    pub total: i64,
}

impl From<summary::Summary> for Summary {
    fn from(found: summary::Summary) -> Self {
        let campaigns = |rows: Vec<domain::campaign::Campaign>| {
            rows.into_iter().map(Campaign::from).collect::<Vec<_>>()
        };
        let problem = |problem: summary::Problem| SummaryProblem {
            kind: problem.kind,
            detail: problem.detail,
            subject_id: problem.subject_id,
        };
        Self {
            going_out: campaigns(found.going_out),
            scheduled: campaigns(found.scheduled),
            recent: campaigns(found.recent),
            problems: found.problems.into_iter().map(problem).collect(),
            contacts: found.contacts.map(|counts| ContactCounts {
                active: counts.active,
                total: counts.total,
            }),
        }
    }
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_summary);
}

/// The home page: what is going out, what will, what wants a hand
///
/// What the person may not see is empty.
#[utoipa::path(
    tag = "summary", operation_id = "get_summary",
    responses((status = 200, body = Summary, description = "As it stands now"), BareProblems)
)]
#[get("/summary")]
async fn get_summary(state: Data<AppState>, user: Caller) -> ApiResult<Json<Summary>> {
    let found = summary::get(&state.db, &user).await?;
    Ok(Json(found.into()))
}
