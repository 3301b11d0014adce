//! SQL of the product's own mails and their queue.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};

use super::Kind;
use crate::error::Result;
use crate::ids::{SystemMailId, TenantId, UserId};
use crate::schema::{system_mail, system_mail_queue, tenant, user_account};

pub(super) struct What {
    pub(super) kind: Kind,
    pub(super) params: Value,
    pub(super) secret: Option<Vec<u8>>,
    pub(super) give_up_at: DateTime<Utc>,
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SystemMailId,
    user: UserId,
    what: What,
    now: DateTime<Utc>,
) -> Result<()> {
    let kind = what.kind;
    let (address, locale): (String, String) = user_account::table
        .find((tenant, user))
        .select((user_account::email, user_account::locale))
        .first(tx)
        .await?;
    diesel::insert_into(system_mail::table)
        .values((
            system_mail::tenant_id.eq(tenant),
            system_mail::id.eq(id),
            system_mail::user_id.eq(user),
            system_mail::kind.eq(what.kind),
            system_mail::address.eq(address),
            system_mail::locale.eq(locale),
            system_mail::params.eq(what.params),
            system_mail::secret_sealed.eq(what.secret),
            system_mail::created_at.eq(now),
            system_mail::give_up_at.eq(what.give_up_at),
        ))
        .execute(tx)
        .await?;
    diesel::insert_into(system_mail_queue::table)
        .values((
            system_mail_queue::tenant_id.eq(tenant),
            system_mail_queue::mail_id.eq(id),
            system_mail_queue::due_at.eq(now),
            system_mail_queue::urgent.eq(kind.is_urgent()),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// A row of the queue in the hands of one mailer.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub(super) struct Leased {
    #[diesel(sql_type = SqlUuid)]
    pub(super) tenant_id: TenantId,
    #[diesel(sql_type = SqlUuid)]
    pub(super) mail_id: SystemMailId,
    #[diesel(sql_type = Integer)]
    pub(super) attempts: i32,
}

/// Leases what is due: first the links that people wait for, then in each of
/// the two the oldest of every company, the second oldest of every company and
/// so on, so that a company with thousands delays nobody else's. The lease runs
/// by the database's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE from a locked sub-select with a window"
)]
pub(super) async fn lease(
    tx: &mut AsyncPgConnection,
    now: DateTime<Utc>,
    n: i64,
) -> Result<Vec<Leased>> {
    Ok(diesel::sql_query(
        "UPDATE system_mail_queue AS taken
         SET leased_until = clock_timestamp() + interval '2 minutes', attempts = taken.attempts + 1
         FROM (SELECT q.tenant_id, q.mail_id
               FROM (SELECT tenant_id, mail_id, row_number() OVER (PARTITION BY tenant_id, urgent ORDER BY due_at, mail_id) AS turn
                     FROM system_mail_queue
                     WHERE due_at <= $1 AND (leased_until IS NULL OR leased_until <= clock_timestamp())) AS due
               JOIN system_mail_queue q USING (tenant_id, mail_id)
               WHERE q.due_at <= $1 AND (q.leased_until IS NULL OR q.leased_until <= clock_timestamp())
               ORDER BY q.urgent DESC, due.turn, q.due_at LIMIT $2 FOR UPDATE OF q SKIP LOCKED) AS next
         WHERE taken.tenant_id = next.tenant_id AND taken.mail_id = next.mail_id
         RETURNING taken.tenant_id, taken.mail_id, taken.attempts",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(n)
    .load(tx)
    .await?)
}

#[derive(Debug, Queryable)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) address: String,
    pub(super) locale: String,
    pub(super) params: Value,
    pub(super) secret_sealed: Option<Vec<u8>>,
    pub(super) give_up_at: DateTime<Utc>,
    pub(super) display_name: String,
    pub(super) tenant_name: String,
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    id: SystemMailId,
) -> Result<Option<Found>> {
    let person = user_account::tenant_id
        .eq(system_mail::tenant_id)
        .and(user_account::id.eq(system_mail::user_id));
    Ok(system_mail::table
        .inner_join(user_account::table.on(person))
        .inner_join(tenant::table.on(tenant::id.eq(system_mail::tenant_id)))
        .filter(system_mail::tenant_id.eq(tenant_id))
        .filter(system_mail::id.eq(id))
        .filter(system_mail::state.eq("queued"))
        .select((
            system_mail::kind,
            system_mail::address,
            system_mail::locale,
            system_mail::params,
            system_mail::secret_sealed,
            system_mail::give_up_at,
            user_account::display_name,
            tenant::name,
        ))
        .first(tx)
        .await
        .optional()?)
}

/// It is over: what it said and to whom is wiped.
pub(super) async fn finish(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SystemMailId,
    state: &str,
    reply: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(system_mail::table.find((tenant, id)))
        .set((
            system_mail::state.eq(state),
            system_mail::reply.eq(reply),
            system_mail::params.eq(json!({})),
            system_mail::secret_sealed.eq(None::<Vec<u8>>),
            system_mail::address.eq(""),
            system_mail::finished_at.eq(now),
        ))
        .execute(tx)
        .await?;
    drop_from_queue(tx, tenant, id).await
}

/// Keeps the last reply; answers when it is given up.
pub(super) async fn note_reply(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SystemMailId,
    reply: &str,
) -> Result<DateTime<Utc>> {
    Ok(diesel::update(system_mail::table.find((tenant, id)))
        .set(system_mail::reply.eq(reply))
        .returning(system_mail::give_up_at)
        .get_result(tx)
        .await?)
}

pub(super) async fn put_back(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SystemMailId,
    due: DateTime<Utc>,
) -> Result<()> {
    diesel::update(system_mail_queue::table.find((tenant, id)))
        .set((
            system_mail_queue::due_at.eq(due),
            system_mail_queue::leased_until.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn drop_from_queue(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SystemMailId,
) -> Result<()> {
    diesel::delete(system_mail_queue::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets mails that were over before then.
pub(crate) async fn forget(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: DateTime<Utc>,
) -> Result<()> {
    diesel::delete(system_mail::table)
        .filter(system_mail::tenant_id.eq(tenant))
        .filter(system_mail::finished_at.lt(before))
        .execute(tx)
        .await?;
    Ok(())
}
