//! Takes a person out of what webhooks were told, and are still to be told, in
//! bounded steps. One event stays where its webhook has not heard it yet: that
//! the contact is gone, by its id alone, since the other side is to forget it too.

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::scrub::containing;
use crate::error::{DomainError, Result};
use crate::ids::{TenantId, WebhookMessageId};
use crate::schema::{outbox, outbox_queue, webhook_attempt, webhook_message};

/// Rows of a step: each has up to 256 kB.
const CHUNK: i64 = 50;
const DELETED: &str = "contact.deleted";

/// Who is taken out.
struct Person<'a> {
    ids: &'a [Uuid],
    /// As JSON writes it, in small letters.
    address: String,
}

impl<'a> Person<'a> {
    fn new(ids: &'a [Uuid], address: &str) -> Self {
        let json = Value::from(address.to_lowercase()).to_string();
        Self {
            ids,
            address: json.trim_matches('"').to_owned(),
        }
    }

    fn is_named_in(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.address)
    }

    fn is_of(&self, event: &Value) -> bool {
        let id = event.get("contact_id").and_then(Value::as_str);
        let id = id.and_then(|id| id.parse::<Uuid>().ok());
        id.is_some_and(|id| self.ids.contains(&id)) || self.is_named_in(&event.to_string())
    }

    /// The events without this person's; `None` when none is.
    fn taken_out(&self, topic: &str, waits: bool, events: &[Value]) -> Option<Vec<Value>> {
        let mut changed = false;
        let mut left = Vec::with_capacity(events.len());
        for event in events {
            if !self.is_of(event) {
                left.push(event.clone());
                continue;
            }
            let stays = (waits && topic == DELETED)
                .then(|| nameless(event))
                .flatten();
            changed |= stays.as_ref() != Some(event);
            left.extend(stays);
        }
        changed.then_some(left)
    }
}

/// That a contact was deleted, without its address.
fn nameless(event: &Value) -> Option<Value> {
    event.get("contact_id").and_then(Value::as_str)?;
    let mut event = event.clone();
    if let Some(email) = event.get_mut("email") {
        *email = Value::from("");
    }
    Some(event)
}

#[derive(QueryableByName)]
struct Message {
    #[diesel(sql_type = SqlUuid)]
    id: WebhookMessageId,
    #[diesel(sql_type = Text)]
    topic: String,
    #[diesel(sql_type = Bool)]
    waits: bool,
    #[diesel(sql_type = Text)]
    body: String,
}

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Text)]
    topic: String,
    #[diesel(sql_type = Text)]
    items: String,
}

/// Takes the person out of the next messages; answers how many rows changed.
pub(super) async fn forget(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    people: &[Uuid],
    address: &str,
) -> Result<i64> {
    let person = Person::new(people, address);
    // In this order: what the outbox gives away at this moment is waited for,
    // and is a message then.
    let facts = waiting_facts(tx, tenant, &person, address).await?;
    Ok(facts + told_messages(tx, tenant, &person, address).await?)
}

