//! What a check saw is written down: each state with the time since when, and
//! each change in the trace. Waiting keys that DNS has by now take over. When a
//! record that was right is right no more, the people who can mend it are told;
//! once, since the next check sees no change.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Map, Value, json};

use super::check::{Answers, Found};
use super::dkim::Checked;
use super::{DkimKey, Seen, SenderDomain, load_one, note, queries, watch, with_keys};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::Result;
use crate::ids::{DkimKeyId, SenderDomainId, TenantId};
use crate::schema::{dkim_key, sender_domain};
use crate::system_mail::{self, Kind};
use crate::{role, tenant};

/// People who are told.
const PEOPLE: i64 = 20;

/// A record whose state is another one than at the check before.
struct Change<'a> {
    /// As in [`super::DnsRecord`], or `host`.
    record: &'static str,
    /// Which key; none for other records.
    selector: Option<&'a str>,
    before: &'a str,
    after: &'a str,
    /// Mails depend on it: no key that waits, or signs no more.
    counts: bool,
}

impl Change<'_> {
    fn name(&self) -> String {
        match self.selector {
            Some(selector) => format!("{} {selector}", self.record),
            None => self.record.to_owned(),
        }
    }

    /// It was right, and is gone or another one.
    fn is_loss(&self) -> bool {
        let lost = [Checked::Missing, Checked::Differs].map(Checked::as_str);
        self.counts && self.before == Checked::Ok.as_str() && lost.contains(&self.after)
    }
}

/// Writes down what DNS answered for the domain as it was `asked` for.
pub(super) async fn note_answers(
    db: &Db,
    actor: &Actor,
    asked: &SenderDomain,
    answers: Answers,
) -> Result<SenderDomain> {
    let (tenant, id, now) = (actor.tenant_id, asked.id, db.now());
    db.tenant(tenant, async |tx| {
        let row = queries::lock(tx, tenant, id).await?;
        let before = with_keys(tx, tenant, row).await?;
        let seen = after(&before, asked, answers, now);
        write(tx, tenant, &seen, now).await?;
        watch::looked(tx, tenant, id, now).await?;
        let changes = changes(&before, &seen);
        if !changes.is_empty() {
            note_changes(tx, actor, &seen, &changes).await?;
            tell(tx, actor, &seen, &changes, now).await?;
        }
        take_over(tx, actor, seen, now).await
    })
    .await
}

/// The domain with the answers in it. What was made or named anew since it was
/// asked for is not known yet.
fn after(
    before: &SenderDomain,
    asked: &SenderDomain,
    answers: Answers,
    now: DateTime<Utc>,
) -> SenderDomain {
    let mut seen = before.clone();
    for (id, state) in answers.keys {
        if let Some(key) = seen.keys.iter_mut().find(|key| key.id == id) {
            put_key(key, state, now);
        }
    }
    put(&mut seen.spf, answers.spf, now);
    put(&mut seen.dmarc, answers.dmarc, now);
    put(&mut seen.host, answers.host, now);
    if before.return_path_label == asked.return_path_label {
        put(&mut seen.return_path, answers.return_path, now);
    }
    seen.checked_at = Some(now);
    seen
}

fn put(seen: &mut Seen, found: Found, now: DateTime<Utc>) {
    if seen.state != found.state.as_str() {
        found.state.as_str().clone_into(&mut seen.state);
        seen.since = Some(now);
    }
    seen.found = found.text;
}

fn put_key(key: &mut DkimKey, state: Checked, now: DateTime<Utc>) {
    if key.checked_state != state.as_str() {
        state.as_str().clone_into(&mut key.checked_state);
        key.checked_since = Some(now);
    }
    key.checked_at = Some(now);
}

fn changes<'a>(before: &'a SenderDomain, seen: &'a SenderDomain) -> Vec<Change<'a>> {
    let keys = before.keys.iter().filter_map(|key| {
        let after = seen.keys.iter().find(|after| after.id == key.id)?;
        Some(Change {
            record: "dkim",
            selector: Some(&key.selector),
            before: &key.checked_state,
            after: &after.checked_state,
            counts: key.active,
        })
    });
    let others = [
        ("spf", &before.spf, &seen.spf),
        ("dmarc", &before.dmarc, &seen.dmarc),
        ("return_path", &before.return_path, &seen.return_path),
        ("host", &before.host, &seen.host),
    ];
    let others = others.into_iter().map(|(record, before, after)| Change {
        record,
        selector: None,
        before: &before.state,
        after: &after.state,
        counts: true,
    });
    keys.chain(others)
        .filter(|change| change.before != change.after)
        .collect()
}

