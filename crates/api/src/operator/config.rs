//! Settings of the operator's console, each from `KIKUBARI_OPERATOR_<NAME>`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use domain::Db;
use domain::operator::token::OperatorTokens;
use domain::secret::Keys;
use domain::session::password::Hasher;
use serde::{Deserialize, Serialize};

use crate::networks;

/// What need not be set; the database and the key file must be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperatorConfig {
    /// Address and port to listen on.
    pub operator_listen: String,
    /// Where staff reach it; no slash at its end. Its host is the only one that is answered.
    pub operator_url: String,
    /// Networks that are let in, with commas between; empty: nobody.
    pub operator_allow: String,
    /// Networks of proxies whose `X-Forwarded-For` counts, with commas between.
    pub operator_trusted_proxies: String,
    /// The built console; without it only its API is served.
    pub operator_spa_dir: Option<PathBuf>,
}

impl Default for OperatorConfig {
    fn default() -> Self {
        Self {
            operator_listen: "127.0.0.1:8090".to_owned(),
            operator_url: "http://127.0.0.1:8090".to_owned(),
            operator_allow: String::new(),
            operator_trusted_proxies: String::new(),
            operator_spa_dir: None,
        }
    }
}

impl OperatorConfig {
    /// Refuses settings that contradict themselves.
    ///
    /// # Errors
    /// What is wrong with which variable.
    pub fn check(&self) -> Result<(), String> {
        let is_url =
            self.operator_url.starts_with("http://") || self.operator_url.starts_with("https://");
        if !is_url || self.operator_url.ends_with('/') {
            return Err(format!(
                "KIKUBARI_OPERATOR_URL: {} must begin with http(s):// and have no slash at its end",
                self.operator_url
            ));
        }
        for (name, text) in [
            ("KIKUBARI_OPERATOR_ALLOW", &self.operator_allow),
            (
                "KIKUBARI_OPERATOR_TRUSTED_PROXIES",
                &self.operator_trusted_proxies,
            ),
        ] {
            networks::check(name, text)?;
        }
        Ok(())
    }

    /// Whether an address is let in. An IPv4 address in an IPv6 one is that IPv4 address.
    #[must_use]
    pub fn lets_in(&self, ip: IpAddr) -> bool {
        networks::hold(&self.operator_allow, ip)
    }
}

/// What every handler of the console reaches.
#[derive(Clone)]
pub struct OperatorState {
    pub config: Arc<OperatorConfig>,
    /// Under the role `kikubari_operator`.
    pub db: Db,
    pub keys: Arc<Keys>,
    pub tokens: Arc<OperatorTokens>,
    pub hasher: Hasher,
}
