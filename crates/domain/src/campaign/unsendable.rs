//! What goes out and can't: its only route was turned off meanwhile, or no mail
//! can be made of it any more. Mailers would try for ever and nobody would know;
//! so it is paused and says why, and whoever mended it resumes it.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::kind::Kind;
use super::state::Step;
use super::{control, queries};
use crate::db::Db;
use crate::error::Result;
use crate::ids::{CampaignId, SequenceId, TenantId};
use crate::schema::campaign;
use crate::sequence;
use crate::text_enum::text_enum;

text_enum! {
    /// `state_reason` of what is held.
    pub enum Why {
        /// No route of it is turned on.
        NoRoute = "no_route",
        /// Its mail, its sender or a key does not make mails.
        NotComposable = "not_composable",
    }
}

/// Pauses what people steer: the campaign, also the day of a date mail, or the
/// sequence that the step belongs to. False: nobody steers it (a test send,
/// transactional mails), so that its mails have to say it themselves.
///
/// # Errors
/// When the database does.
pub async fn hold(db: &Db, tenant: TenantId, id: CampaignId, why: Why) -> Result<bool> {
    let now = db.now();
    db.tenant(tenant, async |tx| {
        match find(tx, tenant, id).await? {
            // Deleted meanwhile.
            None => Ok(true),
            Some((Kind::Campaign, _)) => {
                let before = queries::lock(tx, tenant, id).await?;
                // Otherwise a person paused or stopped it meanwhile.
                if before.state.after(Step::Pause, true).is_ok() {
                    control::hold(tx, tenant, &before, why.as_str(), now).await?;
                }
                Ok(true)
            }
            Some((Kind::Sequence, Some(sequence))) => {
                sequence::steer::hold_back(tx, tenant, sequence, why.as_str(), now).await?;
                Ok(true)
            }
            Some((Kind::Sequence | Kind::Test | Kind::Transactional, _)) => Ok(false),
        }
    })
    .await
}

async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Option<(Kind, Option<SequenceId>)>> {
    Ok(campaign::table
        .find((tenant, id))
        .select((campaign::kind, campaign::sequence_id))
        .first(tx)
        .await
        .optional()?)
}
