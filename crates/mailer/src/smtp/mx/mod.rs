//! Direct delivery: each mail to a server that its recipient's domain names.
//!
//! [`exchanges`] knows which servers a domain has and what it asks of the line
//! to them ([`sts`]); it is one for all direct routes of a
//! mailer. A [`Direct`] is one route's sessions, pooled for each server and
//! reused by all mails to it, whatever domain they are for, unless limits count
//! the sessions of some of them. A server that gives
//! no session is left alone for a time that doubles; mails go to the next one.

pub mod exchanges;
mod sts;

use std::net::SocketAddr;
use std::sync::Arc;

use deadpool::managed::{BuildError, PoolError};
use domain::ids::TenantId;
use domain::limit::admit::SessionLimits;
use domain::limit::site;
use domain::route::{Auth, OpenRoute};
use secrecy::SecretString;

pub use self::exchanges::{Exchanges, Problem};
use super::ConnectError;
use super::connect::{Endpoint, Names, Protection};
use super::route::RouteSettings;
use super::seat::Health;
use super::sessions::{Held, Host, Key, Sessions};
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

/// The sessions of a direct route.
pub struct Direct {
    endpoint: Endpoint,
    verified: Endpoint,
    most: usize,
    exchanges: Arc<Exchanges>,
    sessions: Sessions,
}

impl Direct {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(
        tenant: TenantId,
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
            sessions: Sessions::new(tenant, settings.slots.clone(), route.max_sessions),
        })
    }

    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// A session with a server of `domain`, for a mail that these limits count: of
    /// the lowest preference that gives one.
    ///
    /// # Errors
    /// [`NoServer`]; nothing was handed over.
    pub async fn session(&self, domain: &str, limits: &SessionLimits) -> Result<Held, NoServer> {
        let destination = match self.exchanges.destination(domain).await {
            Ok(destination) => destination,
            Err(problem) => return Err(NoServer::Unknown(domain.to_owned(), problem)),
        };
        let enforced = destination.enforced;
        let site = site::known(&domain.to_ascii_lowercase()).or_else(|| destination.site());
        let most = site
            .and_then(site::sessions_of)
            .unwrap_or(SESSIONS_OF_A_HOST);
        let mut last = None;
        for name in destination.order().into_iter().take(TRIES) {
            let key = Key {
                host: name.to_owned(),
                verified: enforced,
                limits: Arc::clone(limits),
            };
            let host = self.host(key, most).map_err(|_| NoServer::Closed)?;
            match self.sessions.take(&host).await {
                Ok(session) => return Ok(session),
                // Another server would not make it fewer.
                Err(PoolError::Backend(error @ ConnectError::Full { .. })) => {
                    return Err(NoServer::Connect { error, enforced });
                }
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

    fn host(&self, key: Key, most: usize) -> Result<Arc<Host>, BuildError> {
        let like = if key.verified {
            &self.verified
        } else {
            &self.endpoint
        };
        let host = key.host.clone();
        let most = self.most.min(most);
        self.sessions
            .host(key, most, Some(Health::default()), || Endpoint {
                host,
                ..like.clone()
            })
    }
}
