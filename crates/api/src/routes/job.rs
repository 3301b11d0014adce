//! Jobs: long work with progress.

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use chrono::{DateTime, Utc};
use domain::ids::JobId;
use domain::job::{self, JobFilter, Kind, State};
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Caller, Id, PageOf, QueryOf};
use crate::problems::{BareActionProblems, GetProblems, ListProblems};
use crate::state::AppState;

/// What is done.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub enum JobKind {
    /// The dry run of an import.
    #[serde(rename = "contact_import_check")]
    ImportCheck,
    #[serde(rename = "contact_import")]
    Import,
    #[serde(rename = "contact_export")]
    Export,
    /// Contacts that bounces stopped get another chance.
    #[serde(rename = "bounce_reset")]
    BounceReset,
    /// One person's data is taken out.
    #[serde(rename = "erasure")]
    Erasure,
    /// The chain of the audit log is followed.
    #[serde(rename = "audit_verify")]
    AuditVerify,
}

impl From<JobKind> for Kind {
    fn from(kind: JobKind) -> Self {
        match kind {
            JobKind::ImportCheck => Self::ImportCheck,
            JobKind::Import => Self::Import,
            JobKind::Export => Self::Export,
            JobKind::BounceReset => Self::BounceReset,
            JobKind::Erasure => Self::Erasure,
            JobKind::AuditVerify => Self::AuditVerify,
        }
    }
}

/// How it stands.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Queued,
    Running,
    Succeeded,
    Failed,
    /// What it did until then stays done.
    Cancelled,
}

impl From<JobState> for State {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Queued => Self::Queued,
            JobState::Running => Self::Running,
            JobState::Succeeded => Self::Succeeded,
            JobState::Failed => Self::Failed,
            JobState::Cancelled => Self::Cancelled,
        }
    }
}

/// Long work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Job {
    pub id: Uuid,
    #[schema(value_type = JobKind)]
    pub kind: &'static str,
    #[schema(value_type = JobState)]
    pub state: &'static str,
    pub progress: JobProgress,
    /// What it answers when it succeeded; its members depend on `kind`.
    #[schema(example = json!({"rows": 1200, "added": 1150, "updated": 40, "skipped": 0, "rejected": 10}))]
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<JobError>,
    /// The import or export that it works for.
    pub subject_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// How far it came, in rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobProgress {
    pub done: i64,
    /// Estimated until the end is near; null while nothing is known.
    pub total: Option<i64>,
}

/// Why a job failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobError {
    #[schema(example = "row_too_long")]
    pub code: String,
    pub detail: String,
}

impl From<job::Job> for Job {
    fn from(job: job::Job) -> Self {
        Self {
            id: job.id.0,
            kind: job.kind.as_str(),
            state: job.state.as_str(),
            progress: JobProgress {
                done: job.progress_done,
                total: job.progress_total,
            },
            result: job.result,
            error: job.error_code.map(|code| JobError {
                code,
                detail: job.error_detail.unwrap_or_default(),
            }),
            subject_id: job.subject_id,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
        }
    }
}

/// Which jobs, which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct JobQuery {
    pub kind: Option<JobKind>,
    pub state: Option<JobState>,
    /// Rows in the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_jobs)
        .service(get_job)
        .service(cancel_job);
}

/// The jobs of the last 90 days, newest first
#[utoipa::path(
    tag = "jobs", operation_id = "list_jobs", params(JobQuery),
    responses((status = 200, body = PageOf<Job>, description = "A page"), ListProblems)
)]
#[get("/jobs")]
async fn list_jobs(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<JobQuery>,
) -> ApiResult<Json<PageOf<Job>>> {
    let QueryOf(query) = query;
    let filter = JobFilter {
        kind: query.kind.map(Into::into),
        state: query.state.map(Into::into),
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = job::list(&state.db, &user, filter, &page).await?;
    Ok(Json(PageOf::from_page(page, Job::from)))
}

/// One job; its progress also comes as server-sent events
#[utoipa::path(
    tag = "jobs", operation_id = "get_job", params(("id" = Uuid, Path, description = "Job")),
    responses((status = 200, body = Job, description = "The job"), GetProblems)
)]
#[get("/jobs/{id}")]
async fn get_job(state: Data<AppState>, user: Caller, id: Id<JobId>) -> ApiResult<Json<Job>> {
    Ok(Json(job::get(&state.db, &user, id.0).await?.into()))
}

/// Cancel a job: at once while it waits, after its current step when it runs
#[utoipa::path(
    tag = "jobs", operation_id = "cancel_job", params(("id" = Uuid, Path, description = "Job")),
    responses((status = 200, body = Job, description = "Cancelled, or about to be"), BareActionProblems)
)]
#[post("/jobs/{id}/cancel")]
async fn cancel_job(state: Data<AppState>, user: Caller, id: Id<JobId>) -> ApiResult<Json<Job>> {
    Ok(Json(job::cancel(&state.db, &user, id.0).await?.into()))
}
