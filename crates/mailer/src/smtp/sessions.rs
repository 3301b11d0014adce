//! The sessions of a route: a pool for each server and each set of limits that
//! count them, all together within the route's own number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool::managed::{BuildError, Object, PoolError};
use domain::ids::TenantId;
use domain::limit::admit::SessionLimits;
use tokio::time::Instant;

use super::pool::{self, Manager, Pool};
use super::seat::{Health, Room, Seat};
use super::slots::{Group, Slots, Ticket};
use super::{ConnectError, Endpoint};

/// How long a mail waits in hand for a slot before it goes back to the queue.
const WAIT: Duration = Duration::from_secs(5);

/// Who a session is with, and what counts it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) host: String,
    /// Whether its certificate has to be valid.
    pub(super) verified: bool,
    pub(super) limits: SessionLimits,
}

/// A server, under the same limits.
pub struct Host {
    pool: Pool,
    group: Option<Arc<Group>>,
}

/// A session in use.
pub struct Held {
    // In this order: the session is in the pool again before its ticket is free.
    session: Object<Manager>,
    ticket: Option<Ticket>,
}

impl Held {
    /// The session, and the ticket that has to outlive it.
    pub fn into_parts(self) -> (Object<Manager>, InUse) {
        (self.session, InUse(self.ticket))
    }
}

/// The right to go on using a session.
pub struct InUse(Option<Ticket>);

impl InUse {
    /// The mail was sent or refused.
    pub fn done(self) {
        if let Some(ticket) = &self.0 {
            ticket.used();
        }
    }
}

/// The sessions of one route.
pub struct Sessions {
    tenant: TenantId,
    slots: Option<Slots>,
    room: Arc<Room>,
    hosts: Mutex<HashMap<Key, Arc<Host>>>,
}

impl Sessions {
    pub(super) fn new(tenant: TenantId, slots: Option<Slots>, most: usize) -> Self {
        Self {
            tenant,
            slots,
            room: Arc::new(Room::new(most)),
            hosts: Mutex::default(),
        }
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<Key, Arc<Host>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pool of at most `most` sessions for this key.
    pub(super) fn host(
        &self,
        key: Key,
        most: usize,
        health: Option<Health>,
        endpoint: impl FnOnce() -> Endpoint,
    ) -> Result<Arc<Host>, BuildError> {
        if let Some(known) = self.hosts().get(&key) {
            return Ok(Arc::clone(known));
        }
        let counted = self.slots.as_ref().filter(|_| !key.limits.is_empty());
        let group = counted.map(|slots| slots.group(self.tenant, &key.limits, most));
        let seat = Seat::new(Arc::clone(&self.room), health, group.clone());
        let made = Arc::new(Host {
            pool: pool::build(endpoint(), most, seat)?,
            group,
        });
        let host = Arc::clone(self.hosts().entry(key).or_insert_with(|| Arc::clone(&made)));
        if let Some(slots) = counted.filter(|_| Arc::ptr_eq(&host, &made)) {
            slots.watch(&host);
        }
        Ok(host)
    }

    /// A session of a pool, opened if need be.
    pub(super) async fn take(&self, host: &Host) -> Result<Held, PoolError<ConnectError>> {
        let until = Instant::now() + WAIT;
        loop {
            let ticket = match &host.group {
                None => None,
                Some(group) => Some(group.ticket(until).await.ok_or_else(|| full(host))?),
            };
            match self.open(host).await {
                Ok(session) => return Ok(Held { session, ticket }),
                // The slot went to somebody else in the meantime.
                Err(PoolError::Backend(ConnectError::Full { .. })) if Instant::now() < until => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn open(&self, host: &Host) -> Result<Object<Manager>, PoolError<ConnectError>> {
        let mut opening = std::pin::pin!(host.pool.get());
        loop {
            tokio::select! {
                biased;
                opened = &mut opening => return opened,
                // Sessions that nobody uses keep places that this one needs.
                () = self.room.is_wanted() => self.make_room().await,
            }
        }
    }

    fn all(&self) -> Vec<Arc<Host>> {
        self.hosts().values().cloned().collect()
    }

    /// Ends idle sessions when mails to other servers wait for their places.
    pub async fn make_room(&self) {
        if !self.room.is_full() {
            return;
        }
        for host in self.all() {
            for session in pool::take_idle(&host.pool) {
                session.quit().await;
            }
            if !self.room.is_full() {
                return;
            }
        }
    }

    /// Ends sessions that were idle too long, and forgets servers that have none.
    pub async fn reap(&self) {
        for host in self.all() {
            pool::reap(&host.pool).await;
        }
        self.hosts().retain(|_, host| {
            // Two: this map and whoever is about to open a session.
            Arc::strong_count(host) > 1 || host.pool.status().size > 0 || host.rests()
        });
    }

    /// Ends all idle sessions and opens no more.
    pub async fn close(&self) {
        for host in self.all() {
            pool::close(&host.pool).await;
        }
    }
}

fn full(host: &Host) -> PoolError<ConnectError> {
    PoolError::Backend(ConnectError::Full {
        host: host.pool.manager().host().to_owned(),
    })
}

impl Host {
    /// Whether it failed not long ago.
    fn rests(&self) -> bool {
        self.pool
            .manager()
            .seat()
            .health()
            .is_some_and(Health::is_remembered)
    }

    /// Gives back slots that nobody uses.
    pub(super) async fn tend(&self) {
        pool::reap_counted(&self.pool).await;
        if let Some(group) = &self.group {
            group.tend();
        }
    }
}
