//! Coming in and being taken out: by hand, by an audience, by a date.

pub mod intake;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::people::{EnrolmentState, Source};
use super::row::Row;
use super::{State, queries, steer};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::delivery::{counters, queue};
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, ContactId, DeliveryId, SequenceId, TenantId};
use crate::schema::{campaign, delivery, send_queue, sequence_enrolment};

/// People of one call.
pub const MAX_PEOPLE: usize = 1_000;

/// What a call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entered {
    pub entered: i64,
    /// Not active, on the block-list, inside already, or through once where
    /// that is enough.
    pub left_out: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// People come into a sequence that is active or paused.
fn check_open(row: &Row) -> Result<()> {
    match row.state {
        State::Active | State::Paused => Ok(()),
        state => Err(steer::refusal(state, "entered")),
    }
}

/// Puts people into a sequence. Who is inside already stays where they are.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`] for nobody, for too many and for ids that
/// are no contacts, [`DomainError::Conflict`] unless it is active or paused.
pub async fn people(
    db: &Db,
    actor: &Actor,
    id: SequenceId,
    contacts: &[ContactId],
) -> Result<Entered> {
    actor.require(Permission::CampaignsSend)?;
    if contacts.is_empty() || contacts.len() > MAX_PEOPLE {
        return Err(DomainError::invalid(
            "/contact_ids",
            "out_of_range",
            format!("name 1 to {MAX_PEOPLE} contacts, or an audience"),
        ));
    }
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let row = queries::lock(tx, tenant, id).await?;
        check_open(&row)?;
        refuse_unknown(tx, tenant, contacts).await?;
        let entered = insert(tx, tenant, &row, contacts, now).await?;
        queries::wake(tx, tenant, id, now).await?;
        let entry = audit::Entry {
            action: "sequence.people_entered",
            subject_kind: "sequence",
            subject_id: Some(id.0),
            after: Some(json!({ "entered": entered })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        let asked = i64::try_from(contacts.len()).unwrap_or(0);
        Ok(Entered {
            entered,
            left_out: asked - entered,
        })
    })
    .await
}

async fn refuse_unknown(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contacts: &[ContactId],
) -> Result<()> {
    use crate::schema::contact;
    let known: std::collections::BTreeSet<ContactId> = contact::table
        .filter(
            contact::tenant_id
                .eq(tenant)
                .and(contact::id.eq_any(contacts)),
        )
        .select(contact::id)
        .load::<ContactId>(tx)
        .await?
        .into_iter()
        .collect();
    match contacts.iter().position(|id| !known.contains(id)) {
        None => Ok(()),
        Some(index) => Err(DomainError::invalid(
            format!("/contact_ids/{index}"),
            "unknown",
            "there is no such contact",
        )),
    }
}

#[expect(clippy::disallowed_methods, reason = "INSERT … SELECT from unnest")]
async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: &Row,
    contacts: &[ContactId],
    now: DateTime<Utc>,
) -> Result<i64> {
    let count: Count = diesel::sql_query(
        "WITH came AS (
            INSERT INTO sequence_enrolment (tenant_id, id, sequence_id, contact_id, round, source, starts_at, base_at, due_at, created_at)
            SELECT $1, gen_random_uuid(), $2, c.id, coalesce(p.last + 1, 0), $4, $5, $5, $5, $5
            FROM (SELECT DISTINCT i FROM unnest($3::uuid[]) AS i) AS asked
            JOIN contact c ON c.tenant_id = $1 AND c.id = asked.i AND c.status = 'active'
            LEFT JOIN LATERAL (SELECT max(e.round) AS last FROM sequence_enrolment e
                               WHERE e.tenant_id = $1 AND e.sequence_id = $2 AND e.contact_id = c.id) p ON true
            WHERE (p.last IS NULL OR $6)
              AND NOT EXISTS (SELECT FROM suppression s WHERE s.tenant_id = $1
                    AND (s.kind, s.value) IN (('address', c.email_key), ('domain', substring(c.email_key FROM '[^@]*$'))))
            ON CONFLICT DO NOTHING RETURNING 1)
         SELECT count(*) AS n FROM came",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(sequence.id)
    .bind::<Array<SqlUuid>, _>(contacts)
    .bind::<Text, _>(Source::Manual.as_str())
    .bind::<Timestamptz, _>(now)
    .bind::<Bool, _>(sequence.reenter)
    .get_result(tx)
    .await?;
    Ok(count.n)
}

/// Takes a person out. A mail of the sequence that still waits is not sent.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`] also for who is not inside.
pub async fn remove(
    db: &Db,
    actor: &Actor,
    sequence: SequenceId,
    contact: ContactId,
) -> Result<()> {
    actor.require(Permission::CampaignsSend)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        queries::lock(tx, tenant, sequence).await?;
        let last: Option<(Option<NaiveDate>, Option<DeliveryId>)> = diesel::update(
            sequence_enrolment::table.filter(
                sequence_enrolment::tenant_id
                    .eq(tenant)
                    .and(sequence_enrolment::sequence_id.eq(sequence))
                    .and(sequence_enrolment::contact_id.eq(contact))
                    .and(sequence_enrolment::state.eq(EnrolmentState::Active)),
            ),
        )
        .set((
            sequence_enrolment::state.eq(EnrolmentState::Left),
            sequence_enrolment::reason.eq("removed"),
            sequence_enrolment::due_at.eq(None::<DateTime<Utc>>),
            sequence_enrolment::ended_at.eq(now),
        ))
        .returning((
            sequence_enrolment::last_period,
            sequence_enrolment::last_delivery_id,
        ))
        .get_result(tx)
        .await
        .optional()?;
        match last {
            None => return Err(DomainError::not_found("person inside this sequence")),
            Some((Some(period), Some(last))) => withdraw(tx, tenant, period, last, now).await?,
            Some(_) => {}
        }
        let entry = audit::Entry {
            action: "sequence.person_removed",
            subject_kind: "sequence",
            subject_id: Some(sequence.0),
            after: Some(json!({ "contact_id": contact })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await
    })
    .await
}

/// Skips a mail that waits; one in a mailer's hands goes out. In the lock order
/// of `delivery::queue`.
async fn withdraw(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    period: NaiveDate,
    id: DeliveryId,
    now: DateTime<Utc>,
) -> Result<()> {
    let campaign: Option<CampaignId> = delivery::table
        .find((tenant, period, id))
        .select(delivery::campaign_id)
        .first(tx)
        .await
        .optional()?;
    let Some(campaign) = campaign else {
        return Ok(());
    };
    campaign::table
        .find((tenant, campaign))
        .select(campaign::id)
        .for_no_key_update()
        .first::<CampaignId>(tx)
        .await
        .optional()?;
    send_queue::table
        .find((tenant, campaign))
        .select(send_queue::campaign_id)
        .for_update()
        .first::<CampaignId>(tx)
        .await
        .optional()?;
    let waits: Option<String> = delivery::table
        .find((tenant, period, id))
        .filter(delivery::state.eq_any(["queued", "deferred"]))
        .select(delivery::state)
        .for_update()
        .first(tx)
        .await
        .optional()?;
    let Some(was) = waits else {
        return Ok(());
    };
    diesel::update(delivery::table.find((tenant, period, id)))
        .set((
            delivery::state.eq("skipped"),
            delivery::reason.eq("removed"),
            delivery::due_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx)
        .await?;
    counters::add(tx, tenant, campaign, &[(was.as_str(), -1), ("skipped", 1)]).await?;
    queue::settle(tx, tenant, campaign, now).await
}
