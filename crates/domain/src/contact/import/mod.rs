//! Import of contacts from a file, in steps that a person sees: upload
//! (detected and previewed), plan (how it is read, which column goes where),
//! check (a dry run with exact counts), run. Check and run are jobs
//! ([`apply`]); each row that is refused is kept with its reason, as a file to
//! mend and import again.

pub mod apply;
mod batch;
pub mod detect;
pub mod parse;
pub mod plan;
mod queries;
pub mod reject;
mod row;
mod suggest;
mod upload;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::contact_field;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::file::{self, StoredFile};
use crate::ids::{FileId, ImportId, JobId, TenantId, UserId};
use crate::job::{self, Job, Kind};
use crate::list;
use crate::page::{Page, PageRequest, time_key};
use crate::schema::contact_import;
use crate::tenant;
use crate::text_enum::text_enum;

pub use super::csv::Encoding;
use detect::Detected;
pub use plan::{Column, Delimiter, Mapped, Mode, Plan, Reading, Target};
pub use reject::Rejected;
pub use upload::Upload;
use upload::{Read, of_file};

/// How long the file and what was read of it are kept.
pub const KEPT: TimeDelta = TimeDelta::days(7);
/// Characters of a file name.
pub const MAX_FILENAME: usize = 255;

text_enum! {
    /// How far it came.
    pub enum State {
        /// Read, waits for its plan.
        Uploaded = "uploaded",
        Checking = "checking",
        /// The dry run is over, nothing was changed.
        Checked = "checked",
        Running = "running",
        Done = "done",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

/// What became, or would become, of the rows. The first five add up:
/// `rows` = `added` + `updated` + `skipped` + `rejected`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    pub rows: i64,
    pub added: i64,
    pub updated: i64,
    /// Nothing to change, or left alone by the mode.
    pub skipped: i64,
    pub rejected: i64,
    /// People who joined at least one of the lists.
    pub subscribed: i64,
    /// People who joined not every list, since they had left it, or all mailing.
    pub kept_unsubscribed: i64,
    /// People whose address or domain is on the block-list: nothing is sent to them.
    pub suppressed: i64,
}

/// An import.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = contact_import)]
struct Row {
    id: ImportId,
    file_id: FileId,
    filename: String,
    size: i64,
    state: State,
    detected: Value,
    #[diesel(column_name = columns_)]
    columns: Value,
    preview: Value,
    suggested: Value,
    plan: Option<Value>,
    counts: Option<Value>,
    rejected_sample: Value,
    rejected_file_id: Option<FileId>,
    job_id: Option<JobId>,
    version: i32,
    created_by: Option<UserId>,
    created_at: DateTime<Utc>,
}

/// An import with its parts read.
#[derive(Debug, Clone)]
pub struct Import {
    pub id: ImportId,
    pub file_id: FileId,
    pub filename: String,
    pub size: i64,
    pub state: State,
    pub detected: Reading,
    pub columns: Vec<Column>,
    pub preview: Vec<Vec<String>>,
    pub suggested: Plan,
    pub plan: Option<Plan>,
    pub counts: Option<Counts>,
    pub rejected_sample: Vec<Rejected>,
    pub rejected_file_id: Option<FileId>,
    pub job_id: Option<JobId>,
    pub version: i32,
    pub created_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Import {
    type Error = DomainError;

    fn try_from(row: Row) -> Result<Self> {
        let read = || -> serde_json::Result<Self> {
            Ok(Self {
                id: row.id,
                file_id: row.file_id,
                filename: row.filename,
                size: row.size,
                state: row.state,
                detected: serde_json::from_value(row.detected)?,
                columns: serde_json::from_value(row.columns)?,
                preview: serde_json::from_value(row.preview)?,
                suggested: serde_json::from_value(row.suggested)?,
                plan: row.plan.map(serde_json::from_value).transpose()?,
                counts: row.counts.map(serde_json::from_value).transpose()?,
                rejected_sample: serde_json::from_value(row.rejected_sample)?,
                rejected_file_id: row.rejected_file_id,
                job_id: row.job_id,
                version: row.version,
                created_by: row.created_by,
                created_at: row.created_at,
            })
        };
        read().map_err(|e| DomainError::internal(format_args!("contact_import: {e}")))
    }
}

/// Pages the imports, newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(db: &Db, actor: &Actor, page: &PageRequest) -> Result<Page<Import>> {
    actor.require(Permission::ContactsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor("-created_at")?);
    let before = cursor
        .map(|c| Ok::<_, DomainError>((c.time()?, ImportId(c.id))))
        .transpose()?;
    let rows = db
        .tenant(actor.tenant_id, async |tx| {
            queries::page(tx, actor.tenant_id, before, limit + 1).await
        })
        .await?;
    let imports = rows
        .into_iter()
        .map(Import::try_from)
        .collect::<Result<Vec<_>>>()?;
    Ok(Page::cut(imports, limit, "-created_at", |row: &Import| {
        (time_key(row.created_at), row.id.0)
    }))
}

/// One import.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: ImportId) -> Result<Import> {
    actor.require(Permission::ContactsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id).await?.try_into()
    })
    .await
}

