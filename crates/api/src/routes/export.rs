//! Export of contacts.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::contact::ContactFilter;
use domain::contact::export::{self, NewExport};
use domain::ids::{ExportId, ListId};
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, PageOf, PageQuery, QueryOf};
use crate::problems::{CreateProblems, GetProblems, ListProblems};
use crate::routes::contact::ContactStatus;
use crate::routes::download::{FileBytes, attachment};
use crate::routes::import::FileEncoding;
use crate::routes::job::{Job, JobState};
use crate::state::AppState;

/// How the file is written.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub enum ExportEncoding {
    /// What Excel opens with a double click.
    #[serde(rename = "utf-8-bom")]
    Utf8Bom,
    #[serde(rename = "utf-8")]
    Utf8,
    /// CP932. Characters that it does not have are written as `&#128512;`,
    /// and counted in `replaced_characters`.
    #[serde(rename = "shift_jis")]
    ShiftJis,
}

impl From<ExportEncoding> for domain::contact::import::Encoding {
    fn from(encoding: ExportEncoding) -> Self {
        match encoding {
            ExportEncoding::Utf8Bom => Self::Utf8Bom,
            ExportEncoding::Utf8 => Self::Utf8,
            ExportEncoding::ShiftJis => Self::ShiftJis,
        }
    }
}

/// What to export: columns, and the filter of the contact list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportCreate {
    pub encoding: ExportEncoding,
    /// `email`, `name`, `status`, `created_at`, `updated_at` or `field:<key>` of an own field.
    #[schema(min_items = 1, max_items = 205, example = json!(["email", "name", "field:plan"]))]
    pub columns: Vec<String>,
    /// Words, each a part of the address or the name; all must be found.
    #[schema(max_length = 200)]
    pub q: Option<String>,
    pub status: Option<ContactStatus>,
    /// Subscribed to this list.
    pub list_id: Option<Uuid>,
    /// Added at or after.
    pub created_from: Option<DateTime<Utc>>,
    /// Added before.
    pub created_to: Option<DateTime<Utc>>,
}

/// An export of contacts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Export {
    pub id: Uuid,
    #[schema(value_type = JobState)]
    pub state: &'static str,
    #[schema(example = "連絡先_20261124-0930.csv")]
    pub filename: String,
    #[schema(value_type = Option<FileEncoding>)]
    pub encoding: Option<&'static str>,
    /// Null until it is finished.
    pub rows: Option<i64>,
    /// Characters that the encoding does not have, written as `&#…;`.
    pub replaced_characters: Option<i64>,
    /// Bytes; null while there is no file to fetch, and again when it expired.
    pub size: Option<i64>,
    /// A day after its start.
    pub expires_at: Option<DateTime<Utc>>,
    pub job_id: Uuid,
    pub created_at: DateTime<Utc>,
    /// Who asked for it.
    pub created_by: Option<Uuid>,
}

impl From<export::Export> for Export {
    fn from(row: export::Export) -> Self {
        Self {
            id: row.id.0,
            state: row.state.as_str(),
            filename: row.filename,
            encoding: row.encoding.map(domain::contact::import::Encoding::as_str),
            rows: row.rows,
            replaced_characters: row.replaced_characters,
            size: row.size,
            expires_at: row.expires_at,
            job_id: row.job_id.0,
            created_at: row.created_at,
            created_by: row.created_by.map(|id| id.0),
        }
    }
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_exports)
        .service(create_export)
        .service(get_export_file);
}

/// Exports of the last 90 days, newest first
#[utoipa::path(
    tag = "exports", operation_id = "list_exports", params(PageQuery),
    responses((status = 200, body = PageOf<Export>, description = "A page"), ListProblems)
)]
#[get("/exports")]
async fn list_exports(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<Export>>> {
    let page = export::list(&state.db, &user, &PageRequest::from(&query.0)).await?;
    Ok(Json(PageOf::from_page(page, Export::from)))
}

/// Export contacts into a CSV file
#[utoipa::path(
    tag = "exports", operation_id = "create_export", request_body = ExportCreate,
    responses((status = 202, body = Job, description = "Under way; `subject_id` is the export"), CreateProblems)
)]
#[post("/exports")]
async fn create_export(state: Data<AppState>, user: Caller, body: Body<ExportCreate>) -> ApiResult {
    let Body(create) = body;
    let new = NewExport {
        encoding: create.encoding.into(),
        columns: create.columns,
        filter: ContactFilter {
            q: create.q,
            status: create.status.map(Into::into),
            list_id: create.list_id.map(ListId),
            created_from: create.created_from,
            created_to: create.created_to,
        },
    };
    let job = export::create(&state.db, &user, new).await?;
    Ok(HttpResponse::Accepted().json(Job::from(job)))
}

/// The finished file; each fetch stands in the audit log
#[utoipa::path(
    tag = "exports", operation_id = "get_export_file", params(("id" = Uuid, Path, description = "Export")),
    responses((status = 200, body = FileBytes, content_type = "text/csv", description = "The file"), GetProblems)
)]
#[get("/exports/{id}/file")]
async fn get_export_file(state: Data<AppState>, user: Caller, id: Id<ExportId>) -> ApiResult {
    let file = export::fetch(&state.db, &user, id.0).await?;
    Ok(attachment(&state, &user, &file))
}
