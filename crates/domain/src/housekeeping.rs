//! Sweeping: what has expired or is done with goes, hour by hour. Every api
//! process does it; two at once harm nothing, since each only deletes what is
//! due.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel_async::RunQueryDsl;

use crate::contact::{export, import};
use crate::db::Db;
use crate::error::Result;
use crate::factor;
use crate::idempotency;
use crate::ids::TenantId;
use crate::limit::{exchange, slow};
use crate::schema::{idempotency_key, login_directory, login_throttle, mail_preview, session};
use crate::session::expiry;
use crate::tenant::usage;
use crate::user::link;
use crate::{api_token, erasure, file, job, signup, system_mail, webhook};

/// How long ended jobs and exports can be looked up.
const HISTORY: TimeDelta = TimeDelta::days(90);
/// How long a person sees sessions that are over.
const SESSIONS: TimeDelta = TimeDelta::days(30);
/// After this a failed log-in slows nobody down any more.
const THROTTLE: TimeDelta = TimeDelta::days(2);
/// Files of a transaction: one may have hundreds of chunks.
const FILES: i64 = 8;
/// Tenants that are looked up at a time.
const TENANTS: i64 = 500;
/// Months for which partitions are made ahead.
const MONTHS_AHEAD: i32 = 3;

/// Sweeps once through everything.
///
/// # Errors
/// When the database does; what is done stays done.
pub async fn run_once(db: &Db) -> Result<()> {
    let now = db.now();
    make_partitions(db).await?;
    db.system(async |tx| {
        diesel::delete(login_throttle::table)
            .filter(login_throttle::blocked_until.lt(now - THROTTLE))
            .filter(login_throttle::updated_at.lt(now - THROTTLE))
            .execute(tx)
            .await?;
        exchange::forget(tx, now).await?;
        factor::passkey::delete_expired(tx, now).await
    })
    .await?;
    let mut after = None;
    loop {
        let tenants = tenants(db, after).await?;
        let Some(last) = tenants.last() else {
            return Ok(());
        };
        after = Some(*last);
        for tenant in tenants {
            sweep(db, tenant, now).await?;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a call of a function of ours")]
async fn make_partitions(db: &Db) -> Result<()> {
    db.system(async |tx| {
        diesel::sql_query("SELECT make_partitions($1)")
            .bind::<Integer, _>(MONTHS_AHEAD)
            .execute(tx)
            .await?;
        Ok(())
    })
    .await
}

/// Tenants by id. The directory of log-ins knows all of them (each has an
/// owner), and is one of the few tables that can be read across tenants.
pub(crate) async fn tenants(db: &Db, after: Option<TenantId>) -> Result<Vec<TenantId>> {
    db.system(async |tx| {
        let mut query = login_directory::table
            .select(login_directory::tenant_id)
            .distinct()
            .order(login_directory::tenant_id)
            .limit(TENANTS)
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(login_directory::tenant_id.gt(after));
        }
        Ok(query.load(tx).await?)
    })
    .await
}

async fn sweep(db: &Db, tenant: TenantId, now: DateTime<Utc>) -> Result<()> {
    loop {
        let gone = db
            .tenant(tenant, async |tx| {
                let files = file::delete_expired(tx, tenant, now, FILES).await?;
                import::forget(tx, tenant, &files).await?;
                Ok(i64::try_from(files.len()).unwrap_or(0))
            })
            .await?;
        if gone < FILES {
            break;
        }
    }
    erasure::finish_due(db, tenant, now).await?;
    webhook::sweep(db, tenant, now).await?;
    db.tenant(tenant, async |tx| {
        slow::forget_recovered(tx, tenant, now).await?;
        diesel::delete(mail_preview::table)
            .filter(mail_preview::tenant_id.eq(tenant))
            .filter(mail_preview::expires_at.lt(now))
            .execute(tx)
            .await?;
        diesel::delete(idempotency_key::table)
            .filter(idempotency_key::tenant_id.eq(tenant))
            .filter(idempotency_key::created_at.lt(now - idempotency::LIFETIME))
            .execute(tx)
            .await?;
        diesel::delete(session::table)
            .filter(session::tenant_id.eq(tenant))
            .filter(session::expires_at.lt(now - SESSIONS))
            .execute(tx)
            .await?;
        api_token::forget(tx, tenant, now).await?;
        api_token::remind(tx, tenant, now).await?;
        factor::delete_expired(tx, tenant, now).await?;
        export::delete_before(tx, tenant, now - HISTORY).await?;
        job::delete_finished_before(tx, tenant, now - HISTORY).await?;
        signup::forget(tx, tenant, now).await?;
        link::forget(tx, tenant, now - SESSIONS).await?;
        system_mail::forget(tx, tenant, now - SESSIONS).await?;
        expiry::remind(tx, tenant, now).await?;
        usage::fold(tx, tenant).await?;
        Ok(())
    })
    .await
}
