//! Export of contacts: a job writes the file, page by page, in the tenant's
//! language; it can be fetched for a day. What stands in a file written here
//! comes back unchanged through an import of the same columns.

mod write;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::csv::Encoding;
use super::search::Search;
use super::{ContactFilter, ContactSort};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::contact_field;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::file::{self, StoredFile};
use crate::ids::{ExportId, FileId, JobId, TenantId, UserId};
use crate::job::{self, Job, Kind};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::{contact_export, file as file_table, job as job_table};
use crate::tenant;

pub(crate) use write::write;

/// How long a file can be fetched.
pub const KEPT: TimeDelta = TimeDelta::days(1);
/// Columns of a file: the five fixed ones and every own field.
pub const MAX_COLUMNS: usize = 205;

/// A column of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Email,
    Name,
    Status,
    CreatedAt,
    UpdatedAt,
    Field(String),
}

impl Column {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "email" => Some(Self::Email),
            "name" => Some(Self::Name),
            "status" => Some(Self::Status),
            "created_at" => Some(Self::CreatedAt),
            "updated_at" => Some(Self::UpdatedAt),
            _ => text
                .strip_prefix("field:")
                .map(|key| Self::Field(key.to_owned())),
        }
    }
}

/// What to export.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewExport {
    pub encoding: Encoding,
    /// `email`, `name`, `status`, `created_at`, `updated_at` or `field:<key>`.
    pub columns: Vec<String>,
    #[serde(flatten)]
    pub filter: ContactFilter,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = contact_export)]
struct Row {
    id: ExportId,
    params: Value,
    file_id: Option<FileId>,
    row_count: Option<i64>,
    job_id: JobId,
    created_by: Option<UserId>,
    created_at: DateTime<Utc>,
    filename: String,
    replaced_characters: Option<i64>,
}

/// An export.
#[derive(Debug, Clone)]
pub struct Export {
    pub id: ExportId,
    pub state: job::State,
    pub filename: String,
    pub encoding: Option<Encoding>,
    pub rows: Option<i64>,
    /// Characters that the encoding does not have, written as `&#…;`.
    pub replaced_characters: Option<i64>,
    /// `None` while there is no file, and when it expired.
    pub size: Option<i64>,
    pub expires_at: Option<DateTime<Utc>>,
    pub job_id: JobId,
    pub created_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
}

/// Starts an export; answers its job.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for a column that is not there, an encoding or a filter.
pub async fn create(db: &Db, actor: &Actor, new: NewExport) -> Result<Job> {
    actor.require(Permission::ContactsExport)?;
    actor.require_step_up()?;
    let mut v = Validation::default();
    if new.columns.is_empty() {
        v.add("/columns", "required", "at least one column");
    }
    if new.columns.len() > MAX_COLUMNS {
        v.add(
            "/columns",
            "too_many",
            format!("at most {MAX_COLUMNS} columns"),
        );
    }
    if !matches!(
        new.encoding,
        Encoding::Utf8 | Encoding::Utf8Bom | Encoding::ShiftJis
    ) {
        v.add(
            "/encoding",
            "unknown",
            "must be utf-8-bom, utf-8 or shift_jis",
        );
    }
    Search::new(&new.filter, ContactSort::OldestFirst)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let fields = contact_field::all(tx, tenant).await?;
        for (i, name) in new.columns.iter().enumerate().take(MAX_COLUMNS) {
            let pointer = format!("/columns/{i}");
            let is_known = match Column::parse(name) {
                Some(Column::Field(key)) => fields.iter().any(|field| field.key == key),
                Some(_) => true,
                None => false,
            };
            if !is_known {
                v.add(pointer, "unknown", "there is no such column");
            } else if new.columns[..i].contains(name) {
                v.add(pointer, "duplicate", "this column stands there twice");
            }
        }
        v.finish()?;
        if let Some(list) = new.filter.list_id {
            crate::list::require_all(tx, tenant, &[list], "/list_id").await?;
        }
        let customs = tenant::find(tx, tenant).await?;
        let id = ExportId::new();
        let job = job::enqueue(tx, actor, Kind::Export, json!({}), Some(id.0), now).await?;
        let params = serde_json::to_value(&new).map_err(DomainError::internal)?;
        diesel::insert_into(contact_export::table)
            .values((
                contact_export::tenant_id.eq(tenant),
                contact_export::id.eq(id),
                contact_export::params.eq(&params),
                contact_export::job_id.eq(job.id),
                contact_export::created_by.eq(actor.user_id),
                contact_export::created_at.eq(now),
                contact_export::filename.eq(filename(&customs, now)),
            ))
            .execute(tx)
            .await?;
        record(tx, actor, "export.created", id, params).await?;
        Ok(job)
    })
    .await
}

/// `連絡先_20261124-0930.csv`, by the tenant's clock.
fn filename(tenant: &tenant::Tenant, now: DateTime<Utc>) -> String {
    let zone: Tz = tenant.time_zone.parse().unwrap_or(Tz::Asia__Tokyo);
    let what = if tenant.locale == "ja" {
        "連絡先"
    } else {
        "contacts"
    };
    let at = now.with_timezone(&zone).format("%Y%m%d-%H%M");
    format!("{what}_{at}.csv")
}

