//! A route in use: its sessions, and whether it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::TimeDelta;
use domain::ids::RouteId;
use domain::route::OpenRoute;
use tokio_rustls::rustls::ClientConfig;

use super::connect::{Endpoint, Timeouts};
use super::pool::{self, Pool};

/// Longest time between two tries to reach a relay that is down: short, since
/// a try costs one connect and each campaign should go on as soon as it can.
const BACKOFF_MAX: u32 = 5;

/// What all routes of a mailer share.
#[derive(Clone)]
pub struct RouteSettings {
    pub allow_private: bool,
    pub helo: String,
    pub timeouts: Timeouts,
    pub tls: Arc<ClientConfig>,
}

/// A route of a tenant, as of one version.
pub struct Route {
    pub id: RouteId,
    pub version: i32,
    pub sign: bool,
    pub pool: Pool,
    failures: AtomicU32,
}

impl Route {
    /// Prepares the route; connects at first use.
    ///
    /// # Errors
    /// When the pool can't be built.
    pub fn new(route: &OpenRoute, settings: &RouteSettings) -> anyhow::Result<Self> {
        let endpoint = Endpoint {
            host: route.host.clone(),
            port: route.port,
            security: route.security,
            auth: route.auth,
            username: route.username.clone(),
            password: route.password.clone(),
            allow_private: settings.allow_private,
            helo: settings.helo.clone(),
            timeouts: settings.timeouts,
            tls: Arc::clone(&settings.tls),
        };
        Ok(Self {
            id: route.id,
            version: route.version,
            sign: route.sign,
            pool: pool::build(endpoint, route.max_sessions)?,
            failures: AtomicU32::new(0),
        })
    }

    /// A session came about.
    pub fn up(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// None did; answers how long to leave the relay alone.
    pub fn down(&self) -> TimeDelta {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed);
        TimeDelta::seconds(i64::from((1_u32 << failures.min(8)).min(BACKOFF_MAX)))
    }
}
