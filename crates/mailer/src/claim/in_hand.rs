//! The batches that this mailer has in its hands, and those that it has without
//! knowing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use domain::delivery::claim::{Batch, Except, LANE_FAST, Lanes};
use domain::delivery::lease;
use domain::delivery::record::{Record, record};
use domain::ids::{CampaignId, DeliveryId, TenantId};

use super::Desk;
use crate::explain;

/// Batches in hand over all campaigns: with at most 200 deliveries each, the
/// bound of this process's memory.
const HANDS: usize = 32;
/// More hands for the fast lane alone, so that campaigns on a slow relay never
/// have all of them.
const FAST_HANDS: usize = 8;
/// Batches of one campaign in hand at a time: enough to keep every core
/// signing, few enough that a slow relay holds up nobody else.
const HANDS_OF_A_CAMPAIGN: usize = 4;

/// How long after a claim whose answer never came strays are looked for.
const STRAYS: Duration = Duration::from_secs(60);

/// Batches by number; also of campaigns that were halted since, whose last
/// mails are still on the wire.
///
/// A relay that hangs keeps its tenant's hands for as long as it likes, and who
/// wants some next is not known beforehand. So a tenant takes another hand only
/// while it has fewer than are free: one alone gets half of them, two a third
/// each, and there is always one left for the next.
#[derive(Default)]
pub(super) struct Batches {
    by_number: HashMap<u64, InHand>,
    next: u64,
}

struct InHand {
    tenant: TenantId,
    campaign: CampaignId,
    hand: Hand,
    deliveries: Vec<DeliveryId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hand {
    /// For campaigns, and for the fast lane.
    Any,
    /// For the fast lane alone.
    Fast,
}

/// Hands of each kind that are taken.
#[derive(Debug, Default, Clone, Copy)]
struct Taken {
    any: usize,
    fast: usize,
}

impl Taken {
    fn count(&mut self, hand: Hand) {
        match hand {
            Hand::Any => self.any += 1,
            Hand::Fast => self.fast += 1,
        }
    }

    /// Whether a tenant that has these may have no more hands of all.
    fn is_full(self, all: Self) -> bool {
        self.any >= HANDS.saturating_sub(all.any)
    }

    /// As [`Taken::is_full`], of those for the fast lane.
    fn is_full_fast(self, all: Self) -> bool {
        self.fast >= FAST_HANDS.saturating_sub(all.fast)
    }
}

impl Batches {
    /// Answers its number, by which it is [`Batches::done`].
    pub(super) fn take(&mut self, batch: &Batch) -> u64 {
        let number = self.next;
        self.next += 1;
        let (all, of) = self.taken();
        let own = of.get(&batch.tenant_id).copied().unwrap_or_default();
        let in_hand = InHand {
            hand: if batch.lane == LANE_FAST && own.is_full(all) {
                Hand::Fast
            } else {
                Hand::Any
            },
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

    /// Hands taken in all, and by each tenant that has any.
    fn taken(&self) -> (Taken, BTreeMap<TenantId, Taken>) {
        let (mut all, mut of) = (Taken::default(), BTreeMap::<_, Taken>::new());
        for batch in self.by_number.values() {
            all.count(batch.hand);
            of.entry(batch.tenant).or_default().count(batch.hand);
        }
        (all, of)
    }

    /// What there are hands for; `None` when there are none.
    pub(super) fn free(&self) -> Option<(Lanes, Except)> {
        let (all, of) = self.taken();
        let lanes = match (all.any < HANDS, all.fast < FAST_HANDS) {
            (true, _) => Lanes::All,
            (false, true) => Lanes::Fast,
            (false, false) => return None,
        };
        let in_work: BTreeSet<CampaignId> = self.campaigns().map(|(_, id)| id).collect();
        let is_full = |id: &CampaignId| self.of(*id) >= HANDS_OF_A_CAMPAIGN;
        let mut except = Except {
            campaigns: in_work.into_iter().filter(is_full).collect(),
            ..Except::default()
        };
        for (tenant, own) in of {
            if own.is_full(all) {
                except.tenants.push(tenant);
                if own.is_full_fast(all) {
                    except.tenants_fast.push(tenant);
                }
            }
        }
        Some((lanes, except))
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

#[cfg(test)]
mod tests {
    use super::*;

    const LANE_CAMPAIGN: i16 = 1;

    fn batch(tenant: TenantId, lane: i16) -> Batch {
        Batch {
            tenant_id: tenant,
            campaign_id: CampaignId::new(),
            period: chrono::NaiveDate::default(),
            lane,
            serial: 1,
            limited: false,
            deliveries: Vec::new(),
        }
    }

    /// Takes what a tenant gets whose campaigns never end; answers how many.
    fn take_all(batches: &mut Batches, tenant: TenantId, lane: i16) -> usize {
        let mut taken = 0;
        while let Some((lanes, except)) = batches.free() {
            let full = if lane == LANE_FAST {
                &except.tenants_fast
            } else {
                &except.tenants
            };
            if full.contains(&tenant) || (lane != LANE_FAST && lanes == Lanes::Fast) {
                break;
            }
            batches.take(&batch(tenant, lane));
            taken += 1;
        }
        taken
    }

    #[test]
    fn a_tenant_alone_has_half_of_the_hands_and_each_next_one_what_is_left() {
        let mut batches = Batches::default();
        let mut tenant = || take_all(&mut batches, TenantId::new(), LANE_CAMPAIGN);
        assert_eq!([tenant(), tenant(), tenant(), tenant()], [16, 8, 4, 2]);
    }

    #[test]
    fn of_the_hands_for_the_fast_lane_alone_a_tenant_has_half() {
        let mut batches = Batches::default();
        let (first, second) = (TenantId::new(), TenantId::new());
        assert_eq!(take_all(&mut batches, first, LANE_CAMPAIGN), 16);
        assert_eq!(take_all(&mut batches, first, LANE_FAST), 4);
        assert_eq!(take_all(&mut batches, second, LANE_FAST), 8 + 2);
        assert_eq!(take_all(&mut batches, second, LANE_CAMPAIGN), 0);
    }

    #[test]
    fn when_every_hand_for_campaigns_is_taken_the_fast_lane_has_its_own() {
        let mut batches = Batches::default();
        for _ in 0..HANDS {
            batches.take(&batch(TenantId::new(), LANE_CAMPAIGN));
        }
        assert!(matches!(batches.free(), Some((Lanes::Fast, _))));
        for _ in 0..FAST_HANDS {
            batches.take(&batch(TenantId::new(), LANE_FAST));
        }
        assert!(batches.free().is_none());
    }
}
