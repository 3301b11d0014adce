//! An erasure under way: table by table, batch by batch, and the certificate.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};

use super::Erasure;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::TenantErasureId;
use crate::operator::Operator;
use crate::operator::certificate::{self, Facts};
use crate::operator::journal::{self, About};
use crate::operator::tenants::{self, TenantState};
use crate::schema::tenant_erasure;
use crate::secret::Keys;

/// Rows of a transaction.
const BATCH: i32 = 2000;
/// A process that died gives its erasure up after this.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Passes over all tables before it is a fault: rows that come in meanwhile make another one needed.
const PASSES: usize = 10;

/// Does one erasure that is due to its end; answers whether there was one.
/// Goes on where a process that died left off.
///
/// # Errors
/// When the database does; what is deleted stays deleted, and the next call goes on.
pub async fn run_once(db: &Db, keys: &Keys) -> Result<bool> {
    let now = db.now();
    let due = db
        .system(async |tx| {
            Ok(tenant_erasure::table
                .filter(tenant_erasure::cancelled_at.is_null())
                .filter(tenant_erasure::finished_at.is_null())
                .filter(tenant_erasure::due_at.le(now))
                .filter(
                    tenant_erasure::leased_until
                        .is_null()
                        .or(tenant_erasure::leased_until.lt(now)),
                )
                .order(tenant_erasure::due_at)
                .select(Erasure::as_select())
                .for_update()
                .skip_locked()
                .first(tx)
                .await
                .optional()?)
        })
        .await?;
    let Some(erasure) = due else {
        return Ok(false);
    };
    let Some(started_at) = start(db, &erasure).await? else {
        return Ok(true);
    };
    for _ in 0..PASSES {
        empty(db, &erasure).await?;
        if finish(db, keys, &erasure, started_at).await? {
            tracing::info!(name: "tenant.erased", tenant = %erasure.company_id, erasure = %erasure.id, "erased, with certificate");
            return Ok(true);
        }
    }
    Err(DomainError::internal(format_args!(
        "tenant {} still has rows after {PASSES} passes",
        erasure.company_id
    )))
}

/// Takes the lease and marks the tenant; `None` when somebody resumed or took it.
async fn start(db: &Db, erasure: &Erasure) -> Result<Option<DateTime<Utc>>> {
    let (now, company) = (db.now(), erasure.company_id);
    db.tenant(company, async |tx| {
        let row = tenants::lock(tx, company).await?;
        let started_at = erasure.started_at.unwrap_or(now);
        let open = tenant_erasure::table
            .find(erasure.id)
            .filter(tenant_erasure::cancelled_at.is_null())
            .filter(
                tenant_erasure::leased_until
                    .is_null()
                    .or(tenant_erasure::leased_until.lt(now)),
            );
        let taken = diesel::update(open)
            .set((
                tenant_erasure::started_at.eq(started_at),
                tenant_erasure::leased_until.eq(now + LEASE),
            ))
            .execute(tx)
            .await?;
        if taken == 0 || row.state == TenantState::Active {
            return Ok(None);
        }
        if row.state == TenantState::Suspended {
            let since = row.suspended_at.unwrap_or(now);
            let reason = row.suspended_reason.as_deref().unwrap_or("erasure");
            tenants::put_state(
                tx,
                company,
                TenantState::Erasing,
                Some((since, reason)),
                now,
            )
            .await?;
        }
        Ok(Some(started_at))
    })
    .await
}

#[derive(QueryableByName)]
struct Tables {
    #[diesel(sql_type = Array<Text>)]
    tables: Vec<String>,
}

#[derive(QueryableByName)]
struct Gone {
    #[diesel(sql_type = BigInt)]
    gone: i64,
}

/// One pass over all tables, a transaction for each batch.
#[expect(
    clippy::disallowed_methods,
    reason = "functions of the migrations; every value is bound"
)]
async fn empty(db: &Db, erasure: &Erasure) -> Result<()> {
    let tables: Tables = db
        .system(async |tx| {
            Ok(diesel::sql_query("SELECT tenant_tables() AS tables")
                .get_result(tx)
                .await?)
        })
        .await?;
    for table in &tables.tables {
        loop {
            let until = db.now() + LEASE;
            let gone = db
                .system(async |tx| {
                    let row: Gone =
                        diesel::sql_query("SELECT erase_tenant_rows($1, $2, $3) AS gone")
                            .bind::<SqlUuid, _>(erasure.company_id)
                            .bind::<Text, _>(table)
                            .bind::<Integer, _>(BATCH)
                            .get_result(tx)
                            .await?;
                    if row.gone > 0 {
                        add(tx, erasure.id, table, row.gone, until).await?;
                    }
                    Ok(row.gone)
                })
                .await?;
            if gone == 0 {
                break;
            }
        }
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "jsonb arithmetic; every value is bound"
)]
async fn add(
    tx: &mut AsyncPgConnection,
    id: TenantErasureId,
    table: &str,
    gone: i64,
    until: DateTime<Utc>,
) -> Result<()> {
    diesel::sql_query(
        "UPDATE tenant_erasure SET leased_until = $4,
             counts = counts || jsonb_build_object($2, coalesce((counts ->> $2)::bigint, 0) + $3) WHERE id = $1",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<Text, _>(table)
    .bind::<BigInt, _>(gone)
    .bind::<diesel::sql_types::Timestamptz, _>(until)
    .execute(tx)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Empty {
    #[diesel(sql_type = Bool)]
    empty: bool,
}

/// Looks into every table once more, deletes the tenant and signs, all in one
/// transaction; `false` when rows came in meanwhile.
#[expect(
    clippy::disallowed_methods,
    reason = "a function of the migrations; the value is bound"
)]
async fn finish(
    db: &Db,
    keys: &Keys,
    erasure: &Erasure,
    started_at: DateTime<Utc>,
) -> Result<bool> {
    let now = db.now();
    db.system(async |tx| {
        let row: Empty = diesel::sql_query("SELECT erase_tenant($1) AS empty")
            .bind::<SqlUuid, _>(erasure.company_id)
            .get_result(tx)
            .await?;
        if !row.empty {
            return Ok(false);
        }
        let counts: Value = tenant_erasure::table
            .find(erasure.id)
            .select(tenant_erasure::counts)
            .first(tx)
            .await?;
        let counts: BTreeMap<String, i64> =
            serde_json::from_value(counts).map_err(DomainError::internal)?;
        certificate::remember(tx, keys, now).await?;
        let signed = certificate::sign(
            keys,
            &Facts {
                erasure,
                counts,
                started_at,
                finished_at: now,
            },
        )?;
        diesel::update(tenant_erasure::table.find(erasure.id))
            .set((
                tenant_erasure::finished_at.eq(now),
                tenant_erasure::leased_until.eq(None::<DateTime<Utc>>),
                tenant_erasure::certificate.eq(signed.text),
                tenant_erasure::hash.eq(signed.hash),
                tenant_erasure::signature.eq(signed.signature),
            ))
            .execute(tx)
            .await?;
        let about = Some(About(erasure.company_id, &erasure.company_name));
        let detail = json!({ "erasure_id": erasure.id });
        journal::record(
            tx,
            &Operator::command_line(),
            // Of the journal alone: the tenant's own trace is gone.
            "company.erased",
            about,
            Some(detail),
        )
        .await?;
        Ok(true)
    })
    .await
}
