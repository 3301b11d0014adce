//! Direct delivery: each mail to a server that its recipient's domain names.
//!
//! [`exchanges`] knows which servers a domain has and what it asks of the line
//! to them ([`sts`]); it is one for all direct routes of a
//! mailer. A [`Direct`] is one route's sessions, pooled for each server and
//! reused by all mails to it, whatever domain they are for. A server that gives
//! no session is left alone for a time that doubles; mails go to the next one.

pub mod exchanges;
mod seat;
mod sts;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deadpool::managed::{Object, PoolError};
use domain::route::{Auth, OpenRoute};
use secrecy::SecretString;

pub use self::exchanges::{Exchanges, Problem};
pub use self::seat::Seat;
use self::seat::{Health, Room};
use super::ConnectError;
use super::connect::{Endpoint, Names, Protection};
use super::pool::{self, Manager, Pool};
use super::route::RouteSettings;
use super::tls::opportunistic_tls;

/// Most sessions of one mailer with one server: more look like an attack.
const SESSIONS_OF_A_HOST: usize = 20;
/// Most servers of a domain that one attempt tries.
const TRIES: usize = 5;

/// What direct routes share beside the settings of all routes.
#[derive(Debug, Clone)]
pub struct DirectSettings {
    /// Whether servers may have loopback and private addresses.
    pub allow_private: bool,
    /// Where servers listen.
    pub port: u16,
    /// Where MTA-STS policies are fetched.
    pub policy_port: u16,
    /// Who is asked; `None`: whom the system names.
    pub dns_server: Option<SocketAddr>,
}

impl Default for DirectSettings {
    fn default() -> Self {
        Self {
            allow_private: false,
            port: 25,
            policy_port: 443,
            dns_server: None,
        }
    }
}

/// Why no server of a domain gave a session. Nothing was handed over.
#[derive(Debug)]
pub enum NoServer {
    /// None is known, or none may be used.
    Unknown(String, Problem),
    /// What the last one that was tried did; `enforced`: the domain's policy
    /// allows nothing but TLS with a valid certificate.
    Connect { error: ConnectError, enforced: bool },
    /// The route is no longer this one.
    Closed,
}

/// A server, and whether its certificate has to be valid.
type Key = (String, bool);

struct Host {
    pool: Pool,
}

/// The sessions of a direct route.
pub struct Direct {
    endpoint: Endpoint,
    verified: Endpoint,
    most: usize,
    exchanges: Arc<Exchanges>,
    room: Arc<Room>,
    hosts: Mutex<HashMap<Key, Arc<Host>>>,
}

impl Direct {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(
        route: &OpenRoute,
        settings: &RouteSettings,
        exchanges: Arc<Exchanges>,
    ) -> anyhow::Result<Self> {
        let endpoint = Endpoint {
            host: String::new(),
            port: settings.direct.port,
            names: Names::Dns(Arc::clone(&exchanges)),
            protection: Protection::Opportunistic,
            auth: Auth::None,
            username: String::new(),
            password: SecretString::from(""),
            allow_private: settings.direct.allow_private,
            source: route.source_address,
            helo: route.helo.clone().unwrap_or_else(|| settings.helo.clone()),
            timeouts: settings.timeouts,
            tls: opportunistic_tls()?,
        };
        let verified = Endpoint {
            protection: Protection::StartTls,
            tls: Arc::clone(&settings.tls),
            ..endpoint.clone()
        };
        Ok(Self {
            endpoint,
            verified,
            most: route.max_sessions,
            exchanges,
            room: Arc::new(Room::new(route.max_sessions)),
            hosts: Mutex::default(),
        })
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<Key, Arc<Host>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session with a server of `domain`: of the lowest preference that gives one.
    ///
    /// # Errors
    /// [`NoServer`]; nothing was handed over.
    pub async fn session(&self, domain: &str) -> Result<Object<Manager>, NoServer> {
        let destination = match self.exchanges.destination(domain).await {
            Ok(destination) => destination,
            Err(problem) => return Err(NoServer::Unknown(domain.to_owned(), problem)),
        };
        let enforced = destination.enforced;
        let mut last = None;
        for name in destination.order().into_iter().take(TRIES) {
            let host = self.host(name, enforced).map_err(|_| NoServer::Closed)?;
            match self.session_of(&host).await {
                Ok(session) => return Ok(session),
                Err(PoolError::Backend(error)) => {
                    tracing::info!(name: "direct.no_session", domain, %error, "the next server");
                    last = last
                        .filter(|_| matches!(error, ConnectError::Resting { .. }))
                        .or(Some(error));
                }
                Err(_) => return Err(NoServer::Closed),
            }
        }
        Err(last.map_or(NoServer::Closed, |error| NoServer::Connect {
            error,
            enforced,
        }))
    }

    async fn session_of(&self, host: &Host) -> Result<Object<Manager>, PoolError<ConnectError>> {
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

    fn host(&self, name: &str, enforced: bool) -> Result<Arc<Host>, deadpool::managed::BuildError> {
        let key = (name.to_owned(), enforced);
        if let Some(known) = self.hosts().get(&key) {
            return Ok(Arc::clone(known));
        }
        let like = if enforced {
            &self.verified
        } else {
            &self.endpoint
        };
        let endpoint = Endpoint {
            host: name.to_owned(),
            ..like.clone()
        };
        let seat = Seat::new(Arc::clone(&self.room), Arc::new(Health::default()));
        let pool = pool::build(endpoint, self.most.min(SESSIONS_OF_A_HOST), Some(seat))?;
        let made = Arc::new(Host { pool });
        Ok(Arc::clone(self.hosts().entry(key).or_insert(made)))
    }

    fn pools(&self) -> Vec<Arc<Host>> {
        self.hosts().values().cloned().collect()
    }

    /// Ends idle sessions when mails to other servers wait for their places.
    pub async fn make_room(&self) {
        if !self.room.is_full() {
            return;
        }
        for host in self.pools() {
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
        for host in self.pools() {
            pool::reap(&host.pool).await;
        }
        self.hosts().retain(|_, host| {
            // Two: this map and whoever is about to open a session.
            Arc::strong_count(host) > 1 || host.pool.status().size > 0 || host.rests()
        });
    }

    /// Ends all idle sessions and opens no more.
    pub async fn close(&self) {
        for host in self.pools() {
            pool::close(&host.pool).await;
        }
    }
}

impl Host {
    /// Whether it failed not long ago.
    fn rests(&self) -> bool {
        self.pool
            .manager()
            .seat()
            .is_some_and(|seat| seat.health().is_remembered())
    }
}
