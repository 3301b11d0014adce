//! Export of contacts: a job writes the file, page by page, in the tenant's
//! language; it can be fetched for a day. What stands in a file written here
//! comes back unchanged through an import of the same columns.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::csv::{self, Encoding};
use super::search::Search;
use super::{Contact, ContactFilter, ContactSort, ContactStatus};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::contact_field::{self, ContactField, FieldType, value};
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::file::{self, StoredFile};
use crate::ids::{ExportId, FileId, JobId, TenantId, UserId};
use crate::job::run::{Outcome, Run, Turn};
use crate::job::{self, Job, Kind};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::{contact_export, file as file_table, job as job_table};
use crate::tenant;

/// How long a file can be fetched.
pub const KEPT: TimeDelta = TimeDelta::days(1);
/// Contacts of one step.
const ROWS: i64 = 5_000;
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

/// Where a job goes on after a kill.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Checkpoint {
    after: Option<Uuid>,
    seq: i32,
    rows: i64,
    replaced: u64,
    file: FileId,
}

/// The job: writes the file.
///
/// # Errors
/// When the database does.
pub(crate) async fn write(run: &Run) -> Result<Outcome> {
    let mut writing = Writing::begin(run).await?;
    loop {
        match run.turn().await? {
            Turn::GoOn => {}
            Turn::Cancelled => return Ok(Outcome::Cancelled),
            Turn::Ending => return Ok(Outcome::Yielded),
        }
        if writing.step(run).await? {
            return Ok(Outcome::Succeeded(json!({
                "rows": writing.at.rows,
                "replaced_characters": writing.at.replaced,
            })));
        }
    }
}

struct Writing {
    id: ExportId,
    encoding: Encoding,
    columns: Vec<Column>,
    fields: HashMap<String, ContactField>,
    search: Search,
    total: i64,
    zone: Tz,
    locale: String,
    at: Checkpoint,
}

impl Writing {
    async fn begin(run: &Run) -> Result<Self> {
        let (tenant, now) = (run.tenant, run.db.now());
        let id = run.job.subject_id.map(ExportId);
        let id = id.ok_or_else(|| DomainError::internal("an export job without export"))?;
        let checkpoint: Option<Checkpoint> = match &run.job.checkpoint {
            Some(json) => {
                Some(serde_json::from_value(json.clone()).map_err(DomainError::internal)?)
            }
            None => None,
        };
        run.db
            .tenant(tenant, async |tx| {
                let row = find(tx, tenant, id).await?;
                let mut params: NewExport =
                    serde_json::from_value(row.params).map_err(DomainError::internal)?;
                // Who is added meanwhile is not in it, or it might never end.
                let to = params
                    .filter
                    .created_to
                    .map_or(row.created_at, |to| to.min(row.created_at));
                params.filter.created_to = Some(to + TimeDelta::milliseconds(1));
                let search = Search::new(&params.filter, ContactSort::OldestFirst)?;
                let customs = tenant::find(tx, tenant).await?;
                let fields = contact_field::all(tx, tenant).await?;
                let total = search.count(tx, tenant).await?;
                let fields: HashMap<String, ContactField> =
                    fields.into_iter().map(|f| (f.key.clone(), f)).collect();
                // A field that was deleted since has no values any more.
                let columns: Vec<Column> = params
                    .columns
                    .iter()
                    .filter_map(|name| Column::parse(name))
                    .filter(
                        |column| !matches!(column, Column::Field(key) if !fields.contains_key(key)),
                    )
                    .collect();
                let header = header(&columns, &fields, &customs.locale, params.encoding);
                let at = match checkpoint {
                    Some(at) => at,
                    None => {
                        let file =
                            file::create(tx, tenant, &row.filename, "text/csv", now, now + KEPT)
                                .await?;
                        let seq = file::append(tx, tenant, file, 0, &header.bytes).await?;
                        diesel::update(contact_export::table.find((tenant, id)))
                            .set(contact_export::file_id.eq(file))
                            .execute(tx)
                            .await?;
                        let at = Checkpoint {
                            after: None,
                            seq,
                            rows: 0,
                            replaced: header.replaced,
                            file,
                        };
                        run.save(tx, 0, Some(total), Some(json!(at))).await?;
                        at
                    }
                };
                Ok(Self {
                    id,
                    encoding: params.encoding,
                    columns,
                    fields,
                    search,
                    total,
                    zone: customs.time_zone.parse().unwrap_or(Tz::Asia__Tokyo),
                    locale: customs.locale,
                    at,
                })
            })
            .await
    }

