//! SQL of imports themselves; that of their rows is in batch.rs.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};

use super::detect::Detected;
use super::plan::Remembered;
use super::{Counts, Plan, Read, Rejected, Row, State};
use crate::actor::Actor;
use crate::error::{DomainError, Result};
use crate::file::StoredFile;
use crate::ids::{FileId, ImportId, JobId, TenantId};
use crate::schema::{contact_import, import_mapping};

fn value(of: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(of).map_err(DomainError::internal)
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    filename: &str,
    file: &StoredFile,
    found: &Detected,
    read: &Read,
    now: DateTime<Utc>,
) -> Result<Row> {
    Ok(diesel::insert_into(contact_import::table)
        .values((
            contact_import::tenant_id.eq(actor.tenant_id),
            contact_import::id.eq(ImportId::new()),
            contact_import::file_id.eq(file.id),
            contact_import::filename.eq(filename),
            contact_import::size.eq(file.size),
            contact_import::state.eq(State::Uploaded),
            contact_import::detected.eq(value(&found.reading)?),
            contact_import::columns_.eq(value(&read.columns)?),
            contact_import::preview.eq(value(&read.preview)?),
            contact_import::suggested.eq(value(&read.suggested)?),
            contact_import::created_by.eq(actor.user_id),
            contact_import::created_at.eq(now),
            contact_import::updated_at.eq(now),
        ))
        .returning(Row::as_returning())
        .get_result(tx)
        .await?)
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: Option<(DateTime<Utc>, ImportId)>,
    limit: i64,
) -> Result<Vec<Row>> {
    let mut query = contact_import::table
        .filter(contact_import::tenant_id.eq(tenant))
        .order((contact_import::created_at.desc(), contact_import::id.desc()))
        .select(Row::as_select())
        .limit(limit)
        .into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            contact_import::created_at
                .lt(at)
                .or(contact_import::created_at
                    .eq(at)
                    .and(contact_import::id.lt(id))),
        );
    }
    Ok(query.load(tx).await?)
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ImportId,
) -> Result<Row> {
    contact_import::table
        .find((tenant, id))
        .select(Row::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("import"))
}

pub(super) async fn lock(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ImportId,
) -> Result<Row> {
    contact_import::table
        .find((tenant, id))
        .select(Row::as_select())
        .for_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("import"))
}

pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ImportId,
) -> Result<()> {
    diesel::delete(contact_import::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

/// `None` when the version is not the current one.
pub(super) async fn update_plan(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ImportId,
    version: i32,
    plan: &Plan,
    read: Option<&Read>,
    now: DateTime<Utc>,
) -> Result<Option<Row>> {
    let target = contact_import::table
        .find((tenant, id))
        .filter(contact_import::version.eq(version))
        .filter(contact_import::state.eq_any([State::Uploaded, State::Checked]));
    let changed = diesel::update(target)
        .set((
            contact_import::plan.eq(value(plan)?),
            contact_import::state.eq(State::Uploaded),
            contact_import::counts.eq(None::<Value>),
            contact_import::rejected_sample.eq(json!([])),
            contact_import::version.eq(version + 1),
            contact_import::updated_at.eq(now),
        ))
        .returning(Row::as_returning())
        .get_result(tx)
        .await
        .optional()?;
    let (Some(_), Some(read)) = (&changed, read) else {
        return Ok(changed);
    };
    Ok(diesel::update(contact_import::table.find((tenant, id)))
        .set((
            contact_import::columns_.eq(value(&read.columns)?),
            contact_import::preview.eq(value(&read.preview)?),
            contact_import::suggested.eq(value(&read.suggested)?),
        ))
        .returning(Row::as_returning())
        .get_result(tx)
        .await
        .optional()?)
}

/// A job works on it from now on; the plan is what it goes by.
pub(super) async fn start(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ImportId,
    state: State,
    plan: &Plan,
    job: JobId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(contact_import::table.find((tenant, id)))
        .set((
            contact_import::state.eq(state),
            contact_import::plan.eq(value(plan)?),
            contact_import::counts.eq(None::<Value>),
            contact_import::rejected_sample.eq(json!([])),
            contact_import::job_id.eq(job),
            contact_import::version.eq(contact_import::version + 1),
            contact_import::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// What the job found so far.
pub(super) async fn save_progress(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ImportId,
    counts: &Counts,
    sample: &[Rejected],
    rejected_file: Option<FileId>,
) -> Result<()> {
    diesel::update(contact_import::table.find((tenant, id)))
        .set((
            contact_import::counts.eq(value(counts)?),
            contact_import::rejected_sample.eq(value(&sample)?),
            contact_import::rejected_file_id.eq(rejected_file),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn settle(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ImportId,
    state: State,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(contact_import::table.find((tenant, id)))
        .set((
            contact_import::state.eq(state),
            contact_import::version.eq(contact_import::version + 1),
            contact_import::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn forget(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    files: &[FileId],
) -> Result<()> {
    diesel::update(contact_import::table)
        .filter(contact_import::tenant_id.eq(tenant))
        .filter(contact_import::file_id.eq_any(files))
        .set((
            contact_import::preview.eq(json!([])),
            contact_import::rejected_sample.eq(json!([])),
            contact_import::columns_.eq(json!([])),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn remembered(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    header_hash: &[u8; 32],
) -> Result<Option<Remembered>> {
    let plan: Option<Value> = import_mapping::table
        .find((tenant, &header_hash[..]))
        .select(import_mapping::plan)
        .first(tx)
        .await
        .optional()?;
    // One of an older program that no longer reads is no reason to fail.
    Ok(plan.and_then(|plan| serde_json::from_value(plan).ok()))
}

pub(super) async fn remember(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    header_hash: &[u8; 32],
    remembered: &Remembered,
    now: DateTime<Utc>,
) -> Result<()> {
    let plan = value(remembered)?;
    diesel::insert_into(import_mapping::table)
        .values((
            import_mapping::tenant_id.eq(tenant),
            import_mapping::header_hash.eq(&header_hash[..]),
            import_mapping::plan.eq(&plan),
            import_mapping::used_at.eq(now),
        ))
        .on_conflict((import_mapping::tenant_id, import_mapping::header_hash))
        .do_update()
        .set((
            import_mapping::plan.eq(&plan),
            import_mapping::used_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}
