//! The epoch fence of one mailer: it knows from the folder beside the database
//! when that was restored from an older backup, and from the database when a
//! restore was made known. Either way the campaigns of before are held.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::campaign::fence;
use domain::delivery::claim::Batch;
use domain::installation;

use crate::claim::Desk;
use crate::explain;
use crate::handover::Hands;

/// What one mailer has seen.
#[derive(Debug, Default)]
pub struct Fence {
    /// The epoch whose campaigns are known to be the only ones that run; 0 before the first look.
    epoch: AtomicI64,
    /// This mailer's last claim.
    claim: AtomicI64,
}

impl Fence {
    /// Begins a new epoch if the database is older than what is remembered of
    /// it, and holds campaigns of an older epoch.
    ///
    /// # Errors
    /// When the database or the folder does; it is tried again.
    pub async fn heed(&self, hands: &Hands) -> anyhow::Result<()> {
        if let Some(journal) = &hands.journal {
            let remembered = journal.high_water().read().unwrap_or_else(|error| {
                tracing::warn!(name: "fence.unreadable", %error, "a restore before now is not noticed");
                0
            });
            if installation::notice_restore(&hands.db, remembered)
                .await
                .map_err(explain)?
            {
                tracing::error!(
                    name: "installation.restored", remembered,
                    "the database is older than what this machine remembers of it: running campaigns are held"
                );
            }
        }
        let epoch = installation::facts(&hands.db).await.map_err(explain)?.epoch;
        if self.epoch.load(Ordering::Acquire) == epoch {
            return Ok(());
        }
        let held = fence::hold(&hands.db).await.map_err(explain)?;
        if held > 0 {
            tracing::warn!(name: "campaigns.held", held, epoch, "until a person resumes or stops them");
        }
        if let Some(journal) = &hands.journal {
            journal.set_epoch(epoch)?;
        }
        self.epoch.store(epoch, Ordering::Release);
        Ok(())
    }

    /// Remembers a claim before anything of it is handed over. One that is not
    /// after the one before was made in a restored database: nothing of it goes
    /// out, and the next [`Fence::heed`] holds its campaign.
    pub async fn pass(&self, hands: &Hands, desk: &Desk, batch: &Batch) {
        let before = self.claim.fetch_max(batch.serial, Ordering::AcqRel);
        if batch.serial <= before {
            desk.halt(batch.campaign_id);
            if let Err(error) = self.heed(hands).await {
                tracing::warn!(name: "fence.failed", error = format!("{error:#}"), "trying again");
            }
        } else if let Some(journal) = &hands.journal
            && let Err(error) = journal.high_water().remember(batch.serial)
        {
            tracing::warn!(name: "fence.not_remembered", %error, "a restore might not be noticed");
        }
    }
}
