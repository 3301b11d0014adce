//! The job of an erasure, in bounded steps that can be cut at any place: each
//! looks at what is still there, so that a step that comes twice finds nothing.
//!
//! 1. find whose deliveries and consents name the address;
//! 2. leave out the mails that wait, and come back while a mailer has one in hand;
//! 3. take the person out of deliveries, events, and what webhooks are told;
//! 4. erase the small things and what the trace says of the person, and the consent ledger if its time is over;
//! 5. write the certificate, or wait for the ledger.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::look::{self, Place};
use super::queries;
use super::scrub::{self, Waiting};
use super::{Certificate, Counts, Erasure, Params, State, ledger_until, told};
use crate::actor::Actor;
use crate::audit;
use crate::db::Db;
use crate::delivery::{counters, queue};
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, ErasureId, TenantId};
use crate::job::run::{Outcome, Run, Turn};
use crate::schema::campaign;
use crate::signal::{self, Signal};

/// After this it is looked again whether a mailer is done with a mail.
const IN_HAND: TimeDelta = TimeDelta::seconds(20);

/// How far the job came.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Checkpoint {
    /// Where the look through the deliveries goes on; `None` before it began.
    place: Option<Place>,
    found_all: bool,
    #[serde(default)]
    told: told::Place,
}

/// What a step says.
enum Step {
    Again,
    InHand,
    Done,
}

/// The job.
///
/// # Errors
/// When the database does.
pub(crate) async fn run(run: &Run) -> Result<Outcome> {
    let params: Params =
        serde_json::from_value(run.job.params.clone()).map_err(DomainError::internal)?;
    let id = ErasureId(params.erasure);
    let mut at: Checkpoint = match &run.job.checkpoint {
        Some(json) => serde_json::from_value(json.clone()).map_err(DomainError::internal)?,
        None => Checkpoint::default(),
    };
    let mut steps = run.job.progress_done;
    loop {
        // What has begun can't be called off: half of it would help nobody.
        match run.turn().await? {
            Turn::GoOn | Turn::Cancelled => {}
            Turn::Ending => return Ok(Outcome::Yielded),
        }
        match step(run, id, &mut at, steps).await? {
            Step::Again => steps += 1,
            Step::InHand => return Ok(Outcome::Later(IN_HAND)),
            Step::Done => return Ok(Outcome::Succeeded(json!({ "erasure_id": id }))),
        }
    }
}

async fn step(run: &Run, id: ErasureId, at: &mut Checkpoint, steps: i64) -> Result<Step> {
    let (tenant, now) = (run.tenant, run.db.now());
    let before = at.clone();
    let (step, next) = run
        .db
        .tenant(tenant, async |tx| {
            let row = queries::find(tx, tenant, id).await?;
            let mut at = before.clone();
            let step = if row.state == State::Running {
                advance(tx, tenant, &row, &mut at, now).await?
            } else {
                Step::Done
            };
            let checkpoint = serde_json::to_value(&at).map_err(DomainError::internal)?;
            run.save(tx, steps + 1, None, Some(checkpoint)).await?;
            Ok((step, at))
        })
        .await?;
    *at = next;
    Ok(step)
}

async fn advance(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &Erasure,
    at: &mut Checkpoint,
    now: DateTime<Utc>,
) -> Result<Step> {
    let (Some(address), Some(salt)) = (row.address.as_deref(), row.salt) else {
        return Err(DomainError::internal("an erasure without its address"));
    };
    if !at.found_all {
        find(tx, tenant, row, address, at).await?;
        return Ok(Step::Again);
    }
    let people = row.people();
    let waiting = scrub::waiting(tx, tenant, &people, &["queued", "deferred"]).await?;
    if let [first, ..] = waiting.as_slice() {
        leave_out(tx, tenant, &waiting, first.campaign_id, now).await?;
        return Ok(Step::Again);
    }
    if !scrub::waiting(tx, tenant, &people, &["claimed"])
        .await?
        .is_empty()
    {
        return Ok(Step::InHand);
    }
    let mut counts = row.counts()?;
    let (deliveries, last) = scrub::deliveries(tx, tenant, &people, salt).await?;
    let events = scrub::events(tx, tenant, &people, salt).await?;
    *counts.entry("delivery".to_owned()).or_default() += deliveries;
    *counts.entry("event".to_owned()).or_default() += events;
    let until = row.ledger_until.max(ledger_until(last));
    // What webhooks are told last: by then nothing more is said of the person.
    let more = deliveries + events > 0;
    if !more {
        let (told, next) = told::forget(tx, tenant, &people, address, at.told).await?;
        *counts.entry("webhook_message".to_owned()).or_default() += told;
        at.told = next;
    }
    if more || at.told != told::Place::Over {
        queries::save(tx, tenant, row.id, &counts, until).await?;
        return Ok(Step::Again);
    }
    scrub::rest(tx, tenant, row, address, &mut counts).await?;
    scrub::audit_details(tx, row.id, &mut counts).await?;
    queries::save(tx, tenant, row.id, &counts, until).await?;
    if until.is_some_and(|until| until > now) {
        queries::wait(tx, tenant, row.id).await?;
    } else {
        finish(tx, tenant, row.id, counts, now).await?;
    }
    Ok(Step::Done)
}

