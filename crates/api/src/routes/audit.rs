//! The trace: who did what, who looked at whom, and whether it is whole.

use std::borrow::Cow;
use std::io;

use actix_web::http::header;
use actix_web::web::{Bytes, Data, Json};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::access::{self, AccessFilter};
use domain::audit::action::ACTIONS;
use domain::audit::export::{self, Format};
use domain::audit::read::{self, AuditFilter};
use domain::ids::{AuditEntryId, UserId};
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{CurrentUser, Id, PageOf, QueryOf};
use crate::problems::{BareActionProblems, GetProblems, ListProblems};
use crate::routes::job::Job;
use crate::state::AppState;

/// What was done; all that there is, so that a client can have words for each.
pub struct AuditAction;

impl PartialSchema for AuditAction {
    fn schema() -> RefOr<Schema> {
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(ACTIONS.iter().copied()))
            .build();
        RefOr::T(Schema::Object(schema))
    }
}

impl ToSchema for AuditAction {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("AuditAction")
    }
}

/// What somebody did.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the chain, from 1 on without gaps.
    pub number: Option<i64>,
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// `user`, `system`, `operator` (staff of the service), `public` (somebody without log-in) …
    #[schema(example = "user")]
    pub actor_kind: String,
    pub actor_id: Option<Uuid>,
    pub actor_name: Option<String>,
    #[schema(value_type = AuditAction)]
    pub action: String,
    /// What it was done to.
    #[schema(example = "campaign")]
    pub subject_kind: String,
    pub subject_id: Option<Uuid>,
    pub subject_name: Option<String>,
    /// From where.
    pub ip: Option<String>,
}

/// What somebody did, in full.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntryDetail {
    #[serde(flatten)]
    pub entry: AuditEntry,
    /// As it was; null for what was new.
    pub before: Option<Value>,
    /// As it was then; null for what was deleted.
    pub after: Option<Value>,
    /// Of the request, as in `X-Request-Id`.
    pub request_id: Option<String>,
    /// SHA-256 of the link before and this entry, in hexadecimal.
    pub hash: Option<String>,
}

impl From<read::AuditEntry> for AuditEntry {
    fn from(row: read::AuditEntry) -> Self {
        Self {
            number: row.number,
            id: row.id.0,
            at: row.at,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id.map(|id| id.0),
            actor_name: row.actor_name,
            action: row.action,
            subject_kind: row.subject_kind,
            subject_id: row.subject_id,
            subject_name: row.subject_name,
            ip: row.ip,
        }
    }
}

impl From<read::AuditEntry> for AuditEntryDetail {
    fn from(mut row: read::AuditEntry) -> Self {
        Self {
            before: row.before.take(),
            after: row.after.take(),
            request_id: row.request_id.take(),
            hash: row.hash.take(),
            entry: row.into(),
        }
    }
}

/// A look at somebody's data.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessEntry {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    #[schema(example = "user")]
    pub actor_kind: String,
    pub actor_id: Option<Uuid>,
    pub actor_name: Option<String>,
    /// Operation id of this document, or a command of the operator.
    #[schema(example = "get_contact")]
    pub operation: String,
    #[schema(example = "contact")]
    pub subject_kind: String,
    pub subject_id: Option<Uuid>,
    /// What a list was asked for.
    #[schema(example = "q=髙橋")]
    pub query: Option<String>,
    pub ip: Option<String>,
    pub request_id: Option<String>,
}

impl From<access::AccessEntry> for AccessEntry {
    fn from(row: access::AccessEntry) -> Self {
        let access::AccessEntry { look, actor_name } = row;
        Self {
            id: look.id.0,
            at: look.at,
            actor_kind: look.actor_kind,
            actor_id: look.actor_id.map(|id| id.0),
            actor_name,
            operation: look.operation,
            subject_kind: look.subject_kind,
            subject_id: look.subject_id,
            query: look.query,
            ip: look.ip.map(|ip| ip.addr().to_string()),
            request_id: look.request_id,
        }
    }
}

/// Which entries, which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// At or after.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    /// Who did it.
    pub actor_id: Option<Uuid>,
    #[param(max_length = 64, example = "campaign.sent")]
    pub action: Option<String>,
    #[param(max_length = 64, example = "campaign")]
    pub subject_kind: Option<String>,
    pub subject_id: Option<Uuid>,
    /// Words that stand in what was before or after. A page looks through 20,000 entries: it may hold fewer than it
    /// could, or none, and still have a `next_cursor`.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// Rows in the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditFormat {
    /// For spreadsheets.
    #[default]
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// Which entries a file holds.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditExportQuery {
    #[param(inline)]
    pub format: Option<AuditFormat>,
    /// At or after.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    /// Who did it.
    pub actor_id: Option<Uuid>,
    #[param(max_length = 64)]
    pub action: Option<String>,
    #[param(max_length = 64)]
    pub subject_kind: Option<String>,
    pub subject_id: Option<Uuid>,
    /// Words that stand in what was before or after.
    #[param(max_length = 200)]
    pub q: Option<String>,
}