/// Patterns of what may name the person. What a deletion says by the id alone stays.
fn ids(person: &Person<'_>) -> Vec<String> {
    person.ids.iter().map(|id| format!("%{id}%")).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "ILIKE ANY over text of JSON; every value is bound"
)]
async fn waiting_facts(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    person: &Person<'_>,
    address: &str,
) -> Result<i64> {
    let facts: Vec<Fact> = diesel::sql_query(
        "SELECT o.position, o.topic, o.items::text AS items FROM outbox o
         JOIN outbox_queue q ON q.tenant_id = o.tenant_id AND q.position = o.position
         WHERE o.tenant_id = $1
           AND (o.items::text ILIKE $2 OR (o.topic <> 'contact.deleted' AND o.items::text ILIKE ANY ($3)))
         ORDER BY o.position LIMIT $4 FOR UPDATE OF q",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(containing(address))
    .bind::<Array<Text>, _>(ids(person))
    .bind::<BigInt, _>(CHUNK)
    .load(tx)
    .await?;
    let mut changed = 0;
    for fact in facts {
        let events: Vec<Value> =
            serde_json::from_str(&fact.items).map_err(DomainError::internal)?;
        let Some(left) = person.taken_out(&fact.topic, true, &events) else {
            continue;
        };
        changed += 1;
        let row = outbox::table.find((tenant, fact.position));
        if left.is_empty() {
            diesel::delete(outbox_queue::table.find((tenant, fact.position)))
                .execute(tx)
                .await?;
            diesel::delete(row).execute(tx).await?;
            continue;
        }
        diesel::update(row)
            .set((
                outbox::items.eq(Value::from(left.clone())),
                outbox::item_count.eq(count(&left)),
            ))
            .execute(tx)
            .await?;
    }
    Ok(changed)
}

#[expect(
    clippy::disallowed_methods,
    reason = "ILIKE ANY over text of JSON; every value is bound"
)]
async fn told_messages(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    person: &Person<'_>,
    address: &str,
) -> Result<i64> {
    let messages: Vec<Message> = diesel::sql_query(
        "SELECT m.id, m.topic, m.state = 'pending' AS waits, m.body FROM webhook_message m
         WHERE m.tenant_id = $1
           AND (m.body ILIKE $2 OR (m.topic <> 'contact.deleted' AND m.body ILIKE ANY ($3)))
         ORDER BY m.id LIMIT $4 FOR UPDATE",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(containing(address))
    .bind::<Array<Text>, _>(ids(person))
    .bind::<BigInt, _>(CHUNK)
    .load(tx)
    .await?;
    let mut changed = 0;
    for message in messages {
        let mut body: Value = serde_json::from_str(&message.body).map_err(DomainError::internal)?;
        let events = body.get("data").and_then(Value::as_array);
        let left = events.and_then(|e| person.taken_out(&message.topic, message.waits, e));
        let Some(left) = left else { continue };
        changed += 1;
        let row = webhook_message::table.find((tenant, message.id));
        if left.is_empty() {
            diesel::delete(row).execute(tx).await?;
            continue;
        }
        let n = count(&left);
        body["data"] = Value::from(left);
        diesel::update(row)
            .set((
                webhook_message::body.eq(body.to_string()),
                webhook_message::event_count.eq(n),
            ))
            .execute(tx)
            .await?;
    }
    Ok(changed)
}

fn count(events: &[Value]) -> i32 {
    i32::try_from(events.len()).unwrap_or(i32::MAX)
}

/// What the other side answered may say the address again.
pub(super) async fn answers(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    address: &str,
) -> Result<usize> {
    let echoed = webhook_attempt::table
        .filter(webhook_attempt::tenant_id.eq(tenant))
        .filter(webhook_attempt::answer.ilike(containing(address)));
    Ok(diesel::update(echoed)
        .set(webhook_attempt::answer.eq(""))
        .execute(tx)
        .await?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_persons_events_go_and_that_they_are_gone_stays_without_the_address_until_it_is_told() {
        let id = Uuid::from_u128(7);
        let ids = [id];
        let person = Person::new(&ids, "Hanako@example.jp");
        let other = json!({"contact_id": Uuid::from_u128(8), "email": "taro@example.jp"});
        let earlier = json!({"contact_id": id, "email": "old@example.jp"});
        let linked = json!({"url": "https://example.jp/?m=HANAKO@example.jp"});
        let events = [other.clone(), earlier, linked];
        let left = person.taken_out("contact.updated", true, &events);
        assert_eq!(left, Some(vec![other.clone()]));
        assert_eq!(person.taken_out("contact.updated", true, &[other]), None);
        let gone = json!({"contact_id": id, "email": "hanako@example.jp", "at": 1});
        let told = json!({"contact_id": id, "email": "", "at": 1});
        let left = person.taken_out(DELETED, true, std::slice::from_ref(&gone));
        assert_eq!(left, Some(vec![told.clone()]));
        assert_eq!(person.taken_out(DELETED, true, &[told]), None, "once");
        assert_eq!(person.taken_out(DELETED, false, &[gone]), Some(vec![]));
    }
}