/// Deletes an import with its file; contacts stay.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] while a job works on it.
pub async fn delete(db: &Db, actor: &Actor, id: ImportId) -> Result<()> {
    actor.require(Permission::ContactsWrite)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let import: Import = queries::lock(tx, tenant, id).await?.try_into()?;
        refuse_while_busy(&import)?;
        queries::delete(tx, tenant, id).await?;
        for file in [Some(import.file_id), import.rejected_file_id]
            .into_iter()
            .flatten()
        {
            file::delete(tx, tenant, file).await?;
        }
        let entry = audit::Entry {
            action: "import.deleted",
            subject_kind: "import",
            subject_id: Some(id.0),
            before: Some(json!({ "filename": import.filename, "state": import.state })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await
    })
    .await
}

fn refuse_while_busy(import: &Import) -> Result<()> {
    if matches!(import.state, State::Checking | State::Running) {
        return Err(DomainError::conflict(
            "import_busy",
            "a job works on this import: wait for its end, or cancel it",
        ));
    }
    Ok(())
}

fn refuse_when_over(import: &Import) -> Result<()> {
    refuse_while_busy(import)?;
    if matches!(import.state, State::Done | State::Failed | State::Cancelled) {
        return Err(DomainError::conflict(
            "import_over",
            "this import was run already: upload the file again",
        ));
    }
    Ok(())
}

/// Keeps the plan of an import of version `version`. A plan that reads the
/// file in another way has it read again; its columns are then mapped anew.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Invalid`],
/// [`DomainError::Conflict`] when it is busy or over.
pub async fn update_plan(
    db: &Db,
    actor: &Actor,
    id: ImportId,
    version: i32,
    mut plan: Plan,
) -> Result<Import> {
    actor.require(Permission::ContactsWrite)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    let import: Import = db
        .tenant(tenant, async |tx| {
            queries::find(tx, tenant, id).await?.try_into()
        })
        .await?;
    if import.version != version {
        return Err(DomainError::Stale);
    }
    refuse_when_over(&import)?;
    let before = import.plan.as_ref().unwrap_or(&import.suggested).reading;
    let head = if before == plan.reading {
        None
    } else {
        let head = file::chunk(db, tenant, import.file_id, 0).await?;
        Some(head.ok_or_else(|| DomainError::not_found("file"))?)
    };
    db.tenant(tenant, async |tx| {
        let fields = contact_field::all(tx, tenant).await?;
        let read = match &head {
            None => None,
            Some(head) => {
                let is_whole = import.size <= i64::try_from(head.len()).unwrap_or(0);
                let rows =
                    detect::first_rows(head, is_whole, &plan.reading, 50).map_err(of_file)?;
                if rows.len() == usize::from(plan.reading.has_header) {
                    return Err(of_file(detect::no_rows()));
                }
                let found = Detected {
                    reading: plan.reading,
                    rows,
                };
                Some(Read::new(tx, tenant, &found).await?)
            }
        };
        let columns = read.as_ref().map_or(&import.columns, |read| &read.columns);
        if *columns != import.columns
            && let Some(read) = &read
        {
            plan.mapping.clone_from(&read.suggested.mapping);
        }
        let mut v = Validation::default();
        plan.check(&mut v, columns.len(), &fields);
        v.finish()?;
        list::require_all(tx, tenant, &plan.list_ids, "/list_ids").await?;
        queries::update_plan(tx, tenant, id, version, &plan, read.as_ref(), now)
            .await?
            .ok_or(DomainError::Stale)?
            .try_into()
    })
    .await
}

