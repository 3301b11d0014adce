//! SQL of erasures themselves, and of what goes with the contact.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::{Counts, Erasure, State};
use crate::error::{DomainError, Result};
use crate::ids::{ContactId, ErasureId, TenantId};
use crate::schema::{contact, erasure, sequence_enrolment, subscription};

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &Erasure,
) -> Result<()> {
    diesel::insert_into(erasure::table)
        .values((
            erasure::tenant_id.eq(tenant),
            erasure::id.eq(row.id),
            erasure::address.eq(&row.address),
            erasure::contact_ids.eq(row.people()),
            erasure::salt.eq(row.salt),
            erasure::names.eq(&row.names),
            erasure::keep_blocked.eq(row.keep_blocked),
            erasure::note.eq(&row.note),
            erasure::counts.eq(&row.counts),
            erasure::job_id.eq(row.job_id),
            erasure::requested_by.eq(row.requested_by),
            erasure::requested_at.eq(row.requested_at),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ErasureId,
) -> Result<Erasure> {
    erasure::table
        .find((tenant, id))
        .select(Erasure::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("erasure"))
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: Option<(DateTime<Utc>, ErasureId)>,
    limit: i64,
) -> Result<Vec<Erasure>> {
    let mut query = erasure::table
        .filter(erasure::tenant_id.eq(tenant))
        .order((erasure::requested_at.desc(), erasure::id.desc()))
        .select(Erasure::as_select())
        .limit(limit)
        .into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            erasure::requested_at
                .lt(at)
                .or(erasure::requested_at.eq(at).and(erasure::id.lt(id))),
        );
    }
    Ok(query.load(tx).await?)
}

/// Erasures whose ledger may go now.
pub(super) async fn due(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<Vec<ErasureId>> {
    Ok(erasure::table
        .filter(erasure::tenant_id.eq(tenant))
        .filter(erasure::state.eq(State::Waiting))
        .filter(erasure::ledger_until.le(now))
        .order(erasure::ledger_until)
        .limit(100)
        .select(erasure::id)
        .load(tx)
        .await?)
}

pub(super) async fn contact_of(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    key: &str,
) -> Result<Option<(ContactId, String)>> {
    Ok(contact::table
        .filter(
            contact::tenant_id
                .eq(tenant)
                .and(contact::email_key.eq(key)),
        )
        .select((contact::id, contact::name))
        .first(tx)
        .await
        .optional()?)
}

/// What goes together with the contact.
pub(super) async fn count_relations(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ContactId,
    counts: &mut Counts,
) -> Result<()> {
    let subscriptions: i64 = subscription::table
        .filter(
            subscription::tenant_id
                .eq(tenant)
                .and(subscription::contact_id.eq(id)),
        )
        .count()
        .get_result(tx)
        .await?;
    let enrolments: i64 = sequence_enrolment::table
        .filter(
            sequence_enrolment::tenant_id
                .eq(tenant)
                .and(sequence_enrolment::contact_id.eq(id)),
        )
        .count()
        .get_result(tx)
        .await?;
    counts.insert("contact".to_owned(), 1);
    counts.insert("subscription".to_owned(), subscriptions);
    counts.insert("sequence_enrolment".to_owned(), enrolments);
    Ok(())
}

pub(super) async fn delete_contact(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ContactId,
) -> Result<()> {
    diesel::delete(contact::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn add_people(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ErasureId,
    people: &[Uuid],
) -> Result<()> {
    diesel::update(erasure::table.find((tenant, id)))
        .set(erasure::contact_ids.eq(people))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn save(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ErasureId,
    counts: &Counts,
    ledger_until: Option<DateTime<Utc>>,
) -> Result<()> {
    let counts = serde_json::to_value(counts).map_err(DomainError::internal)?;
    diesel::update(erasure::table.find((tenant, id)))
        .set((
            erasure::counts.eq(counts),
            erasure::ledger_until.eq(ledger_until),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn wait(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ErasureId,
) -> Result<()> {
    diesel::update(erasure::table.find((tenant, id)))
        .set(erasure::state.eq(State::Waiting))
        .execute(tx)
        .await?;
    Ok(())
}

/// The end: what named the person goes.
pub(super) async fn done(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ErasureId,
    counts: &Counts,
    certificate: &Value,
    now: DateTime<Utc>,
) -> Result<()> {
    let counts = serde_json::to_value(counts).map_err(DomainError::internal)?;
    diesel::update(erasure::table.find((tenant, id)))
        .set((
            erasure::state.eq(State::Done),
            erasure::address.eq(None::<String>),
            erasure::salt.eq(None::<Uuid>),
            erasure::names.eq(Vec::<String>::new()),
            erasure::contact_ids.eq(Vec::<Uuid>::new()),
            erasure::counts.eq(counts),
            erasure::certificate.eq(certificate),
            erasure::finished_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}
