//! The epoch fence: what ran when the database was restored from a backup is
//! held, since nobody here knows what of it went out after that backup. A
//! person looks, and resumes or stops.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::control::{self, is_of_another_epoch};
use super::queries;
use super::state::Step;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, TenantId};
use crate::schema::send_queue;

/// `campaign.state_reason` of what is held.
pub const RESTORED: &str = "restored";

/// Pauses the campaigns that ran in an older epoch; answers how many.
///
/// # Errors
/// When the database does.
pub async fn hold(db: &Db) -> Result<usize> {
    let running: Vec<(TenantId, CampaignId)> = db
        .system(async |tx| {
            Ok(send_queue::table
                .filter(send_queue::state.eq_any(["preparing", "sending"]))
                .select((send_queue::tenant_id, send_queue::campaign_id))
                .load(tx)
                .await?)
        })
        .await?;
    let mut held = 0;
    for (tenant, id) in running {
        held += usize::from(hold_one(db, tenant, id).await?);
    }
    Ok(held)
}

async fn hold_one(db: &Db, tenant: TenantId, id: CampaignId) -> Result<bool> {
    let now = db.now();
    db.tenant(tenant, async |tx| {
        let before = match queries::lock(tx, tenant, id).await {
            // A test send, a transactional mail: the claim refuses them.
            Err(DomainError::NotFound { .. }) => return Ok(false),
            found => found?,
        };
        // Meanwhile a person did something, or another mailer was faster.
        if before.state.after(Step::Pause, true).is_err()
            || !is_of_another_epoch(tx, tenant, id).await?
        {
            return Ok(false);
        }
        control::hold(tx, tenant, &before, RESTORED, now).await?;
        Ok(true)
    })
    .await
}
