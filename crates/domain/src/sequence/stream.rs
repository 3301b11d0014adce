//! The hidden campaigns under which a step's mails stand: one for each version
//! of its mail, month and epoch, as with transactional mails. Mailers compile
//! its content once; reports, opens, clicks and bounces are those of campaigns.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Row, StepRow};
use crate::campaign::audience::Audience;
use crate::campaign::control::{announce, epoch, period};
use crate::campaign::kind::Kind;
use crate::campaign::preflight::Outgoing;
use crate::campaign::state::State;
use crate::campaign::{LANE_CAMPAIGN, enqueue, insert_links};
use crate::delivery::queue;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, SequenceId, TenantId};
use crate::schema::campaign;

/// Locked, until the transaction ends.
pub(super) struct Stream {
    pub(super) id: CampaignId,
    pub(super) period: NaiveDate,
}

/// Finds or makes the stream of a step's mail as it is saved now.
pub(super) async fn open(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: &Row,
    step: &StepRow,
    outgoing: &Outgoing,
    now: DateTime<Utc>,
) -> Result<Stream> {
    let (epoch, period) = (epoch(tx).await?, period(now));
    let key = (step, outgoing.mail_number, period, epoch);
    if let Some(id) = lock(tx, tenant, key).await? {
        return Ok(Stream { id, period });
    }
    let id = CampaignId::new();
    let audience = if sequence.leave_with_list {
        Audience {
            list_ids: sequence.list_id.into_iter().collect(),
            ..Audience::default()
        }
    } else {
        Audience {
            all: true,
            ..Audience::default()
        }
    };
    diesel::insert_into(campaign::table)
        .values((
            campaign::tenant_id.eq(tenant),
            campaign::id.eq(id),
            campaign::kind.eq(Kind::Sequence),
            campaign::name.eq(&sequence.name),
            campaign::mail_id.eq(step.mail_id),
            campaign::mail_number.eq(outgoing.mail_number),
            campaign::audience.eq(serde_json::to_value(audience).map_err(DomainError::internal)?),
            campaign::time_zone.eq(&sequence.time_zone),
            // It begins to send with the first mail that waits.
            campaign::state.eq(State::Finished),
            campaign::period.eq(period),
            campaign::epoch.eq(epoch),
            campaign::prepared_at.eq(now),
            campaign::started_at.eq(now),
            campaign::finished_at.eq(now),
            campaign::created_at.eq(now),
            campaign::updated_at.eq(now),
            campaign::sequence_id.eq(sequence.id),
            campaign::sequence_step_id.eq(step.id),
            campaign::cap_exempt.eq(sequence.cap_exempt),
        ))
        .execute(tx)
        .await?;
    insert_links(tx, tenant, id, &outgoing.links).await?;
    Ok(Stream { id, period })
}

async fn lock(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    (step, number, period, epoch): (&StepRow, i32, NaiveDate, i64),
) -> Result<Option<CampaignId>> {
    Ok(campaign::table
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::sequence_id.eq(step.sequence_id))
                .and(campaign::sequence_step_id.eq(step.id))
                .and(campaign::mail_id.eq(step.mail_id))
                .and(campaign::mail_number.eq(number))
                .and(campaign::period.eq(period))
                .and(campaign::epoch.eq(epoch)),
        )
        // Literal, so that the partial index applies whatever plan is kept.
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(
            "campaign.kind = 'sequence'",
        ))
        .select(campaign::id)
        .for_no_key_update()
        .first(tx)
        .await
        .optional()?)
}

/// Lets a locked stream send what is about to be put into it. What it must not
/// send any more (another choice of people) is said anew each time.
pub(super) async fn begin(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    stream: &Stream,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(campaign::table.find((tenant, stream.id)))
        .set((
            campaign::state.eq(State::Sending),
            campaign::finished_at.eq(None::<DateTime<Utc>>),
            campaign::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    enqueue(tx, tenant, stream.id, LANE_CAMPAIGN, State::Sending, now).await?;
    announce(tx, tenant, stream.id).await
}

/// Moves all streams of a sequence that are under way to another state:
/// paused, sending again, or stopped for good (the rest is skipped by
/// `campaign::sweep`).
pub(super) async fn set_all(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: SequenceId,
    state: State,
    now: DateTime<Utc>,
) -> Result<()> {
    let open: Vec<CampaignId> = campaign::table
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::sequence_id.eq(sequence))
                .and(campaign::state.eq_any([State::Sending, State::Paused])),
        )
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(
            "campaign.kind = 'sequence'",
        ))
        .order(campaign::id)
        .select(campaign::id)
        .for_no_key_update()
        .load(tx)
        .await?;
    // A person who lets it go on says yes to that after a restore, too.
    let epoch = epoch(tx).await?;
    for id in open {
        diesel::update(campaign::table.find((tenant, id)))
            .set((
                campaign::state.eq(state),
                (state == State::Sending).then_some(campaign::epoch.eq(epoch)),
                (state == State::Stopped).then_some(campaign::finished_at.eq(now)),
                campaign::updated_at.eq(now),
            ))
            .execute(tx)
            .await?;
        enqueue(tx, tenant, id, LANE_CAMPAIGN, state, now).await?;
        if state != State::Stopped {
            queue::settle(tx, tenant, id, now).await?;
        }
        announce(tx, tenant, id).await?;
    }
    Ok(())
}