async fn write(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    seen: &SenderDomain,
    now: DateTime<Utc>,
) -> Result<()> {
    let asked = seen.keys.iter().filter(|key| key.checked_at == Some(now));
    for key in asked {
        diesel::update(dkim_key::table.find((tenant, key.id)))
            .set((
                dkim_key::checked_state.eq(&key.checked_state),
                dkim_key::checked_since.eq(key.checked_since),
                dkim_key::checked_at.eq(now),
            ))
            .execute(tx)
            .await?;
    }
    let SenderDomain {
        spf,
        dmarc,
        return_path,
        host,
        ..
    } = seen;
    diesel::update(sender_domain::table.find((tenant, seen.id)))
        .set((
            (
                sender_domain::spf_state.eq(&spf.state),
                sender_domain::spf_found.eq(&spf.found),
                sender_domain::spf_since.eq(spf.since),
            ),
            (
                sender_domain::dmarc_state.eq(&dmarc.state),
                sender_domain::dmarc_found.eq(&dmarc.found),
                sender_domain::dmarc_since.eq(dmarc.since),
            ),
            (
                sender_domain::return_path_state.eq(&return_path.state),
                sender_domain::return_path_found.eq(&return_path.found),
                sender_domain::return_path_since.eq(return_path.since),
            ),
            (
                sender_domain::host_state.eq(&host.state),
                sender_domain::host_found.eq(&host.found),
                sender_domain::host_since.eq(host.since),
            ),
            sender_domain::checked_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

async fn note_changes(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    seen: &SenderDomain,
    changes: &[Change<'_>],
) -> Result<()> {
    let states = |state: fn(&Change<'_>) -> String| {
        let states = changes
            .iter()
            .map(|change| (change.name(), Value::String(state(change))));
        let named = std::iter::once(("domain".to_owned(), json!(seen.domain)));
        Some(Value::Object(named.chain(states).collect::<Map<_, _>>()))
    };
    let entry = audit::Entry {
        action: "sender_domain.records_changed",
        subject_kind: "sender_domain",
        subject_id: Some(seen.id.0),
        before: states(|change| change.before.to_owned()),
        after: states(|change| change.after.to_owned()),
    };
    audit::record(tx, actor, entry).await
}

/// All but the one who asked, and has it before them.
async fn tell(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    seen: &SenderDomain,
    changes: &[Change<'_>],
    now: DateTime<Utc>,
) -> Result<()> {
    let mut lost: Vec<&str> = changes
        .iter()
        .filter(|change| change.is_loss())
        .map(|change| change.record)
        .collect();
    // The keys of a domain stand together, and are one thing to a reader.
    lost.dedup();
    if lost.is_empty() {
        return Ok(());
    }
    let tenant = actor.tenant_id;
    let zone = tenant::find(tx, tenant).await?.time_zone;
    let people = role::people_with(tx, tenant, Permission::SettingsWrite, PEOPLE).await?;
    for person in people {
        if actor.user_id == Some(person) {
            continue;
        }
        let params = json!({
            "at": now, "time_zone": zone, "domain": seen.domain, "records": lost,
        });
        system_mail::enqueue(tx, tenant, person, Kind::SenderDomainLost, params, now).await?;
    }
    Ok(())
}

/// Once all waiting keys are seen they sign, and those before them retire.
async fn take_over(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    seen: SenderDomain,
    now: DateTime<Utc>,
) -> Result<SenderDomain> {
    let (tenant, id): (TenantId, SenderDomainId) = (actor.tenant_id, seen.id);
    let waiting: Vec<&DkimKey> = seen.keys.iter().filter(|key| key.is_waiting()).collect();
    let all_seen = waiting
        .iter()
        .all(|key| key.checked_state == Checked::Ok.as_str());
    if waiting.is_empty() || !all_seen {
        return Ok(seen);
    }
    let ids: Vec<DkimKeyId> = waiting.iter().map(|key| key.id).collect();
    queries::retire_active(tx, tenant, id, now).await?;
    queries::activate(tx, tenant, &ids).await?;
    queries::touch(tx, tenant, id, now).await?;
    let after = load_one(tx, tenant, id).await?;
    let action = "sender_domain.keys_activated";
    note(tx, actor, action, Some(&seen), Some(&after)).await?;
    Ok(after)
}