async fn record(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &str,
    id: ExportId,
    after: Value,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "export",
        subject_id: Some(id.0),
        after: Some(after),
        ..audit::Entry::default()
    };
    audit::record(tx, actor, entry).await
}

/// Pages the exports, newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(db: &Db, actor: &Actor, page: &PageRequest) -> Result<Page<Export>> {
    actor.require(Permission::ContactsExport)?;
    let (limit, cursor) = (page.limit()?, page.cursor("-created_at")?);
    let before = cursor
        .map(|c| Ok::<_, DomainError>((c.time()?, ExportId(c.id))))
        .transpose()?;
    let (tenant, now) = (actor.tenant_id, db.now());
    let exports = db
        .tenant(tenant, async |tx| {
            let mut query = contact_export::table
                .filter(contact_export::tenant_id.eq(tenant))
                .order((contact_export::created_at.desc(), contact_export::id.desc()))
                .select(Row::as_select())
                .limit(limit + 1)
                .into_boxed();
            if let Some((at, id)) = before {
                query = query.filter(
                    contact_export::created_at
                        .lt(at)
                        .or(contact_export::created_at
                            .eq(at)
                            .and(contact_export::id.lt(id))),
                );
            }
            let rows: Vec<Row> = query.load(tx).await?;
            complete(tx, tenant, rows, now).await
        })
        .await?;
    Ok(Page::cut(exports, limit, "-created_at", |row: &Export| {
        (time_key(row.created_at), row.id.0)
    }))
}

/// Adds the states of the jobs and what is known of the files.
async fn complete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    rows: Vec<Row>,
    now: DateTime<Utc>,
) -> Result<Vec<Export>> {
    let jobs: Vec<JobId> = rows.iter().map(|row| row.job_id).collect();
    let states: Vec<(JobId, job::State)> = job_table::table
        .filter(
            job_table::tenant_id
                .eq(tenant)
                .and(job_table::id.eq_any(jobs)),
        )
        .select((job_table::id, job_table::state))
        .load(tx)
        .await?;
    let states: HashMap<JobId, job::State> = states.into_iter().collect();
    let files: Vec<FileId> = rows.iter().filter_map(|row| row.file_id).collect();
    let files: Vec<StoredFile> = file_table::table
        .filter(
            file_table::tenant_id
                .eq(tenant)
                .and(file_table::id.eq_any(files)),
        )
        .filter(file_table::expires_at.gt(now))
        .select(StoredFile::as_select())
        .load(tx)
        .await?;
    let files: HashMap<FileId, StoredFile> = files.into_iter().map(|f| (f.id, f)).collect();
    Ok(rows
        .into_iter()
        .map(|row| {
            let file = row.file_id.and_then(|id| files.get(&id));
            let ended = if row.row_count.is_some() {
                job::State::Succeeded
            } else {
                job::State::Failed
            };
            let params: Option<NewExport> = serde_json::from_value(row.params).ok();
            Export {
                id: row.id,
                state: states.get(&row.job_id).copied().unwrap_or(ended),
                filename: row.filename,
                encoding: params.map(|params| params.encoding),
                rows: row.row_count,
                replaced_characters: row.replaced_characters,
                size: file.filter(|_| row.row_count.is_some()).map(|f| f.size),
                expires_at: file.and_then(|f| f.expires_at),
                job_id: row.job_id,
                created_by: row.created_by,
                created_at: row.created_at,
            }
        })
        .collect())
}

async fn find(tx: &mut AsyncPgConnection, tenant: TenantId, id: ExportId) -> Result<Row> {
    contact_export::table
        .find((tenant, id))
        .select(Row::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("export"))
}

/// The finished file, for fetching; who fetches it is in the audit log.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`] also while it is not finished, and when it expired.
pub async fn fetch(db: &Db, actor: &Actor, id: ExportId) -> Result<StoredFile> {
    actor.require(Permission::ContactsExport)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let row = find(tx, tenant, id).await?;
        actor.require_step_up()?;
        let file = row.file_id.filter(|_| row.row_count.is_some());
        let file = file.ok_or_else(|| DomainError::not_found("export file"))?;
        let stored = file::find(tx, tenant, file, now).await?;
        record(
            tx,
            actor,
            "export.downloaded",
            id,
            json!({ "rows": row.row_count }),
        )
        .await?;
        Ok(stored)
    })
    .await
}

/// The job of an export is over: a file that was not finished goes.
pub(crate) async fn settle(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    job: &Job,
    state: job::State,
    _now: DateTime<Utc>,
) -> Result<()> {
    let Some(id) = job.subject_id.map(ExportId) else {
        return Ok(());
    };
    let row = find(tx, tenant, id).await?;
    if state != job::State::Succeeded
        && let Some(file) = row.file_id
    {
        file::delete(tx, tenant, file).await?;
        diesel::update(contact_export::table.find((tenant, id)))
            .set((
                contact_export::file_id.eq(None::<FileId>),
                contact_export::row_count.eq(None::<i64>),
            ))
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Forgets exports of long ago; answers how many.
pub(crate) async fn delete_before(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: DateTime<Utc>,
) -> Result<usize> {
    Ok(diesel::delete(contact_export::table)
        .filter(
            contact_export::tenant_id
                .eq(tenant)
                .and(contact_export::created_at.lt(before)),
        )
        .execute(tx)
        .await?)
}
