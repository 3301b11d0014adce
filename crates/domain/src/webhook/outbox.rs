//! From events to messages: what the outbox gathered is put together, up to a
//! hundred of a kind, for each webhook that wants it.
//!
//! The facts get there in the transactions that make them true, by the
//! functions of the database `tell_webhooks` and its callers
//! (docs/decisions/0042). Taking them out and writing the messages is one
//! transaction: a process that dies in it has done nothing.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::State;
use crate::db::Db;
use crate::error::Result;
use crate::ids::{DeliveryId, TenantId, WebhookId, WebhookMessageId};
use crate::schema::{webhook, webhook_message};

/// Rows of the outbox of a transaction.
const ROWS: i64 = 200;
/// Tenants that are looked up at a time.
const TENANTS: i64 = 200;
/// Most events of a message, and about as many bytes.
const EVENTS: i32 = 100;
const BYTES: usize = 256 * 1024;

/// Tells of deliveries that the ledger wrote as accepted or failed.
///
/// # Errors
/// When the database does.
#[expect(clippy::disallowed_methods, reason = "a call of a function of ours")]
pub(crate) async fn tell_deliveries(
    tx: &mut AsyncPgConnection,
    period: chrono::NaiveDate,
    ids: &[DeliveryId],
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    diesel::sql_query("SELECT tell_deliveries($1, $2)")
        .bind::<Date, _>(period)
        .bind::<Array<SqlUuid>, _>(ids)
        .execute(tx)
        .await?;
    Ok(())
}

/// One round over all tenants that have something in the outbox; answers
/// whether there is more.
///
/// # Errors
/// When the database does. What one tenant has does not keep the others waiting.
pub async fn fan_out(db: &Db) -> Result<bool> {
    let (mut more, mut failed, mut after) = (false, None, TenantId(uuid::Uuid::nil()));
    loop {
        let page = waiting(db, after).await?;
        let Some(last) = page.last() else {
            return failed.map_or(Ok(more), Err);
        };
        after = *last;
        for tenant in page {
            match fan_out_tenant(db, tenant).await {
                Ok(rows) => more |= i64::try_from(rows).is_ok_and(|rows| rows >= ROWS),
                Err(error) => failed = Some(error),
            }
        }
    }
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: TenantId,
}

/// Tenants by a loose walk through the key: one look-up for each, however many
/// rows they have.
#[expect(clippy::disallowed_methods, reason = "WITH RECURSIVE")]
async fn waiting(db: &Db, after: TenantId) -> Result<Vec<TenantId>> {
    let rows: Vec<Waiting> = db
        .system(async |tx| {
            Ok(diesel::sql_query(
                "WITH RECURSIVE walk AS (
                    (SELECT tenant_id FROM outbox_queue WHERE tenant_id > $2 ORDER BY tenant_id LIMIT 1)
                    UNION ALL
                    SELECT (SELECT q.tenant_id FROM outbox_queue q WHERE q.tenant_id > w.tenant_id ORDER BY q.tenant_id LIMIT 1)
                    FROM walk w WHERE w.tenant_id IS NOT NULL)
                 SELECT tenant_id FROM walk WHERE tenant_id IS NOT NULL LIMIT $1",
            )
            .bind::<BigInt, _>(TENANTS)
            .bind::<SqlUuid, _>(after)
            .load(tx)
            .await?)
        })
        .await?;
    Ok(rows.into_iter().map(|row| row.tenant_id).collect())
}

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    topic: String,
    /// A JSON array as PostgreSQL writes it.
    #[diesel(sql_type = Text)]
    items: String,
    #[diesel(sql_type = Integer)]
    item_count: i32,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

async fn fan_out_tenant(db: &Db, tenant: TenantId) -> Result<usize> {
    let now = db.now();
    db.tenant(tenant, async |tx| {
        let facts = take(tx, tenant).await?;
        let webhooks: Vec<(WebhookId, Vec<Option<String>>)> = webhook::table
            .filter(webhook::tenant_id.eq(tenant))
            .filter(webhook::enabled)
            .select((webhook::id, webhook::events))
            .order(webhook::id)
            .load(tx)
            .await?;
        let parcels = gather(&facts);
        let mut told = Vec::new();
        for (id, events) in webhooks {
            let wants = |parcel: &&Parcel| events.iter().flatten().any(|e| *e == parcel.topic);
            let wanted: Vec<&Parcel> = parcels.iter().filter(wants).collect();
            if !wanted.is_empty() {
                insert(tx, tenant, id, &wanted, now).await?;
                told.push(id);
            }
        }
        wake(tx, tenant, &told, now).await?;
        Ok(facts.len())
    })
    .await
}

