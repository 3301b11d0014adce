//! Refused log-ins of people whom we know, in the trail of their tenant.

use std::net::IpAddr;

use diesel::dsl::{IntervalDsl, now};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use crate::actor::Actor;
use crate::audit;
use crate::db::Db;
use crate::error::Result;
use crate::factor::Person;
use crate::ids::{AuditEntryId, TenantId, UserId};
use crate::schema::audit_entry;

/// Entries of one person within an hour. The throttle slows each address
/// down, but many addresses could still fill the trail.
const MOST_AN_HOUR: i64 = 60;
const ACTION: &str = "session.refused";

/// Notes a refused log-in. Of a login id that nobody has nothing is written, but
/// it is looked all the same, in nobody's tenant, so that it takes as long.
///
/// # Errors
/// When the database does.
pub(super) async fn note(
    db: &Db,
    known: Option<Person>,
    reason: &'static str,
    ip: Option<IpAddr>,
) -> Result<()> {
    let (tenant, person) = known.map_or_else(
        || (TenantId::new(), UserId::new()),
        |known| (known.tenant, known.user),
    );
    db.tenant(tenant, async |tx| {
        if is_full(tx, tenant, person).await? {
            return Ok(());
        }
        if known.is_none() {
            // In place of the entry: one more question to the database.
            return is_full(tx, tenant, person).await.map(drop);
        }
        // Who tried is not known: that is the point.
        let actor = Actor {
            ip,
            ..Actor::public(tenant)
        };
        let entry = audit::Entry {
            action: ACTION,
            subject_kind: "user",
            subject_id: Some(person.0),
            after: Some(json!({ "reason": reason })),
            ..audit::Entry::default()
        };
        audit::record(tx, &actor, entry).await
    })
    .await
}

/// By the database's clock, which wrote the entries' times.
async fn is_full(tx: &mut AsyncPgConnection, tenant: TenantId, person: UserId) -> Result<bool> {
    let nth: Option<AuditEntryId> = audit_entry::table
        .filter(audit_entry::tenant_id.eq(tenant))
        .filter(audit_entry::subject_id.eq(person.0))
        .filter(audit_entry::action.eq(ACTION))
        .filter(audit_entry::at.gt(now.into_sql::<Timestamptz>() - 1.hour()))
        .select(audit_entry::id)
        .offset(MOST_AN_HOUR - 1)
        .limit(1)
        .first(tx)
        .await
        .optional()?;
    Ok(nth.is_some())
}
