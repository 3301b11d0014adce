//! Who waits for a hash. One takes a core for a fifth of a second and 64 MiB,
//! so that half of the cores hash and the queue before them is short: whom it
//! has no place for hears so at once, which costs nothing, and not when their
//! browser has given up.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::setpriority_process;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{DomainError, Result};
use crate::ids::TenantId;

/// People in the queue for each hash that is made at a time, the one whose turn
/// it is included: about 3 s, after which nobody waits for an answer any more.
pub const PLACES: usize = 16;
/// Of which so many are for [`Who::Known`] alone.
pub const KEPT: usize = 4;
/// How much nicer than a request a hash is (`man 7 sched`): a third of its share
/// where both want the same core, all of it where nobody else does.
const NICE: i32 = 5;
/// By then the queue has moved on, whoever stands in it.
const RETRY_AFTER: Duration = Duration::from_secs(3);

/// For whom a hash is made. A storm of log-ins, or of guesses, from everywhere
/// keeps out those whom nobody knows yet, and not the people who work here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Logged in, with a mailed link, or in a browser of an earlier log-in.
    Known,
    Stranger,
    /// Somebody whom this company gives a password. One at a time, and not in
    /// the places of [`Who::Known`]: whoever makes people by the hundred keeps
    /// nobody else from logging in.
    Given(TenantId),
}

#[derive(Clone)]
pub(super) struct Queue {
    at_work: Arc<Semaphore>,
    places: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    giving: Arc<Mutex<HashSet<TenantId>>>,
}

impl Queue {
    /// `at_work`: hashes at a time.
    pub(super) fn new(at_work: usize) -> Self {
        Self {
            at_work: Arc::new(Semaphore::new(at_work)),
            places: Arc::new(Semaphore::new(at_work * PLACES)),
            strangers: Arc::new(Semaphore::new(at_work * (PLACES - KEPT))),
            giving: Arc::default(),
        }
    }

    /// # Errors
    /// [`DomainError::Overloaded`] when the queue is full, or this company is in it.
    pub(super) fn enter(&self, who: Who) -> Result<Place> {
        let full = |_| DomainError::Overloaded {
            retry_after: RETRY_AFTER,
        };
        let stranger = match who {
            Who::Known => None,
            Who::Stranger | Who::Given(_) => Some(
                Arc::clone(&self.strangers)
                    .try_acquire_owned()
                    .map_err(full)?,
            ),
        };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(full)?;
        let giving = match who {
            Who::Given(tenant) => Some(self.give(tenant)?),
            Who::Known | Who::Stranger => None,
        };
        Ok(Place {
            at_work: Arc::clone(&self.at_work),
            held: Arc::new(Held {
                _place: place,
                _stranger: stranger,
                _giving: giving,
            }),
        })
    }

    fn give(&self, tenant: TenantId) -> Result<Giving> {
        let mut giving = self.giving.lock().unwrap_or_else(PoisonError::into_inner);
        if !giving.insert(tenant) {
            return Err(DomainError::Overloaded {
                retry_after: RETRY_AFTER,
            });
        }
        Ok(Giving {
            all: Arc::clone(&self.giving),
            tenant,
        })
    }
}

/// A place in the queue. It is free again when the one who asked has left, and
/// the thread that hashes for them is done.
#[derive(Clone)]
pub(super) struct Place {
    at_work: Arc<Semaphore>,
    held: Arc<Held>,
}

struct Held {
    _place: OwnedSemaphorePermit,
    _stranger: Option<OwnedSemaphorePermit>,
    _giving: Option<Giving>,
}

/// That a company gives somebody a password.
struct Giving {
    all: Arc<Mutex<HashSet<TenantId>>>,
    tenant: TenantId,
}

impl Drop for Giving {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.tenant);
    }
}

impl Place {
    /// Runs `work` off the reactor, when it is its turn.
    ///
    /// # Errors
    /// When the runtime is ending.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = Arc::clone(&self.at_work)
            .acquire_owned()
            .await
            .map_err(DomainError::internal)?;
        let held = Arc::clone(&self.held);
        let (done, answer) = oneshot::channel();
        // Of its own, and it ends with the work: a thread that has been made
        // nicer can't be made as it was.
        std::thread::Builder::new()
            .name("hasher".to_owned())
            .spawn(move || {
                if let Err(error) = setpriority_process(None, NICE) {
                    tracing::debug!(name: "hasher.priority", %error, "it hashes like everybody");
                }
                let result = work();
                // Not by whoever waits for it: they may have hung up, and the
                // core is busy all the same.
                drop((turn, held));
                drop(done.send(result));
            })
            .map_err(DomainError::internal)?;
        answer.await.map_err(DomainError::internal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn fill(queue: &Queue, who: Who) -> Vec<Place> {
        std::iter::from_fn(|| queue.enter(who).ok()).collect()
    }

    #[test]
    fn the_queue_ends_somewhere_and_strangers_leave_a_few_places_to_those_who_are_known() {
        let queue = Queue::new(2);
        let mut strangers = fill(&queue, Who::Stranger);
        assert_eq!(strangers.len(), 2 * (PLACES - KEPT));
        let known = fill(&queue, Who::Known);
        assert_eq!(known.len(), 2 * KEPT);
        let refused = queue.enter(Who::Known).err().unwrap();
        assert!(
            matches!(refused, DomainError::Overloaded { retry_after } if !retry_after.is_zero())
        );
        strangers.pop();
        assert!(queue.enter(Who::Stranger).is_ok(), "who leaves makes room");
        drop((strangers, known));
        assert_eq!(fill(&queue, Who::Known).len(), 2 * PLACES);
    }

    #[test]
    fn a_company_gives_one_password_at_a_time_and_none_in_the_places_of_those_who_are_known() {
        let queue = Queue::new(1);
        let (one, other) = (TenantId::new(), TenantId::new());
        let given = fill(&queue, Who::Given(one));
        assert_eq!(given.len(), 1);
        assert!(queue.enter(Who::Given(other)).is_ok(), "each its own");
        drop(given);
        let _again = queue.enter(Who::Given(one)).unwrap();
        let _strangers = fill(&queue, Who::Stranger);
        assert!(queue.enter(Who::Given(other)).is_err());
        assert_eq!(fill(&queue, Who::Known).len(), KEPT);
    }

    #[tokio::test]
    async fn who_hangs_up_frees_no_core_that_still_hashes() {
        let queue = Queue::new(1);
        let place = queue.enter(Who::Stranger).unwrap();
        let (go_on, blocked) = mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let asking = tokio::spawn(async move {
            place
                .work(move || {
                    started.send(()).unwrap();
                    blocked.recv().unwrap();
                })
                .await
        });
        has_started.await.unwrap();
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        assert_eq!(queue.at_work.available_permits(), 0);
        assert_eq!(queue.places.available_permits(), PLACES - 1);
        go_on.send(()).unwrap();
        drop(queue.at_work.acquire().await.unwrap());
        drop(queue.places.acquire_many(16).await.unwrap());
    }

    #[tokio::test]
    async fn who_hangs_up_while_they_wait_is_out_of_the_queue() {
        let queue = Queue::new(1);
        let busy = queue.at_work.acquire().await.unwrap();
        let place = queue.enter(Who::Known).unwrap();
        let waiting = tokio::spawn(async move { place.work(|| ()).await });
        tokio::task::yield_now().await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!(queue.places.available_permits(), PLACES);
        drop(busy);
    }
}
