//! Slots: what this mailer may have open of sessions that limits count over all
//! mailers (domain::limit::session says who gets them).
//!
//! 1. Sessions for mails under the same limits are a pool of their own, with a
//!    [`Group`]. A mail takes a [`Ticket`] of it first; there are as many as the
//!    group has slots, so that a mail waits here, and not inside of the pool.
//! 2. While mails wait, one call at a time asks the database for one more slot,
//!    again after a pause when there was none.
//! 3. A session that opens takes a slot as its [`Lease`]; when it ends, however it
//!    does, the lease goes back.
//! 4. The [`keeper`] gives back what ended, ends what is idle or lost, renews all
//!    leases at once and hears which groups are to give way.
//!
//! A slot whose lease could not be renewed in time is lost: others may have it.

mod group;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use domain::Db;
use domain::ids::{SendLimitId, SendSessionId, TenantId, WorkerId};
use domain::limit::admit::SessionLimits;
use domain::limit::session::{self, Holder};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

pub use self::group::{Group, Lease, Ticket};
use super::sessions::Host;

/// A mail that took longer met a server that stood still, and says nothing of the next.
const LONG: Duration = Duration::from_secs(1);
/// How often is looked after sessions that are idle.
const LOOK: Duration = Duration::from_secs(1);
/// Looks from one renewal to the next: a lease lasts six times as long.
const RENEWAL: u32 = 5;
/// So much before its end a lease is not believed any more.
const MARGIN: Duration = Duration::from_secs(3);

/// The slots of a mailer.
#[derive(Clone)]
pub struct Slots(Arc<Inner>);

struct Inner {
    db: Db,
    worker: WorkerId,
    ended: mpsc::UnboundedSender<SendSessionId>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Until when each slot is surely ours.
    leases: HashMap<SendSessionId, Instant>,
    hosts: Vec<Weak<Host>>,
    groups: Vec<Weak<Group>>,
    /// For how long a mail occupies a session.
    measured: HashMap<(TenantId, SendLimitId), Duration>,
    /// What the keeper hears, until it has been started.
    unheard: Option<mpsc::UnboundedReceiver<SendSessionId>>,
}

impl Slots {
    #[must_use]
    pub fn new(db: Db, worker: WorkerId) -> Self {
        let (ended, unheard) = mpsc::unbounded_channel();
        let state = State {
            unheard: Some(unheard),
            ..State::default()
        };
        Self(Arc::new(Inner {
            db,
            worker,
            ended,
            state: Mutex::new(state),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of a pool of at most `most` sessions.
    pub(super) fn group(
        &self,
        tenant: TenantId,
        limits: &SessionLimits,
        most: usize,
    ) -> Arc<Group> {
        let holder = Holder {
            tenant,
            id: SendSessionId::new(),
            worker: self.0.worker,
            limits: limits.to_vec(),
        };
        let group = Arc::new(Group::new(self.clone(), holder, most));
        self.state().groups.push(Arc::downgrade(&group));
        group
    }

    /// Looks after the sessions of a server from now on.
    pub(super) fn watch(&self, host: &Arc<Host>) {
        self.state().hosts.push(Arc::downgrade(host));
    }

    /// What mails of a tenant were seen to occupy, in microseconds.
    #[must_use]
    pub fn measured(&self, tenant: TenantId) -> Vec<(SendLimitId, i32)> {
        self.state()
            .measured
            .iter()
            .filter(|((of, _), _)| *of == tenant)
            .map(|((_, limit), time)| (*limit, i32::try_from(time.as_micros()).unwrap_or(i32::MAX)))
            .collect()
    }

    fn measure(&self, holder: &Holder, time: Duration) {
        let time = time.min(LONG);
        let mut state = self.state();
        for limit in &holder.limits {
            let mean = state
                .measured
                .entry((holder.tenant, *limit))
                .or_insert(time);
            *mean = (*mean * 7 + time) / 8;
        }
    }

    fn is_ours(&self, id: SendSessionId) -> bool {
        let until = self.state().leases.get(&id).copied();
        until.is_some_and(|until| Instant::now() < until)
    }

    /// A slot that was given, by a call that began at `began`. The first of them
    /// starts the keeper.
    fn given(&self, id: SendSessionId, began: Instant) {
        let mut state = self.state();
        state.leases.insert(id, surely_until(began));
        if let Some(unheard) = state.unheard.take() {
            tokio::spawn(keeper(Arc::downgrade(&self.0), unheard));
        }
    }

    fn end(&self, id: SendSessionId) {
        self.state().leases.remove(&id);
        // The keeper outlives whoever ends a session; without it the mailer is ending.
        self.0.ended.send(id).ok();
    }

    /// Ends what nobody uses, and what is not ours any more.
    async fn tend(&self) {
        let hosts: Vec<Arc<Host>> = {
            let mut state = self.state();
            state.groups.retain(|group| group.strong_count() > 0);
            state.hosts.retain(|host| host.strong_count() > 0);
            state.hosts.iter().filter_map(Weak::upgrade).collect()
        };
        for host in hosts {
            host.tend().await;
        }
    }

    async fn renew(&self) {
        let (began, before): (Instant, Vec<SendSessionId>) = {
            let state = self.state();
            (Instant::now(), state.leases.keys().copied().collect())
        };
        if before.is_empty() {
            return;
        }
        let renewed = match session::renew(&self.0.db, self.0.worker).await {
            Ok(renewed) => renewed,
            Err(error) => {
                tracing::warn!(name: "slots.renew_failed", ?error, "trying again");
                return;
            }
        };
        let groups: Vec<Arc<Group>> = {
            let mut state = self.state();
            for id in before {
                if renewed.held.contains(&id) {
                    state
                        .leases
                        .entry(id)
                        .and_modify(|until| *until = surely_until(began));
                } else {
                    state.leases.remove(&id);
                }
            }
            state.groups.iter().filter_map(Weak::upgrade).collect()
        };
        for group in groups {
            let more = renewed.yields.get(&group.holder().id).copied();
            group.give_way(more.unwrap_or(0));
        }
    }

    /// Gives all slots back: the mailer is ending.
    pub async fn close(&self) {
        if self.state().unheard.is_some() {
            return;
        }
        if let Err(error) = session::forget(&self.0.db, self.0.worker).await {
            tracing::warn!(name: "slots.not_given_back", ?error, "they come back with their lease");
        }
    }
}

fn surely_until(began: Instant) -> Instant {
    began
        + session::LEASE
            .to_std()
            .unwrap_or_default()
            .saturating_sub(MARGIN)
}

async fn keeper(inner: Weak<Inner>, mut ended: mpsc::UnboundedReceiver<SendSessionId>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = 0_u32;
    loop {
        tokio::select! {
            Some(id) = ended.recv() => {
                let Some(slots) = inner.upgrade().map(Slots) else { return };
                let mut ids = vec![id];
                while let Ok(id) = ended.try_recv() {
                    ids.push(id);
                }
                if let Err(error) = session::give_back(&slots.0.db, slots.0.worker, &ids).await {
                    tracing::warn!(name: "slots.not_given_back", ?error, "they come back with their lease");
                }
            }
            _ = ticks.tick() => {
                let Some(slots) = inner.upgrade().map(Slots) else { return };
                slots.tend().await;
                looks = looks.wrapping_add(1);
                if looks.is_multiple_of(RENEWAL) {
                    slots.renew().await;
                }
            }
        }
    }
}
