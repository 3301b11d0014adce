//! The slots of one pool, and who may use them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::ids::SendSessionId;
use domain::limit::session::{self, Holder};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until};

use super::Slots;

/// Before the database is asked again after it had no slot.
const PAUSE: Duration = Duration::from_millis(250);

/// The slots of one pool.
pub struct Group {
    slots: Slots,
    holder: Holder,
    /// Sessions that the pool can have.
    most: usize,
    /// As many as there are slots, less those in use.
    tickets: Arc<Semaphore>,
    has: Mutex<Has>,
}

#[derive(Default)]
struct Has {
    /// Slots without a session yet.
    free: Vec<SendSessionId>,
    /// All of them.
    total: usize,
    /// Slots that ended while their tickets were in use.
    debt: usize,
    /// Sessions to be ended for others.
    yields: usize,
    waiting: usize,
    asking: bool,
    refused: Option<Instant>,
}

impl Group {
    pub(super) fn new(slots: Slots, holder: Holder, most: usize) -> Self {
        Self {
            slots,
            holder,
            most,
            tickets: Arc::new(Semaphore::new(0)),
            has: Mutex::default(),
        }
    }

    pub(super) fn holder(&self) -> &Holder {
        &self.holder
    }

    /// So many of its sessions are to end for others.
    pub(super) fn give_way(&self, sessions: usize) {
        self.has().yields = sessions;
    }

    fn has(&self) -> MutexGuard<'_, Has> {
        self.has.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to use one session; `None` when there is none until then.
    pub(in super::super) async fn ticket(self: &Arc<Self>, until: Instant) -> Option<Ticket> {
        let mut free = std::pin::pin!(Arc::clone(&self.tickets).acquire_owned());
        self.has().waiting += 1;
        let _waiting = Waiting(self);
        loop {
            tokio::select! {
                biased;
                permit = &mut free => return Some(Ticket {
                    permit: permit.ok(),
                    group: Arc::clone(self),
                    since: Instant::now(),
                }),
                () = sleep_until(until) => return None,
                () = self.call() => {}
            }
        }
    }

    /// Has the database asked, unless it is being asked or had nothing a moment
    /// ago. On its own, so that whoever stops waiting does not leave a slot behind.
    async fn call(self: &Arc<Self>) {
        let starts = {
            let mut has = self.has();
            let rests = has.refused.is_some_and(|refused| refused.elapsed() < PAUSE);
            let starts = !has.asking && !rests && has.total < self.most;
            has.asking |= starts;
            starts
        };
        if starts {
            tokio::spawn(Arc::clone(self).grow());
        }
        sleep(PAUSE).await;
    }

    async fn grow(self: Arc<Self>) {
        let most = self.most.min(self.has().waiting.max(1));
        for _ in 0..most {
            let began = Instant::now();
            let given = session::ask(&self.slots.0.db, &self.holder).await;
            let mut has = self.has();
            match given {
                Ok(Some(id)) => {
                    self.slots.given(id, began);
                    has.free.push(id);
                    has.total += 1;
                    has.refused = None;
                    self.tickets.add_permits(1);
                }
                Ok(None) => has.refused = Some(Instant::now()),
                Err(error) => {
                    tracing::warn!(name: "slots.ask_failed", ?error, "trying again");
                    has.refused = Some(Instant::now());
                }
            }
            if has.refused.is_some() || has.waiting == 0 || has.total >= self.most {
                break;
            }
        }
        self.has().asking = false;
    }

    /// A slot for a session that opens.
    pub(in super::super) fn lease(self: &Arc<Self>) -> Option<Lease> {
        let id = self.has().free.pop()?;
        Some(Lease {
            id,
            group: Arc::clone(self),
        })
    }

    /// Whether one of its sessions is to end for others; that is settled with this.
    fn gives_way(&self) -> bool {
        let mut has = self.has();
        let yields = has.yields > 0;
        has.yields = has.yields.saturating_sub(1);
        yields
    }

    fn ended(&self, id: SendSessionId) {
        let mut has = self.has();
        has.total = has.total.saturating_sub(1);
        match self.tickets.try_acquire() {
            Ok(ticket) => ticket.forget(),
            Err(_) => has.debt += 1,
        }
        self.slots.end(id);
    }

    /// Gives back slots that came too late for whoever wanted them.
    pub(in super::super) fn tend(&self) {
        let unused = {
            let mut has = self.has();
            if has.waiting > 0 || has.asking || self.tickets.available_permits() < has.free.len() {
                return;
            }
            std::mem::take(&mut has.free)
        };
        for id in unused {
            self.ended(id);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let unused = std::mem::take(&mut self.has().free);
        for id in unused {
            self.slots.end(id);
        }
    }
}

/// Counted for as long as it lives.
struct Waiting<'a>(&'a Group);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.has().waiting -= 1;
    }
}

/// The right to use one session of a group.
pub struct Ticket {
    permit: Option<OwnedSemaphorePermit>,
    group: Arc<Group>,
    since: Instant,
}

impl Ticket {
    /// A mail went, or was refused: for how long is counted.
    pub(in super::super) fn used(&self) {
        let group = &self.group;
        group.slots.measure(&group.holder, self.since.elapsed());
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut has = self.group.has();
        if let Some(permit) = self.permit.take() {
            if has.debt > 0 {
                has.debt -= 1;
                permit.forget();
            } else {
                drop(permit);
            }
        }
    }
}

/// The slot of an open session; given back with it.
pub struct Lease {
    id: SendSessionId,
    group: Arc<Group>,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lease({})", self.id)
    }
}

impl Lease {
    /// Whether its session is to end before its next mail.
    pub(in super::super) fn is_over(&self) -> bool {
        self.is_lost() || self.group.gives_way()
    }

    /// Whether somebody else may have the slot.
    fn is_lost(&self) -> bool {
        !self.group.slots.is_ours(self.id)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.group.ended(self.id);
    }
}
