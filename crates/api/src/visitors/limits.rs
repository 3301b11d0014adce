//! Limits of the public pages. They go by link, not by address: a mail
//! service's proxies and its one-click requests come for thousands of people
//! from a few addresses. By address only who tries links that we never made.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::DomainError;
use domain::ids::{DeliveryId, SignupId};

const WINDOW: Duration = Duration::from_secs(60);
/// A power of two; 512 kB.
const SLOTS: usize = 65_536;

/// Counts by key in the running minute, in fixed memory and without locks. Keys
/// share slots: one that shares with a busy one may be refused with it, which
/// is why the limits are far above what a person does.
struct Sieve {
    per_minute: u64,
    /// Minute in the upper half, count in the lower.
    slots: Box<[AtomicU64]>,
    began: Instant,
    /// Seeded at random, so that nobody can aim at another's slot.
    hasher: RandomState,
}

impl Sieve {
    fn new(per_minute: u64) -> Self {
        Self {
            per_minute,
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            began: Instant::now(),
            hasher: RandomState::new(),
        }
    }

    /// Counts one; false over the limit.
    fn pass(&self, key: impl Hash) -> bool {
        let minute = (self.began.elapsed().as_secs() / WINDOW.as_secs()) & 0xffff_ffff;
        let place = usize::try_from(self.hasher.hash_one(key) % (SLOTS as u64)).unwrap_or(0);
        let mut count = 0;
        let counted = |old: u64| {
            count = if old >> 32 == minute {
                old & 0xffff_ffff
            } else {
                0
            };
            Some((minute << 32) | (count + 1).min(0xffff_ffff))
        };
        let slot = &self.slots[place];
        let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted);
        count < self.per_minute
    }
}

/// The limits of this process.
pub struct VisitorLimits {
    hits: Sieve,
    cancels: Sieve,
    wrong: Sieve,
}

impl Default for VisitorLimits {
    fn default() -> Self {
        Self {
            hits: Sieve::new(300),
            cancels: Sieve::new(60),
            wrong: Sieve::new(120),
        }
    }
}

fn too_many() -> DomainError {
    DomainError::TooManyRequests {
        retry_after: WINDOW,
    }
}

impl VisitorLimits {
    /// Whether another open or click of a delivery is worth an event; it is
    /// answered all the same.
    #[must_use]
    pub fn keeps(&self, delivery: DeliveryId) -> bool {
        self.hits.pass(delivery.0)
    }

    /// One use of a cancel link.
    ///
    /// # Errors
    /// [`DomainError::TooManyRequests`] over the limit.
    pub fn cancel(&self, delivery: DeliveryId) -> Result<(), DomainError> {
        self.cancels
            .pass(delivery.0)
            .then_some(())
            .ok_or_else(too_many)
    }

    /// One use of a confirmation link.
    ///
    /// # Errors
    /// [`DomainError::TooManyRequests`] over the limit.
    pub fn confirm(&self, signup: SignupId) -> Result<(), DomainError> {
        self.cancels
            .pass(signup.0)
            .then_some(())
            .ok_or_else(too_many)
    }

    /// What to answer to one try of a link that we did not make: that there is
    /// none, and over the limit to come back later.
    pub fn wrong(&self, ip: Option<IpAddr>) -> DomainError {
        if self.wrong.pass(ip) {
            DomainError::not_found("link")
        } else {
            too_many()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sieve_lets_as_many_through_as_it_says() {
        let sieve = Sieve::new(3);
        let passed: Vec<bool> = (0..5).map(|_| sieve.pass("a")).collect();
        assert_eq!(passed, [true, true, true, false, false]);
        let others = (0..100).filter(|n: &i32| sieve.pass(n)).count();
        assert!(others >= 98, "{others} of 100 others passed");
    }
}
