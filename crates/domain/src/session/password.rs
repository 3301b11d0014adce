//! Passwords: what is accepted, and hashing that can't starve other requests.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::error::{DomainError, FieldError, Result};

/// Fewest characters (ASVS 5.0 6.2.1 asks for 8, product.md for 12).
pub const MIN_LENGTH: usize = 12;
/// Most characters: argon2 takes any length, a limit keeps requests small.
pub const MAX_LENGTH: usize = 256;

/// Whether a new password is long enough, and not too long.
///
/// # Errors
/// What is wrong with it.
pub fn check(password: &SecretString) -> Result<(), FieldError> {
    let n = password.expose_secret().chars().count();
    if n < MIN_LENGTH {
        return Err(FieldError::new(
            "/password",
            "too_short",
            format!("has {n} characters, at least {MIN_LENGTH} are asked for"),
        ));
    }
    if n > MAX_LENGTH {
        return Err(FieldError::new(
            "/password",
            "too_long",
            format!("has {n} characters, at most {MAX_LENGTH} are allowed"),
        ));
    }
    Ok(())
}

/// Cost of argon2id (RFC 9106): memory in KiB, passes, lanes.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Default for Cost {
    /// The second recommendation of RFC 9106 §4: 64 MiB, 3 passes, 4 lanes.
    fn default() -> Self {
        Self {
            memory_kib: 64 * 1024,
            passes: 3,
            lanes: 4,
        }
    }
}

/// Hashes and verifies on blocking threads, a few at a time: a storm of
/// log-ins queues here and leaves the reactor and a core to everybody else.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    places: Arc<Semaphore>,
    /// Verified against when a login id is unknown, so that it takes as long.
    decoy: Arc<str>,
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher(…)")
    }
}

impl Hasher {
    /// # Errors
    /// When the cost is outside what argon2 allows.
    pub fn new(cost: Cost) -> Result<Self> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)
            .map_err(DomainError::internal)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, "no account has this password")?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            argon2,
            places: Arc::new(Semaphore::new((cores / 2).max(1))),
            decoy: decoy.into(),
        })
    }

    /// A PHC string for the database.
    ///
    /// # Errors
    /// When the library fails.
    pub async fn hash(&self, password: SecretString) -> Result<String> {
        let argon2 = self.argon2.clone();
        self.off_reactor(move || hash(&argon2, password.expose_secret()))
            .await?
    }

    /// Whether the password is the one of the hash; `None` costs the same and
    /// is never right.
    ///
    /// # Errors
    /// When the stored hash is broken.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool> {
        let (argon2, decoy) = (self.argon2.clone(), Arc::clone(&self.decoy));
        self.off_reactor(move || {
            let known = stored.is_some();
            let text = stored.unwrap_or_else(|| decoy.to_string());
            let parsed = PasswordHash::new(&text)
                .map_err(|e| DomainError::internal(format_args!("stored hash: {e}")))?;
            Ok(argon2
                .verify_password(password.expose_secret().as_bytes(), &parsed)
                .is_ok()
                && known)
        })
        .await?
    }

    async fn off_reactor<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let _place = self.places.acquire().await.map_err(DomainError::internal)?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(DomainError::internal)
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String> {
    Ok(argon2
        .hash_password(password.as_bytes())
        .map_err(DomainError::internal)?
        .to_string())
}
