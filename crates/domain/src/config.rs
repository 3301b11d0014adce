//! Settings that both programs share, read from the environment.

use std::path::PathBuf;

use figment::Figment;
use figment::providers::{Env, Serialized};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How to reach PostgreSQL.
#[derive(Debug, Clone, Deserialize)]
pub struct DatabaseConfig {
    /// `KIKUBARI_DATABASE_URL`: as the application's role, which owns nothing.
    pub database_url: SecretString,
    /// `KIKUBARI_DATABASE_POOL` (16): most connections of this process.
    #[serde(default = "default_pool")]
    pub database_pool: usize,
}

/// Where the master key comes from.
#[derive(Debug, Clone, Deserialize)]
pub struct SecretConfig {
    /// `KIKUBARI_SECRET_KEY_FILE`: a file with 32 random bytes in base64.
    pub secret_key_file: PathBuf,
}

/// How the world reaches this installation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublicConfig {
    /// `KIKUBARI_PUBLIC_URL` (`http://127.0.0.1:8080`): begins every link in a mail; no slash at its end.
    pub public_url: String,
}

impl Default for PublicConfig {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
        }
    }
}

fn default_pool() -> usize {
    16
}

/// A setting that is missing or wrong; names the variable.
#[derive(Debug, thiserror::Error)]
#[error("setting: {0}")]
pub struct ConfigError(#[from] Box<figment::Error>);

/// Reads one concern's settings from `KIKUBARI_*`.
///
/// # Errors
/// When a required variable is missing or a value does not parse.
pub fn load<T: DeserializeOwned>() -> Result<T, ConfigError> {
    Figment::new()
        .merge(Env::prefixed("KIKUBARI_"))
        .extract()
        .map_err(|e| ConfigError(Box::new(e)))
}

/// As [`load`], with defaults.
///
/// # Errors
/// When a value does not parse.
pub fn load_or<T: DeserializeOwned + Serialize>(defaults: &T) -> Result<T, ConfigError> {
    Figment::from(Serialized::defaults(defaults))
        .merge(Env::prefixed("KIKUBARI_"))
        .extract()
        .map_err(|e| ConfigError(Box::new(e)))
}
