//! "Send again" for one mail: of a transactional mail, or of a sequence's step,
//! of which nobody knows whether it arrived, or that failed. A campaign is sent
//! again as a whole (`campaign::resend`), with the number of people confirmed.
//!
//! The same row goes into the queue of the same hidden campaign. Locks as
//! everywhere: campaign, queue row, delivery, counters.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::claim::LANE_FAST;
use super::counters;
use super::read::{self, DeliveryDetail, DeliveryState};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::campaign::control::{announce, epoch};
use crate::campaign::kind::Kind;
use crate::campaign::state::State;
use crate::campaign::{LANE_CAMPAIGN, enqueue};
use crate::contact::{ContactStatus, EmailAddress};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, ContactId, DeliveryId, TenantId};
use crate::schema::{campaign, contact, delivery, suppression};
use crate::tenant::usage;

/// The hidden campaign of a mail, locked.
struct Stream {
    id: CampaignId,
    kind: Kind,
    state: State,
    period: NaiveDate,
}

/// The mail, locked.
#[derive(Debug, Queryable)]
struct Mail {
    contact: ContactId,
    address: String,
    state: DeliveryState,
    bounce: Option<String>,
    attempted_at: Option<DateTime<Utc>>,
    accepted_at: Option<DateTime<Utc>>,
    opened_at: Option<DateTime<Utc>>,
    clicked_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
}

/// Sends one mail again.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] for a campaign's mail
/// (`campaigns_mail`), in another state, as after a first click (`wrong_state`), when it evidently arrived (`has_it`),
/// when the person gets no mail any more (`not_wanted`), when the values it was filled in with are gone (`values_gone`),
/// or when a backup was restored since (`restored`).
pub async fn resend(db: &Db, actor: &Actor, id: DeliveryId) -> Result<DeliveryDetail> {
    actor.require(Permission::CampaignsSend)?;
    // The answer shows the mail and whose it is, as reading it does.
    actor.require(Permission::CampaignsRead)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let found = read::load(tx, tenant, id).await?;
        let stream = lock_stream(tx, tenant, found.delivery.campaign_id).await?;
        usage::require_mails(tx, tenant, 1, now).await?;
        reopen(tx, tenant, &stream, now).await?;
        let mail = lock_mail(tx, tenant, &stream, id).await?;
        mail.may_go_again(&stream)?;
        require_wanted(tx, tenant, &mail).await?;
        queue(tx, tenant, &stream, (id, &mail), now).await?;
        announce(tx, tenant, stream.id).await?;
        let entry = audit::Entry {
            action: "delivery.resent",
            subject_kind: "delivery",
            subject_id: Some(id.0),
            before: Some(json!({ "name": found.campaign_name, "state": mail.state })),
            after: Some(json!({ "kind": stream.kind })),
        };
        audit::record(tx, actor, entry).await?;
        read::load(tx, tenant, id).await
    })
    .await
}

async fn lock_stream(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Stream> {
    let row: (Kind, State, Option<NaiveDate>, Option<i64>) = campaign::table
        .find((tenant, id))
        .select((
            campaign::kind,
            campaign::state,
            campaign::period,
            campaign::epoch,
        ))
        .for_no_key_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("delivery"))?;
    let (kind, state, period, of_epoch) = row;
    match (kind, state) {
        (Kind::Campaign | Kind::Test, _) => {
            return Err(DomainError::conflict(
                "campaigns_mail",
                "a campaign is sent again as a whole: POST /v1/campaigns/{id}/resend",
            ));
        }
        (Kind::Transactional | Kind::Sequence, State::Finished | State::Sending) => {}
        (Kind::Transactional | Kind::Sequence, _) => return Err(wrong_state(state.as_str())),
    }
    if of_epoch != Some(epoch(tx).await?) {
        return Err(DomainError::conflict(
            "restored",
            "a backup was restored since this mail was made: nobody here knows what went out after it. Make a new one",
        ));
    }
    let period = period.ok_or_else(|| DomainError::not_found("delivery"))?;
    Ok(Stream {
        id,
        kind,
        state,
        period,
    })
}

fn wrong_state(state: &str) -> DomainError {
    DomainError::conflict(
        "wrong_state",
        format!("what is {state} cannot be sent again"),
    )
}