/// Which looks, which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AccessQuery {
    /// At or after.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    /// Who looked.
    pub actor_id: Option<Uuid>,
    /// Who or what was looked at, for example a contact.
    pub subject_id: Option<Uuid>,
    /// Rows in the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_audit_entries)
        .service(get_audit_entry)
        .service(export_audit_entries)
        .service(verify_audit_entries)
        .service(list_access_entries);
}

/// What people did, newest first
#[utoipa::path(
    tag = "audit", operation_id = "list_audit_entries", params(AuditQuery),
    responses((status = 200, body = PageOf<AuditEntry>, description = "A page"), ListProblems)
)]
#[get("/audit-entries")]
async fn list_audit_entries(
    state: Data<AppState>,
    user: CurrentUser,
    query: QueryOf<AuditQuery>,
) -> ApiResult<Json<PageOf<AuditEntry>>> {
    let QueryOf(query) = query;
    let filter = AuditFilter {
        from: query.from,
        to: query.to,
        actor_id: query.actor_id.map(UserId),
        action: query.action,
        subject_kind: query.subject_kind,
        subject_id: query.subject_id,
        q: query.q,
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = read::list(&state.db, &user, &filter, &page).await?;
    Ok(Json(PageOf::from_page(page, AuditEntry::from)))
}

/// One entry, with what was before and after
#[utoipa::path(
    tag = "audit", operation_id = "get_audit_entry", params(("id" = Uuid, Path, description = "Entry")),
    responses((status = 200, body = AuditEntryDetail, description = "The entry"), GetProblems)
)]
#[get("/audit-entries/{id}")]
async fn get_audit_entry(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<AuditEntryId>,
) -> ApiResult<Json<AuditEntryDetail>> {
    Ok(Json(read::get(&state.db, &user, id.0).await?.into()))
}

/// Entries as a file, newest first; taking it stands in the trace
///
/// Wants `contacts.export` beside `audit.read`, since entries hold people's addresses.
#[utoipa::path(
    tag = "audit", operation_id = "export_audit_entries", params(AuditExportQuery),
    responses(
        (status = 200, description = "The file", content((String = "text/csv"), (String = "application/jsonl"))),
        ListProblems
    )
)]
#[get("/audit-export")]
async fn export_audit_entries(
    state: Data<AppState>,
    user: CurrentUser,
    query: QueryOf<AuditExportQuery>,
) -> ApiResult {
    let QueryOf(query) = query;
    let filter = AuditFilter {
        from: query.from,
        to: query.to,
        actor_id: query.actor_id.map(UserId),
        action: query.action,
        subject_kind: query.subject_kind,
        subject_id: query.subject_id,
        q: query.q,
    };
    let (format, content_type) = match query.format.unwrap_or_default() {
        AuditFormat::Csv => (Format::Csv, "text/csv; charset=utf-8"),
        AuditFormat::Jsonl => (Format::JsonLines, "application/jsonl"),
    };
    let mut file = export::open(&state.db, &user, filter, format).await?;
    let body = async_stream::stream! {
        loop {
            match file.next().await {
                Ok(Some(piece)) => yield Ok(Bytes::from(piece)),
                Ok(None) => break,
                // The status is out already: cutting the body short is how the
                // other side learns that the file is not whole.
                Err(error) => {
                    tracing::error!(name: "audit.export_cut", ?error, "a file ended early");
                    yield Err(io::Error::other("the file could not be read to its end"));
                    break;
                }
            }
        }
    };
    let day = state.db.now().format("%Y%m%d");
    let name = format!("attachment; filename=\"audit-{day}.{}\"", format.as_str());
    Ok(HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CONTENT_DISPOSITION, name))
        .streaming(body))
}

/// Follow the chain from its first entry on, and say where it is broken
///
/// A job. Its `result` holds `entries`, `hash` (of the last link), `erased` (entries of erased
/// people, which say nothing of before and after any more), `faults` (`kind`, `number`, `until`, `entry_id`) and
/// `more_faults`, how many there are beyond the hundred named.
#[utoipa::path(
    tag = "audit", operation_id = "verify_audit_entries",
    responses((status = 202, body = Job, description = "Under way"), BareActionProblems)
)]
#[post("/audit-verifications")]
async fn verify_audit_entries(state: Data<AppState>, user: CurrentUser) -> ApiResult {
    let job = domain::audit::start_verification(&state.db, &user).await?;
    Ok(HttpResponse::Accepted().json(Job::from(job)))
}

/// Who looked at whose data, newest first; kept at least 400 days
#[utoipa::path(
    tag = "audit", operation_id = "list_access_entries", params(AccessQuery),
    responses((status = 200, body = PageOf<AccessEntry>, description = "A page"), ListProblems)
)]
#[get("/access-entries")]
async fn list_access_entries(
    state: Data<AppState>,
    user: CurrentUser,
    query: QueryOf<AccessQuery>,
) -> ApiResult<Json<PageOf<AccessEntry>>> {
    let QueryOf(query) = query;
    let filter = AccessFilter {
        from: query.from,
        to: query.to,
        actor_id: query.actor_id.map(UserId),
        subject_id: query.subject_id,
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = access::list(&state.db, &user, &filter, &page).await?;
    Ok(Json(PageOf::from_page(page, AccessEntry::from)))
}
