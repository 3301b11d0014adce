//! The batches that this mailer has in its hands, and those that it has without
//! knowing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use domain::delivery::claim::Batch;
use domain::delivery::lease;
use domain::delivery::record::{Record, record};
use domain::ids::{CampaignId, DeliveryId, TenantId};

use super::Desk;
use crate::explain;

/// How long after a claim whose answer never came strays are looked for.
const STRAYS: Duration = Duration::from_secs(60);

/// Batches by number; also of campaigns that were halted since, whose last
/// mails are still on the wire.
#[derive(Default)]
pub(super) struct Batches {
    by_number: HashMap<u64, InHand>,
    next: u64,
}

struct InHand {
    tenant: TenantId,
    campaign: CampaignId,
    deliveries: Vec<DeliveryId>,
}

impl Batches {
    /// Answers its number, by which it is [`Batches::done`].
    pub(super) fn take(&mut self, batch: &Batch) -> u64 {
        let number = self.next;
        self.next += 1;
        let in_hand = InHand {
            tenant: batch.tenant_id,
            campaign: batch.campaign_id,
            deliveries: batch.deliveries.iter().map(|claimed| claimed.id).collect(),
        };
        self.by_number.insert(number, in_hand);
        number
    }

    pub(super) fn done(&mut self, number: u64) {
        self.by_number.remove(&number);
    }

    pub(super) fn campaigns(&self) -> impl Iterator<Item = (TenantId, CampaignId)> {
        self.by_number.values().map(|b| (b.tenant, b.campaign))
    }

    /// How many of a campaign.
    pub(super) fn of(&self, campaign: CampaignId) -> usize {
        let of = self.by_number.values().filter(|b| b.campaign == campaign);
        of.count()
    }

    /// Campaigns of which so many are in hand, or more.
    pub(super) fn full(&self, most: usize) -> Vec<CampaignId> {
        let in_work: BTreeSet<CampaignId> = self.campaigns().map(|(_, id)| id).collect();
        let is_full = |id: &CampaignId| self.of(*id) >= most;
        in_work.into_iter().filter(is_full).collect()
    }

    fn deliveries(&self) -> impl Iterator<Item = DeliveryId> {
        self.by_number.values().flat_map(|b| &b.deliveries).copied()
    }
}

impl Desk {
    /// Gives back what is claimed in this mailer's name and in no batch: the
    /// claim was made, but its answer never came. Otherwise it would be unknown
    /// with its lease, though nobody ever handed it over.
    ///
    /// # Errors
    /// When the database does.
    pub async fn give_back_strays(&self) -> anyhow::Result<usize> {
        let mut failed = self.claiming.lock().await;
        if failed.is_none() {
            return Ok(0);
        }
        let in_hand: HashSet<DeliveryId> = self.state().batches.deliveries().collect();
        let mut strays = 0;
        for held in lease::held_by(&self.db, self.worker)
            .await
            .map_err(explain)?
        {
            let now = self.db.now();
            let records: Vec<Record> = held
                .deliveries
                .into_iter()
                .filter(|(id, _)| !in_hand.contains(id))
                .map(|(id, attempts)| Record::given_back(id, attempts, now))
                .collect();
            strays += records.len();
            for chunk in records.chunks(usize::from(domain::delivery::claim::BATCH)) {
                record(
                    &self.db,
                    self.worker,
                    held.tenant,
                    held.campaign,
                    held.period,
                    chunk,
                )
                .await
                .map_err(explain)?;
            }
        }
        // A server that only lost the line may still be at that COMMIT.
        if failed.is_some_and(|at| at.elapsed() > STRAYS) {
            *failed = None;
        }
        Ok(strays)
    }
}