/// It ended when nothing waited in it.
async fn reopen(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    stream: &Stream,
    now: DateTime<Utc>,
) -> Result<()> {
    if stream.state == State::Finished {
        diesel::update(campaign::table.find((tenant, stream.id)))
            .set((
                campaign::state.eq(State::Sending),
                campaign::finished_at.eq(None::<DateTime<Utc>>),
                campaign::updated_at.eq(now),
            ))
            .execute(tx)
            .await?;
    }
    let lane = match stream.kind {
        Kind::Transactional => LANE_FAST,
        Kind::Campaign | Kind::Test | Kind::Sequence => LANE_CAMPAIGN,
    };
    enqueue(tx, tenant, stream.id, lane, State::Sending, now).await
}

async fn lock_mail(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    stream: &Stream,
    id: DeliveryId,
) -> Result<Mail> {
    delivery::table
        .find((tenant, stream.period, id))
        // Of somebody who was erased nothing is left to send to.
        .filter(delivery::address.ne(""))
        .select((
            delivery::contact_id,
            delivery::address,
            delivery::state,
            delivery::bounce,
            delivery::attempted_at,
            delivery::accepted_at,
            delivery::opened_at,
            delivery::clicked_at,
            delivery::cancelled_at,
        ))
        .for_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("delivery"))
}

impl Mail {
    fn may_go_again(&self, stream: &Stream) -> Result<()> {
        if !matches!(self.state, DeliveryState::Unknown | DeliveryState::Failed) {
            return Err(wrong_state(self.state.as_str()));
        }
        if self.opened_at.or(self.clicked_at).is_some() {
            return Err(DomainError::conflict(
                "has_it",
                "it was opened, and so it has arrived",
            ));
        }
        if self.cancelled_at.is_some() {
            return Err(not_wanted());
        }
        // What a call gave is erased when its mail is accepted.
        if stream.kind == Kind::Transactional && self.accepted_at.is_some() {
            return Err(DomainError::conflict(
                "values_gone",
                "it was accepted before it came back, and the values it was filled in with are erased then: make the call again",
            ));
        }
        Ok(())
    }
}

fn not_wanted() -> DomainError {
    DomainError::conflict(
        "not_wanted",
        "the person is stopped or has left, or the address is on the block-list",
    )
}

/// As the claim will judge once more; here, so that the mail keeps its state and whoever asked hears why.
async fn require_wanted(tx: &mut AsyncPgConnection, tenant: TenantId, mail: &Mail) -> Result<()> {
    let status: Option<ContactStatus> = contact::table
        .find((tenant, mail.contact))
        .select(contact::status)
        .first(tx)
        .await
        .optional()?;
    let key = EmailAddress::parse(&mail.address).map_or_else(
        |_| mail.address.to_lowercase(),
        |address| address.key().to_owned(),
    );
    let domain = key.rsplit('@').next().unwrap_or_default();
    let is_stopped = status.is_some_and(|status| status != ContactStatus::Active);
    if is_stopped
        || is_blocked(tx, tenant, "address", &key).await?
        || is_blocked(tx, tenant, "domain", domain).await?
    {
        return Err(not_wanted());
    }
    Ok(())
}

async fn is_blocked(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    kind: &str,
    value: &str,
) -> Result<bool> {
    let found = suppression::table.filter(
        suppression::tenant_id
            .eq(tenant)
            .and(suppression::kind.eq(kind))
            .and(suppression::value.eq(value)),
    );
    Ok(diesel::select(diesel::dsl::exists(found))
        .get_result(tx)
        .await?)
}

/// Attempts begin anew, and a bounce was the attempt's before.
async fn queue(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    stream: &Stream,
    (id, mail): (DeliveryId, &Mail),
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(delivery::table.find((tenant, stream.period, id)))
        .set((
            delivery::state.eq(DeliveryState::Queued),
            delivery::reason.eq(None::<String>),
            delivery::due_at.eq(now),
            delivery::attempts.eq(0_i16),
            delivery::accepted_at.eq(None::<DateTime<Utc>>),
            delivery::attempted_at.eq(mail.attempted_at.unwrap_or(now)),
            delivery::bounce.eq(None::<String>),
            delivery::bounced_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx)
        .await?;
    let mut deltas = vec![(mail.state.as_str(), -1), ("queued", 1)];
    match mail.bounce.as_deref() {
        Some("hard") => deltas.push(("bounced_hard", -1)),
        Some(_) => deltas.push(("bounced_soft", -1)),
        None => {}
    }
    counters::add(tx, tenant, stream.id, &deltas).await
}