    /// Writes the next contacts; true when these were the last.
    async fn step(&mut self, run: &Run) -> Result<bool> {
        let tenant = run.tenant;
        let this = &*self;
        let (next, is_last) = run
            .db
            .tenant(tenant, async |tx| {
                let contacts = this.search.scan(tx, tenant, this.at.after, ROWS).await?;
                let mut text = String::new();
                for contact in &contacts {
                    // Spelled before it is looked at: − becomes a full-width one.
                    let cells = this.columns.iter().map(|column| {
                        let cell = this.cell(column, contact);
                        this.encoding.spelling(&cell).into_owned()
                    });
                    csv::push_row(&mut text, ',', cells);
                }
                let mut bytes = Vec::new();
                let replaced = this.encoding.encode(&text, &mut bytes);
                let written = i64::try_from(contacts.len()).unwrap_or(0);
                let next = Checkpoint {
                    after: contacts
                        .last()
                        .map(|contact| contact.id.0)
                        .or(this.at.after),
                    seq: file::append(tx, tenant, this.at.file, this.at.seq, &bytes).await?,
                    rows: this.at.rows + written,
                    replaced: this.at.replaced + replaced,
                    file: this.at.file,
                };
                let is_last = written < ROWS;
                if is_last {
                    diesel::update(contact_export::table.find((tenant, this.id)))
                        .set((
                            contact_export::row_count.eq(next.rows),
                            contact_export::replaced_characters
                                .eq(i64::try_from(next.replaced).unwrap_or(i64::MAX)),
                        ))
                        .execute(tx)
                        .await?;
                }
                let total = if is_last {
                    next.rows
                } else {
                    this.total.max(next.rows)
                };
                run.save(tx, next.rows, Some(total), Some(json!(next)))
                    .await?;
                Ok((next, is_last))
            })
            .await?;
        self.at = next;
        Ok(is_last)
    }

    fn cell(&self, column: &Column, contact: &Contact) -> String {
        match column {
            Column::Email => contact.email.clone(),
            Column::Name => contact.name.clone(),
            Column::Status => status(contact.status, &self.locale).to_owned(),
            Column::CreatedAt => self.time(contact.created_at),
            Column::UpdatedAt => self.time(contact.updated_at),
            Column::Field(key) => {
                let stored = contact.fields.get(key);
                stored.map_or_else(String::new, |stored| self.own(key, stored))
            }
        }
    }

    /// An own value, such that the import gives the same.
    fn own(&self, key: &str, stored: &Value) -> String {
        let kind = self.fields.get(key).map(|field| field.kind);
        match (kind, stored) {
            (Some(FieldType::Boolean), Value::Bool(yes)) if self.locale == "ja" => {
                if *yes { "はい" } else { "いいえ" }.to_owned()
            }
            (Some(FieldType::DateTime), Value::String(text)) => match text.parse() {
                Ok(at) => self.time(at),
                Err(_) => text.clone(),
            },
            _ => value::to_text(stored),
        }
    }

    /// By the tenant's clock, with its offset, so that nothing is lost.
    fn time(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone)
            .to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)
    }
}

struct Header {
    bytes: Vec<u8>,
    replaced: u64,
}

fn header(
    columns: &[Column],
    fields: &HashMap<String, ContactField>,
    locale: &str,
    encoding: Encoding,
) -> Header {
    let is_japanese = locale == "ja";
    let name = |japanese, english| if is_japanese { japanese } else { english };
    let cells = columns.iter().map(|column| match column {
        Column::Email => name("メールアドレス", "Email"),
        Column::Name => name("氏名", "Name"),
        Column::Status => name("状態", "Status"),
        Column::CreatedAt => name("登録日時", "Created at"),
        Column::UpdatedAt => name("更新日時", "Updated at"),
        Column::Field(key) => fields.get(key).map_or("", |field| field.label.as_str()),
    });
    let mut text = String::new();
    csv::push_row(&mut text, ',', cells);
    let mut bytes = encoding.mark().to_vec();
    let replaced = encoding.encode(&text, &mut bytes);
    Header { bytes, replaced }
}

fn status(status: ContactStatus, locale: &str) -> &'static str {
    if locale != "ja" {
        return status.as_str();
    }
    match status {
        ContactStatus::Active => "有効",
        ContactStatus::Unsubscribed => "配信停止",
        ContactStatus::Bounced => "エラー停止",
        ContactStatus::Complained => "迷惑メール報告",
        ContactStatus::Disabled => "無効",
    }
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