/// Starts the dry run.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] when it is busy or over,
/// [`DomainError::Invalid`] when no column is the address.
pub async fn start_check(db: &Db, actor: &Actor, id: ImportId) -> Result<Job> {
    start(db, actor, id, Kind::ImportCheck).await
}

/// Starts the import; a dry run before it is not asked for.
///
/// # Errors
/// As [`start_check`].
pub async fn start_run(db: &Db, actor: &Actor, id: ImportId) -> Result<Job> {
    start(db, actor, id, Kind::Import).await
}

async fn start(db: &Db, actor: &Actor, id: ImportId, kind: Kind) -> Result<Job> {
    actor.require(Permission::ContactsWrite)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let import: Import = queries::lock(tx, tenant, id).await?.try_into()?;
        refuse_when_over(&import)?;
        let plan = import.plan.as_ref().unwrap_or(&import.suggested);
        if plan.column_of(&Target::Email).is_none() {
            return Err(DomainError::invalid(
                "/mapping",
                "no_email",
                "no column is the mail address: say which one is",
            ));
        }
        let mut v = Validation::default();
        let fields = contact_field::all(tx, tenant).await?;
        plan.check(&mut v, import.columns.len(), &fields);
        v.finish()?;
        list::require_all(tx, tenant, &plan.list_ids, "/list_ids").await?;
        file::find(tx, tenant, import.file_id, now).await?;
        let job = job::enqueue(tx, actor, kind, json!({}), Some(id.0), now).await?;
        let state = match kind {
            Kind::ImportCheck => State::Checking,
            Kind::Import
            | Kind::Export
            | Kind::BounceReset
            | Kind::AuditVerify
            | Kind::Erasure => State::Running,
        };
        queries::start(tx, tenant, id, state, plan, job.id, now).await?;
        if kind == Kind::Import {
            let hash = suggest::header_hash(&import.columns);
            queries::remember(tx, tenant, &hash, &plan.to_remember(&import.columns), now).await?;
            let entry = audit::Entry {
                action: "import.started",
                subject_kind: "import",
                subject_id: Some(id.0),
                after: Some(json!({ "filename": import.filename, "mode": plan.mode, "list_ids": plan.list_ids })),
                ..audit::Entry::default()
            };
            audit::record(tx, actor, entry).await?;
        }
        Ok(job)
    })
    .await
}

/// The file of refused rows.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`] when there is none, or no longer.
pub async fn rejected(db: &Db, actor: &Actor, id: ImportId) -> Result<StoredFile> {
    actor.require(Permission::ContactsWrite)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let row = queries::find(tx, tenant, id).await?;
        let file = row
            .rejected_file_id
            .ok_or_else(|| DomainError::not_found("file of refused rows"))?;
        file::find(tx, tenant, file, now).await
    })
    .await
}

/// The job that worked on an import is over.
pub(crate) async fn settle(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    job: &Job,
    state: job::State,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(id) = job.subject_id.map(ImportId) else {
        return Ok(());
    };
    // As it stands: an import that can't be read must not keep its job from ending.
    let import = queries::lock(tx, tenant, id).await?;
    let next = match (job.kind, state) {
        (Kind::ImportCheck, job::State::Succeeded) => State::Checked,
        (Kind::ImportCheck, _) => State::Uploaded,
        (_, job::State::Succeeded) => State::Done,
        (_, job::State::Cancelled) => State::Cancelled,
        _ => State::Failed,
    };
    queries::settle(tx, tenant, id, next, now).await?;
    if job.kind == Kind::Import {
        let actor = Actor {
            user_id: job.created_by,
            ..Actor::system(tenant)
        };
        let entry = audit::Entry {
            action: "import.ended",
            subject_kind: "import",
            subject_id: Some(id.0),
            after: Some(
                json!({ "filename": import.filename, "state": next, "counts": import.counts }),
            ),
            ..audit::Entry::default()
        };
        audit::record(tx, &actor, entry).await?;
    }
    Ok(())
}

/// Empties what an import shows of its file, for files that expired.
pub(crate) async fn forget(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    files: &[FileId],
) -> Result<()> {
    queries::forget(tx, tenant, files).await
}

/// Zone and language of the tenant.
async fn customs(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<(chrono_tz::Tz, String)> {
    let tenant = tenant::find(tx, tenant).await?;
    let zone = tenant
        .time_zone
        .parse()
        .unwrap_or(chrono_tz::Tz::Asia__Tokyo);
    Ok((zone, tenant.locale))
}