/// The next stretch of deliveries; the ledger with the first one.
async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &Erasure,
    address: &str,
    at: &mut Checkpoint,
) -> Result<()> {
    let mut people = row.people();
    if at.place.is_none() {
        people.extend(look::people_of_ledger(tx, tenant, address).await?);
    }
    let from = at.place.unwrap_or(Place::START);
    let (more, next) = look::people_behind(tx, tenant, address, from).await?;
    people.extend(more);
    people.sort_unstable();
    people.dedup();
    queries::add_people(tx, tenant, row.id, &people).await?;
    at.found_all = next.is_none();
    at.place = next.or(at.place);
    Ok(())
}

/// Leaves out those of the waiting mails that belong to a campaign.
async fn leave_out(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    waiting: &[Waiting],
    id: CampaignId,
    now: DateTime<Utc>,
) -> Result<()> {
    campaign::table
        .find((tenant, id))
        .select(campaign::id)
        .for_no_key_update()
        .first::<CampaignId>(tx)
        .await?;
    queue::due_by(tx, tenant, id, DateTime::<Utc>::MAX_UTC).await?;
    let mut deltas = BTreeMap::new();
    for mail in waiting.iter().filter(|mail| mail.campaign_id == id) {
        if scrub::leave_out(tx, tenant, mail).await? {
            *deltas.entry(mail.state.as_str()).or_default() -= 1;
            *deltas.entry("skipped").or_default() += 1;
        }
    }
    // After the mails, as everywhere (see delivery::queue).
    let deltas: Vec<(&str, i64)> = deltas.into_iter().collect();
    counters::add(tx, tenant, id, &deltas).await?;
    queue::settle(tx, tenant, id, now).await?;
    signal::publish(tx, Signal::Campaign { tenant, id }).await
}

async fn finish(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ErasureId,
    mut counts: Counts,
    now: DateTime<Utc>,
) -> Result<()> {
    let consents = scrub::consents(tx, id).await?;
    // What was searched for while the ledger waited.
    scrub::audit_details(tx, id, &mut counts).await?;
    counts.insert("consent".to_owned(), consents);
    let row = queries::find(tx, tenant, id).await?;
    let certificate = Certificate::of(tx, tenant, &row, &counts, now).await?;
    let json = serde_json::to_value(&certificate).map_err(DomainError::internal)?;
    queries::done(tx, tenant, id, &counts, &json, now).await?;
    let entry = audit::Entry {
        action: "contact.erased",
        subject_kind: "erasure",
        subject_id: Some(id.0),
        after: Some(json!({ "counts": counts })),
        ..audit::Entry::default()
    };
    audit::record(tx, &Actor::system(tenant), entry).await
}

/// Ends the erasures that waited for the ledger's time.
///
/// # Errors
/// When the database does.
pub(crate) async fn finish_due(db: &Db, tenant: TenantId, now: DateTime<Utc>) -> Result<()> {
    let due = db
        .tenant(tenant, async |tx| queries::due(tx, tenant, now).await)
        .await?;
    for id in due {
        db.tenant(tenant, async |tx| {
            let row = queries::find(tx, tenant, id).await?;
            // Another process sweeps at this moment.
            if row.state != State::Waiting {
                return Ok(());
            }
            finish(tx, tenant, id, row.counts()?, now).await
        })
        .await?;
    }
    Ok(())
}
