//! A campaign in work, as it was loaded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use domain::campaign::hours::Hours;
use domain::delivery::claim::Claimed;
use domain::ids::{CampaignId, TenantId};
use tokio::sync::watch;

use crate::compose::Letterhead;
use crate::smtp::choice::Routes;

/// How long a campaign's content, keys and route are used before they are
/// looked up again.
pub(super) const FRESH: Duration = Duration::from_secs(30);
/// A campaign in work.
pub struct Work {
    pub tenant: TenantId,
    pub campaign: CampaignId,
    /// Of the campaign's mail, or of each variant of it.
    pub(super) letterheads: Vec<Arc<Letterhead>>,
    pub routes: Routes,
    pub(super) hours: Option<Hours>,
    pub(super) halted: watch::Sender<bool>,
    pub(super) loaded: Instant,
    pub(super) stale: AtomicBool,
}

impl Work {
    /// What the mail of a delivery is made from.
    #[must_use]
    pub fn letterhead(&self, claimed: &Claimed) -> &Arc<Letterhead> {
        let index = claimed.variant.map_or(0, |variant| variant - 1);
        let of_variant = usize::try_from(index)
            .ok()
            .and_then(|index| self.letterheads.get(index));
        of_variant.unwrap_or(&self.letterheads[0])
    }

    /// Domain that a delivery is sent from, in lower case.
    #[must_use]
    pub fn sender_domain(&self, claimed: &Claimed) -> &str {
        &self.letterhead(claimed).sender_domain
    }

    /// Whether it can be used as it was loaded.
    pub(super) fn is_fresh(&self) -> bool {
        self.loaded.elapsed() < FRESH && !self.stale.load(Ordering::Acquire)
    }

    /// Loads it anew at the next claim: its routes are no longer those.
    pub fn outdate(&self) {
        self.stale.store(true, Ordering::Release);
    }

    /// Whether nothing more of it may be handed over.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        *self.halted.borrow()
    }

    /// Ends when the campaign is halted.
    pub async fn halted(&self) {
        let mut halted = self.halted.subscribe();
        // The sender lives in self, so this never errs.
        drop(halted.wait_for(|halted| *halted).await);
    }
}
