//! Takes a person out of what webhooks were told, and are still to be told, in
//! bounded steps. One event stays where its webhook has not heard it yet: that
//! the contact is gone, by its id alone, since the other side is to forget it too.

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::scrub::containing;
use crate::error::{DomainError, Result};
use crate::ids::{TenantId, WebhookMessageId};
use crate::schema::{outbox, outbox_queue, webhook_attempt, webhook_message};
use crate::webhook::State;

/// Rows of a step: each has up to 256 kB.
const CHUNK: usize = 50;
const DELETED: &str = "contact.deleted";

/// How far it came. The outbox first: what it gives away meanwhile is a message
/// by the time that the messages are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Place {
    /// After this position.
    Outbox(i64),
    /// After this id.
    Messages(WebhookMessageId),
    Over,
}

impl Default for Place {
    fn default() -> Self {
        Self::Outbox(0)
    }
}

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

    /// Whether the address stands there for itself: `antaro@example.jp` and
    /// `taro@example.jp.example` are somebody else's.
    fn is_named_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        text.match_indices(&self.address).any(|(at, address)| {
            let before = text[..at].chars().next_back();
            let mut after = text[at + address.len()..].chars();
            let (next, second) = (after.next(), after.next());
            let is_longer = before.is_some_and(|c| c.is_alphanumeric() || "._+-".contains(c))
                || next.is_some_and(|c| c.is_alphanumeric() || c == '-')
                || (next == Some('.') && second.is_some_and(char::is_alphanumeric));
            !is_longer
        })
    }

    /// Patterns of a text that may speak of the person.
    fn patterns(&self, address: &str) -> Vec<String> {
        let ids = self.ids.iter().map(|id| format!("%{id}%"));
        ids.chain([containing(address)]).collect()
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
struct Fact {
    #[diesel(sql_type = BigInt)]
    position: i64,
}

#[derive(QueryableByName)]
struct Message {
    #[diesel(sql_type = SqlUuid)]
    id: WebhookMessageId,
}

/// Takes the person out of the next rows; answers how many changed, and where
/// to go on.
pub(super) async fn forget(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    people: &[Uuid],
    address: &str,
    at: Place,
) -> Result<(i64, Place)> {
    let person = Person::new(people, address);
    let patterns = person.patterns(address);
    match at {
        Place::Outbox(after) => {
            let facts = facts_naming(tx, tenant, &patterns, after).await?;
            let changed = out_of_facts(tx, tenant, &person, &facts).await?;
            let more = facts.last().filter(|_| facts.len() == CHUNK);
            let start = Place::Messages(WebhookMessageId(Uuid::nil()));
            Ok((changed, more.map_or(start, |last| Place::Outbox(*last))))
        }
        Place::Messages(after) => {
            let messages = messages_naming(tx, tenant, &patterns, after).await?;
            let changed = out_of_messages(tx, tenant, &person, &messages).await?;
            let more = messages.last().filter(|_| messages.len() == CHUNK);
            let next = more.map_or(Place::Over, |last| Place::Messages(*last));
            Ok((changed, next))
        }
        Place::Over => Ok((0, at)),
    }
}

/// Not locked yet: what is given away at this moment counts here too, or a step
/// that waited for it would look like the last.
#[expect(
    clippy::disallowed_methods,
    reason = "ILIKE ANY over text of JSON; every value is bound"
)]
async fn facts_naming(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    patterns: &[String],
    after: i64,
) -> Result<Vec<i64>> {
    let facts: Vec<Fact> = diesel::sql_query(
        "SELECT position FROM outbox
         WHERE tenant_id = $1 AND position > $2 AND items::text ILIKE ANY ($3) ORDER BY position LIMIT $4",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<BigInt, _>(after)
    .bind::<Array<Text>, _>(patterns)
    .bind::<BigInt, _>(i64::try_from(CHUNK).unwrap_or(i64::MAX))
    .load(tx)
    .await?;
    Ok(facts.into_iter().map(|fact| fact.position).collect())
}

async fn out_of_facts(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    person: &Person<'_>,
    positions: &[i64],
) -> Result<i64> {
    let held: Vec<i64> = outbox_queue::table
        .filter(outbox_queue::tenant_id.eq(tenant))
        .filter(outbox_queue::position.eq_any(positions))
        .order(outbox_queue::position)
        .select(outbox_queue::position)
        .for_update()
        .load(tx)
        .await?;
    let facts: Vec<(i64, String, Value)> = outbox::table
        .filter(outbox::tenant_id.eq(tenant))
        .filter(outbox::position.eq_any(held))
        .select((outbox::position, outbox::topic, outbox::items))
        .load(tx)
        .await?;
    let mut changed = 0;
    for (position, topic, items) in facts {
        let events = items.as_array().map_or(&[][..], Vec::as_slice);
        let Some(left) = person.taken_out(&topic, true, events) else {
            continue;
        };
        changed += 1;
        let row = outbox::table.find((tenant, position));
        if left.is_empty() {
            diesel::delete(outbox_queue::table.find((tenant, position)))
                .execute(tx)
                .await?;
            diesel::delete(row).execute(tx).await?;
            continue;
        }
        let n = count(&left);
        diesel::update(row)
            .set((
                outbox::items.eq(Value::from(left)),
                outbox::item_count.eq(n),
            ))
            .execute(tx)
            .await?;
    }
    Ok(changed)
}

#[expect(clippy::disallowed_methods, reason = "ILIKE ANY; every value is bound")]
async fn messages_naming(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    patterns: &[String],
    after: WebhookMessageId,
) -> Result<Vec<WebhookMessageId>> {
    let messages: Vec<Message> = diesel::sql_query(
        "SELECT id FROM webhook_message
         WHERE tenant_id = $1 AND id > $2 AND body ILIKE ANY ($3) ORDER BY id LIMIT $4",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(after)
    .bind::<Array<Text>, _>(patterns)
    .bind::<BigInt, _>(i64::try_from(CHUNK).unwrap_or(i64::MAX))
    .load(tx)
    .await?;
    Ok(messages.into_iter().map(|message| message.id).collect())
}

async fn out_of_messages(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    person: &Person<'_>,
    ids: &[WebhookMessageId],
) -> Result<i64> {
    let messages: Vec<(WebhookMessageId, String, State, String)> = webhook_message::table
        .filter(webhook_message::tenant_id.eq(tenant))
        .filter(webhook_message::id.eq_any(ids))
        .order(webhook_message::id)
        .select((
            webhook_message::id,
            webhook_message::topic,
            webhook_message::state,
            webhook_message::body,
        ))
        .for_update()
        .load(tx)
        .await?;
    let mut changed = 0;
    for (id, topic, state, body) in messages {
        let mut body: Value = serde_json::from_str(&body).map_err(DomainError::internal)?;
        let events = body.get("data").and_then(Value::as_array);
        let left = events.and_then(|e| person.taken_out(&topic, state == State::Pending, e));
        let Some(left) = left else { continue };
        changed += 1;
        let row = webhook_message::table.find((tenant, id));
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
    fn an_address_is_a_whole_word() {
        let person = Person::new(&[], "Taro@example.jp");
        for text in [
            "taro@example.jp",
            "?m=TARO@example.jp&x",
            "a,taro@example.jp.",
            "\"taro@example.jp\"",
            "antaro@example.jp or <taro@example.jp>",
        ] {
            assert!(person.is_named_in(text), "{text}");
        }
        for text in [
            "antaro@example.jp",
            "an.taro@example.jp",
            "an+taro@example.jp",
            "次taro@example.jp",
            "taro@example.jp.example",
            "taro@example.jpn",
            "taro@example.jp-x.example",
        ] {
            assert!(!person.is_named_in(text), "{text}");
        }
    }

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
