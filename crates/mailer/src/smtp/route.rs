//! A route in use: its sessions, and whether it answers.
//!
//! A route that does not answer is left alone for a while that doubles with
//! each try that fails; then one mail tries it, and only when that gets a session
//! the others come back.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{RouteId, TenantId};
use domain::route::{OpenRoute, Relay, Via};
use tokio_rustls::rustls::ClientConfig;

use super::ConnectError;
use super::connect::{Endpoint, Names, Timeouts};
use super::inside::Inside;
use super::mx::{Direct, DirectSettings, Exchanges};
use super::relay::Relay as RelaySessions;
use super::sessions::Sessions;
use super::slots::Slots;

/// How long a route that failed once is left alone.
pub const FIRST_REST: Duration = Duration::from_secs(1);
/// Longest time that a route is left alone while others take its share.
pub const REST_MAX: Duration = Duration::from_secs(60);
/// Longest time when there is no other: short, since a try costs one connect
/// and each campaign should go on as soon as it can.
pub const REST_MAX_ALONE: Duration = Duration::from_secs(5);

/// What all routes of a mailer share.
#[derive(Clone)]
pub struct RouteSettings {
    /// Relays that may have inside addresses.
    pub inside: Inside,
    pub helo: String,
    pub timeouts: Timeouts,
    pub tls: Arc<ClientConfig>,
    pub direct: DirectSettings,
    /// What is known of the mail servers of the world, shared by all routes;
    /// made when somebody first asks.
    pub exchanges: Arc<OnceLock<Arc<Exchanges>>>,
    /// What limits count; without it they count nothing.
    pub slots: Option<Slots>,
    /// How long a route that failed once is left alone; doubles each time.
    pub first_rest: Duration,
}

impl RouteSettings {
    /// # Errors
    /// When the system names no name server.
    pub(crate) fn exchanges(&self) -> anyhow::Result<Arc<Exchanges>> {
        if let Some(known) = self.exchanges.get() {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(Exchanges::new(self)?);
        Ok(Arc::clone(self.exchanges.get_or_init(|| made)))
    }
}

/// Where the mails of a route go.
pub enum Way {
    /// Sessions with the relay.
    Relay(Box<RelaySessions>),
    Direct(Arc<Direct>),
}

/// A route of a tenant, as of one version.
pub struct Route {
    pub tenant: TenantId,
    pub id: RouteId,
    pub version: i32,
    pub way: Way,
    health: Mutex<Health>,
}

/// What this mailer saw of a route.
#[derive(Debug, Clone, Default)]
struct Health {
    /// Tries in a row without a session.
    failures: u32,
    /// When the last one began: whoever tries it next takes this turn.
    tried: Option<Instant>,
    /// When the last of them ended.
    failed: Option<Instant>,
    error: String,
    /// How many there were before it came back.
    were: u32,
    /// Whether people have been told.
    untold: bool,
    /// How long it is left alone after the first.
    first_rest: Duration,
}

impl Health {
    fn rest(&self, most: Duration) -> Duration {
        match self.failures {
            0 => Duration::ZERO,
            n => (self.first_rest * (1 << (n - 1).min(8))).min(most),
        }
    }

    fn due(&self, most: Duration) -> Option<Instant> {
        self.tried.map(|tried| tried + self.rest(most))
    }
}

impl Route {
    /// Prepares the route; connects at first use.
    ///
    /// # Errors
    /// When the pool can't be built.
    pub fn new(
        tenant: TenantId,
        route: &OpenRoute,
        settings: &RouteSettings,
    ) -> anyhow::Result<Self> {
        let way = match &route.via {
            Via::Relay(relay) => {
                let endpoint = to_relay(route, relay, settings);
                let slots = settings.slots.clone();
                let relay = RelaySessions::new(tenant, endpoint, route.max_sessions, slots)?;
                Way::Relay(Box::new(relay))
            }
            Via::Direct => {
                let exchanges = settings.exchanges()?;
                Way::Direct(Arc::new(Direct::new(tenant, route, settings, exchanges)?))
            }
        };
        Ok(Self {
            tenant,
            id: route.id,
            version: route.version,
            way,
            health: Mutex::new(Health {
                first_rest: settings.first_rest,
                ..Health::default()
            }),
        })
    }

    /// Its sessions.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        match &self.way {
            Way::Relay(relay) => relay.sessions(),
            Way::Direct(direct) => direct.sessions(),
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it answered last time.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.health().failures == 0
    }

    /// When it may be tried again, with at most `most` since the last try;
    /// `None` while it is up.
    #[must_use]
    pub fn due(&self, most: Duration) -> Option<Instant> {
        let health = self.health();
        (health.failures > 0).then(|| health.due(most)).flatten()
    }

    /// Whether it is down and rested enough to be tried.
    #[must_use]
    pub fn is_due(&self, most: Duration, now: Instant) -> bool {
        let health = self.health();
        health.failures > 0 && health.due(most).is_none_or(|due| due <= now)
    }

    /// Takes the turn to try it, when it is down and rested enough.
    #[must_use]
    pub fn take_try(&self, most: Duration, now: Instant) -> bool {
        let mut health = self.health();
        if health.failures == 0 || health.due(most).is_some_and(|due| due > now) {
            return false;
        }
        health.tried = Some(now);
        true
    }

    /// A session came about.
    pub fn up(&self) {
        let mut health = self.health();
        if health.failures > 0 {
            health.were = std::mem::take(&mut health.failures);
            health.untold = true;
        }
    }

    /// None did, in a try that began at `began`.
    pub fn down(&self, error: &ConnectError, began: Instant, now: Instant) {
        let mut health = self.health();
        // Those that are under way together fail together: that is one failure.
        if health.failures == 0 || health.failed.is_none_or(|failed| failed < began) {
            health.failures = health.failures.saturating_add(1);
        }
        health.were = 0;
        health.failed = Some(now);
        health.tried = Some(now);
        health.error = error.to_string();
        health.untold = true;
    }

    /// What people have not been told yet; told with this.
    pub fn news(&self, now: DateTime<Utc>) -> Option<domain::route::Health> {
        let mut health = self.health();
        if !std::mem::take(&mut health.untold) {
            return None;
        }
        let span = |time| TimeDelta::from_std(time).unwrap_or_default();
        let ago = health.tried.map_or(Duration::ZERO, |tried| tried.elapsed());
        let is_up = health.failures == 0;
        Some(domain::route::Health {
            failures: i32::try_from(health.failures.max(health.were)).unwrap_or(i32::MAX),
            error: health.error.clone(),
            failed_at: now - span(ago),
            retry_at: now + span(health.rest(REST_MAX).saturating_sub(ago)),
            recovered_at: is_up.then_some(now),
        })
    }
}

fn to_relay(route: &OpenRoute, relay: &Relay, settings: &RouteSettings) -> Endpoint {
    Endpoint {
        host: relay.host.clone(),
        port: relay.port,
        names: Names::System,
        protection: relay.security.into(),
        auth: relay.auth,
        username: relay.username.clone(),
        password: relay.password.clone(),
        allow_private: settings.inside.allows(&relay.host, relay.port),
        source: route.source_address,
        helo: route.helo.clone().unwrap_or_else(|| settings.helo.clone()),
        timeouts: settings.timeouts,
        tls: Arc::clone(&settings.tls),
    }
}
