//! Bounces and complaints: what a report that came back does to the delivery
//! that its return path names, and to the person.
//!
//! An attempt bounces once and a delivery is complained of once, so that a report
//! that comes twice (sent again, or replayed by somebody) changes nothing; only a
//! hard bounce after a soft one still counts, as the graver word. What stops a
//! contact stands in docs/decisions/0011. Mails that are refused for good while
//! they are handed over bounce too ([`refused`]).

mod effect;
pub mod reason;
pub(crate) mod refused;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::campaign::complaints;
use crate::db::Db;
use crate::delivery::read::DeliveryState;
use crate::delivery::return_path::ReturnPath;
use crate::error::Result;
use crate::ids::{CampaignId, ContactId};
use crate::schema::{campaign, delivery};

pub use reason::{BounceKind, BounceReason, Status};

/// What a report says of one delivery.
#[derive(Debug, Clone)]
pub struct Report {
    /// Somebody complained of the mail.
    pub complaint: bool,
    /// It says that the mail arrived.
    pub delivered: bool,
    pub kind: BounceKind,
    pub reason: BounceReason,
    pub status: Option<Status>,
    /// Whom it names; a forwarded mail bounces at another address.
    pub address: Option<String>,
    /// What the other side said; hostile input, cut.
    pub text: String,
}

/// What taking a report has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Counted,
    /// It had been counted before.
    Again,
    /// There was nothing in it to count.
    Nothing,
    /// There is no such delivery any more.
    Gone,
    /// The mail is in a mailer's hands: the report came before the record of
    /// what it speaks of. To be asked again.
    NotYet,
}

/// The delivery, locked.
#[derive(Debug)]
struct Mail {
    path: ReturnPath,
    campaign: CampaignId,
    contact: ContactId,
    /// That it was sent to.
    address: String,
    state: DeliveryState,
    bounce: Option<String>,
    bounced_at: Option<DateTime<Utc>>,
    /// When the last attempt ended.
    attempted_at: Option<DateTime<Utc>>,
    is_complained: bool,
}

impl Mail {
    /// Whether the bounce that stands was of an attempt before the last one.
    fn bounced_before(&self) -> bool {
        self.bounced_at
            .zip(self.attempted_at)
            .is_some_and(|(bounced, attempted)| bounced < attempted)
    }
}

/// Takes a report that came to a return path of ours.
///
/// # Errors
/// When the database does; the report has to come again.
pub async fn take(db: &Db, path: ReturnPath, report: &Report) -> Result<Effect> {
    if !report.complaint && !report.delivered && report.kind == BounceKind::None {
        return Ok(Effect::Nothing);
    }
    let effect = write(db, path, report).await?;
    // Again too: the first time may have ended between the two.
    if report.complaint && matches!(effect, Effect::Counted | Effect::Again) {
        complaints::watch(db, path.tenant).await?;
    }
    Ok(effect)
}

async fn write(db: &Db, path: ReturnPath, report: &Report) -> Result<Effect> {
    let now = db.now();
    db.tenant(path.tenant, async |tx| {
        let Some(mail) = lock(tx, path).await? else {
            return Ok(Effect::Gone);
        };
        match mail.state {
            DeliveryState::Claimed => return Ok(Effect::NotYet),
            // Never sent: nothing can have come back.
            DeliveryState::Queued | DeliveryState::Skipped if mail.attempted_at.is_none() => {
                return Ok(Effect::Nothing);
            }
            // Queued by "send again", and maybe left out since: it speaks of the attempt before.
            DeliveryState::Queued
            | DeliveryState::Skipped
            | DeliveryState::Accepted
            | DeliveryState::Deferred
            | DeliveryState::Failed
            | DeliveryState::Unknown => {}
        }
        if is_test(tx, &mail).await? {
            return Ok(Effect::Nothing);
        }
        if report.complaint {
            return effect::complain(tx, &mail, report, now).await;
        }
        if report.delivered {
            effect::clear(tx, &mail).await?;
            return Ok(Effect::Nothing);
        }
        effect::bounce(tx, &mail, report, now).await
    })
    .await
}

type Row = (
    CampaignId,
    ContactId,
    String,
    DeliveryState,
    Option<String>,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
);

/// The lock lets the second of two reports see what the first has done.
async fn lock(tx: &mut AsyncPgConnection, path: ReturnPath) -> Result<Option<Mail>> {
    let row: Option<Row> = delivery::table
        .find((path.tenant, path.period, path.delivery))
        // Somebody who was erased: nothing is to be learnt of them any more.
        .filter(delivery::address.ne(""))
        .select((
            delivery::campaign_id,
            delivery::contact_id,
            delivery::address,
            delivery::state,
            delivery::bounce,
            delivery::bounced_at,
            delivery::attempted_at,
            delivery::complained_at,
        ))
        .for_update()
        .first(tx)
        .await
        .optional()?;
    Ok(row.map(
        |(campaign, contact, address, state, bounce, bounced_at, attempted_at, complained_at)| {
            Mail {
                path,
                campaign,
                contact,
                address,
                state,
                bounce,
                bounced_at,
                attempted_at,
                is_complained: complained_at.is_some(),
            }
        },
    ))
}

async fn is_test(tx: &mut AsyncPgConnection, mail: &Mail) -> Result<bool> {
    let kind: Option<String> = campaign::table
        .find((mail.path.tenant, mail.campaign))
        .select(campaign::kind)
        .first(tx)
        .await
        .optional()?;
    Ok(kind.is_none_or(|kind| kind == "test"))
}