/// Takes rows out; two processes never take the same.
#[expect(
    clippy::disallowed_methods,
    reason = "DELETE … RETURNING of rows locked with SKIP LOCKED, from two tables"
)]
async fn take(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<Vec<Fact>> {
    Ok(diesel::sql_query(
        "WITH picked AS MATERIALIZED (
            SELECT q.position FROM outbox_queue q WHERE q.tenant_id = $1 ORDER BY q.position LIMIT $2 FOR UPDATE SKIP LOCKED
         ), unqueued AS (
            DELETE FROM outbox_queue q USING picked p WHERE q.tenant_id = $1 AND q.position = p.position
         ), taken AS (
            DELETE FROM outbox o USING picked p WHERE o.tenant_id = $1 AND o.position = p.position
            RETURNING o.position, o.topic, o.items::text AS items, o.item_count, o.created_at)
         SELECT topic, items, item_count, created_at FROM taken ORDER BY position",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<BigInt, _>(ROWS)
    .load(tx)
    .await?)
}

/// The content of a message, whoever gets it.
#[derive(Debug, PartialEq, Eq)]
struct Parcel {
    topic: String,
    body: String,
    count: i32,
}

/// Puts facts of a kind together, in their order.
fn gather(facts: &[Fact]) -> Vec<Parcel> {
    let mut parcels: Vec<Parcel> = Vec::new();
    for fact in facts {
        let items = fact
            .items
            .strip_prefix('[')
            .and_then(|items| items.strip_suffix(']'))
            .unwrap_or_default();
        let open = parcels
            .iter_mut()
            .rfind(|parcel| parcel.topic == fact.topic)
            .filter(|parcel| {
                parcel.count + fact.item_count <= EVENTS && parcel.body.len() + items.len() <= BYTES
            });
        if let Some(parcel) = open {
            parcel.body.push_str(", ");
            parcel.body.push_str(items);
            parcel.count += fact.item_count;
        } else {
            let mut body = head(&fact.topic, fact.created_at);
            body.push_str(items);
            parcels.push(Parcel {
                topic: fact.topic.clone(),
                body,
                count: fact.item_count,
            });
        }
    }
    for parcel in &mut parcels {
        parcel.body.push_str("]}");
    }
    parcels
}

/// The beginning of a body, up to its first event.
pub(super) fn head(topic: &str, at: DateTime<Utc>) -> String {
    let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    format!(r#"{{"type": "{topic}", "timestamp": "{at}", "data": ["#)
}

async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
    parcels: &[&Parcel],
    now: DateTime<Utc>,
) -> Result<()> {
    let rows: Vec<_> = parcels
        .iter()
        .map(|parcel| {
            (
                webhook_message::tenant_id.eq(tenant),
                webhook_message::id.eq(WebhookMessageId::new()),
                webhook_message::webhook_id.eq(id),
                webhook_message::topic.eq(&parcel.topic),
                webhook_message::event_count.eq(parcel.count),
                webhook_message::body.eq(&parcel.body),
                webhook_message::state.eq(State::Pending),
                webhook_message::queued_at.eq(now),
                webhook_message::due_at.eq(now),
                webhook_message::created_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(webhook_message::table)
        .values(&rows)
        .execute(tx)
        .await?;
    Ok(())
}

/// Makes the senders look at webhooks at once, unless they rest. Their rows are
/// locked in the order of ids.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE from rows locked in order; every value is bound"
)]
pub(super) async fn wake(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    webhooks: &[WebhookId],
    now: DateTime<Utc>,
) -> Result<()> {
    if webhooks.is_empty() {
        return Ok(());
    }
    diesel::sql_query(
        "UPDATE webhook_queue q SET due_at = least(q.due_at, greatest($3, l.retry_at))
         FROM (SELECT k.webhook_id, w.retry_at FROM webhook_queue k
               JOIN webhook w ON w.tenant_id = k.tenant_id AND w.id = k.webhook_id
               WHERE k.tenant_id = $1 AND k.webhook_id = ANY ($2) ORDER BY k.webhook_id FOR UPDATE OF k) l
         WHERE q.tenant_id = $1 AND q.webhook_id = l.webhook_id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(webhooks)
    .bind::<Timestamptz, _>(now)
    .execute(tx)
    .await?;
    crate::signal::publish(tx, crate::signal::Signal::Webhooks).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(topic: &str, items: &str, item_count: i32) -> Fact {
        Fact {
            topic: topic.to_owned(),
            items: items.to_owned(),
            item_count,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn facts_of_a_kind_are_put_together_up_to_a_hundred_and_in_their_order() {
        let facts = [
            fact("a", r#"[{"n": 1}]"#, 1),
            fact("b", r#"[{"n": 2}]"#, 60),
            fact("a", r#"[{"n": 3}, {"n": 4}]"#, 2),
            fact("b", r#"[{"n": 5}]"#, 60),
            fact("b", r#"[{"n": 6}]"#, 40),
        ];
        let parcels = gather(&facts);
        let seen: Vec<(&str, i32)> = parcels
            .iter()
            .map(|p| (p.topic.as_str(), p.count))
            .collect();
        assert_eq!(seen, [("a", 3), ("b", 60), ("b", 100)]);
        let body: serde_json::Value = serde_json::from_str(&parcels[0].body).unwrap();
        assert_eq!(body["type"], "a");
        assert_eq!(body["timestamp"], "1970-01-01T00:00:00.000Z");
        assert_eq!(body["data"][2]["n"], 4);
        let large = format!(r#"["{}"]"#, "x".repeat(BYTES / 2));
        assert_eq!(
            gather(&[fact("a", &large, 1), fact("a", &large, 1)]).len(),
            2
        );
    }
}
