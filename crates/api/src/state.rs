//! What every handler reaches.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use domain::Db;
use domain::egress::Rules;
use domain::factor::Factors;
use domain::mail::render::Installation;
use domain::secret::Keys;
use domain::session::password::Hasher;
use domain::session::token::AccessTokens;
use serde::{Deserialize, Serialize};

use crate::background::Background;
use crate::events::Events;
use crate::middleware::access::AccessLog;
use crate::middleware::rate_limit::Limits;
use crate::networks;
use crate::visitors::Visitors;

/// Settings of the api, each from `KIKUBARI_<NAME>`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApiConfig {
    /// Address and port to listen on.
    pub listen: String,
    /// Begins every link that leaves the house; no slash at its end.
    pub public_url: String,
    /// Further host names that requests may carry, with commas between.
    pub hosts: String,
    /// The built SPA; without it only the API is served.
    pub spa_dir: Option<PathBuf>,
    /// Networks of proxies whose `X-Forwarded-For` counts, with commas between.
    pub trusted_proxies: String,
    /// Requests a minute and session.
    pub rate_limit: u32,
    /// Threads that serve requests.
    pub http_workers: usize,
    /// Name server, with its port, that checks of sender domains ask; otherwise those of the system.
    pub dns_server: Option<SocketAddr>,
    /// Jobs (imports, exports) that this process works on at a time; 0: none.
    pub job_workers: usize,
    /// Most bytes of an uploaded file.
    pub upload_limit: u64,
    /// Days for which it is known who looked at whose data, 400 at least.
    pub access_log_days: u32,
    /// Domain whose mail comes to the mailers, of return paths and sign-up addresses; as they have it.
    pub bounce_domain: Option<String>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            hosts: String::new(),
            spa_dir: None,
            trusted_proxies: String::new(),
            rate_limit: 1200,
            http_workers: 4,
            dns_server: None,
            job_workers: 2,
            upload_limit: 512 * 1024 * 1024,
            access_log_days: domain::access::KEPT_DAYS,
            bounce_domain: None,
        }
    }
}

impl ApiConfig {
    /// Refuses settings that contradict themselves.
    ///
    /// # Errors
    /// What is wrong with which variable.
    pub fn check(&self) -> Result<(), String> {
        let is_url =
            self.public_url.starts_with("http://") || self.public_url.starts_with("https://");
        if !is_url || self.public_url.ends_with('/') {
            return Err(format!(
                "KIKUBARI_PUBLIC_URL: {} must begin with http(s):// and have no slash at its end",
                self.public_url
            ));
        }
        if let Some(domain) = &self.bounce_domain
            && domain::contact::address::domain_key(domain).is_err()
        {
            return Err(format!(
                "KIKUBARI_BOUNCE_DOMAIN: {domain} is no domain such as bounce.example.jp"
            ));
        }
        if self.access_log_days < domain::access::KEPT_DAYS {
            return Err(format!(
                "KIKUBARI_ACCESS_LOG_DAYS: {} is less than {} days",
                self.access_log_days,
                domain::access::KEPT_DAYS
            ));
        }
        if self.job_workers > 64 {
            return Err(format!(
                "KIKUBARI_JOB_WORKERS: {} is more than 64",
                self.job_workers
            ));
        }
        networks::check("KIKUBARI_TRUSTED_PROXIES", &self.trusted_proxies)
    }

    /// Host (and port) of the public URL.
    #[must_use]
    pub fn public_host(&self) -> &str {
        let rest = self
            .public_url
            .split_once("://")
            .map_or(self.public_url.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// Whether requests for this `Host` are ours.
    #[must_use]
    pub fn serves(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(self.public_host())
            || host == self.listen
            || self
                .hosts
                .split(',')
                .map(str::trim)
                .any(|known| !known.is_empty() && host.eq_ignore_ascii_case(known))
    }

    /// Whether a peer is a proxy that the operator named.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        networks::hold(&self.trusted_proxies, peer)
    }

    /// Cookies are `Secure` and carry `__Host-` always: browsers take the
    /// loopback address for a secure place.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// Shared by all threads.
#[derive(Clone)]
pub struct AppState {
    pub config: Arc<ApiConfig>,
    pub db: Db,
    pub keys: Arc<Keys>,
    /// Which addresses webhooks may name.
    pub egress: Arc<Rules>,
    pub tokens: Arc<AccessTokens>,
    pub hasher: Hasher,
    pub limits: Arc<Limits>,
    pub visitors: Arc<Visitors>,
    pub access: Arc<AccessLog>,
    pub events: Arc<Events>,
    pub background: Background,
}

impl AppState {
    /// What second factors are checked with.
    #[must_use]
    pub fn factors(&self) -> Factors {
        Factors::new(Arc::clone(&self.keys), &self.config.public_url)
    }

    /// What links in mails are made of.
    #[must_use]
    pub fn installation(&self) -> Installation {
        installation(&self.config, &self.keys)
    }
}

/// As [`AppState::installation`], before there is a state.
#[must_use]
pub fn installation(config: &ApiConfig, keys: &Arc<Keys>) -> Installation {
    Installation {
        public_url: config.public_url.clone(),
        keys: Arc::clone(keys),
    }
}
