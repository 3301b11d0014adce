//! Passwords: what is accepted ([`policy`]), what became of former ones
//! ([`replace`]), and hashing that can't starve other requests ([`queue`]).

mod leaked;
pub mod policy;
mod queue;
pub(crate) mod replace;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use secrecy::{ExposeSecret, SecretString};

pub use self::queue::{KEPT, PLACES, Who};
use self::queue::{Place, Queue};
use crate::error::{DomainError, Result};

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

/// Hashes and verifies on blocking threads, a few at a time and for a few who
/// wait: a storm of log-ins ends here, and leaves the reactor and a core to
/// everybody else.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    queue: Queue,
    /// Verified against when a login id is unknown, so that it takes as long.
    decoy: Arc<str>,
    worked: Arc<AtomicU64>,
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
            queue: Queue::new((cores / 2).max(1)),
            decoy: decoy.into(),
            worked: Arc::default(),
        })
    }

    /// How many hashes were made so far: what a request costs, apart from
    /// the noise of a clock.
    #[must_use]
    pub fn worked(&self) -> u64 {
        self.worked.load(Ordering::Relaxed)
    }

    /// A place in the queue, to be asked for before anything is counted or
    /// looked up: what is refused here has cost nothing and says nothing of
    /// whom it is about. One is enough for all hashes of a request.
    ///
    /// # Errors
    /// [`DomainError::Overloaded`] when too many wait.
    pub fn enter(&self, who: Who) -> Result<Turn> {
        Ok(Turn {
            hasher: self.clone(),
            place: self.queue.enter(who)?,
        })
    }
}

/// A request's place in the queue of a [`Hasher`]; it is left by dropping this.
pub struct Turn {
    hasher: Hasher,
    place: Place,
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Turn(…)")
    }
}

impl Turn {
    /// A PHC string for the database.
    ///
    /// # Errors
    /// When the library fails.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<String> {
        let hasher = self.hasher.clone();
        self.place
            .work(move || {
                hasher.worked.fetch_add(1, Ordering::Relaxed);
                hash(&hasher.argon2, password.expose_secret())
            })
            .await?
    }

    /// Whether the password is the one of the hash; `None` costs the same and
    /// is never right.
    ///
    /// # Errors
    /// When the stored hash is broken.
    pub(crate) async fn verify(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<bool> {
        let hasher = self.hasher.clone();
        self.place
            .work(move || {
                hasher.worked.fetch_add(1, Ordering::Relaxed);
                let text = stored.as_deref().unwrap_or(&hasher.decoy);
                let parsed = PasswordHash::new(text)
                    .map_err(|e| DomainError::internal(format_args!("stored hash: {e}")))?;
                let password = password.expose_secret().as_bytes();
                let is_right = hasher.argon2.verify_password(password, &parsed).is_ok();
                Ok(is_right && stored.is_some())
            })
            .await?
    }

    /// What there is to say against a new password. It takes milliseconds of
    /// a core, so that it waits for its turn like a hash.
    ///
    /// # Errors
    /// When the runtime is ending.
    pub(crate) async fn judge(
        &self,
        policy: policy::Policy,
        password: SecretString,
    ) -> Result<policy::Judgement> {
        self.place
            .work(move || policy.judge(password.expose_secret()))
            .await
    }

    /// Whether it is one of these former passwords; one hash for each.
    ///
    /// # Errors
    /// When a stored hash is broken.
    pub(crate) async fn is_one_of(
        &self,
        password: &SecretString,
        former: Vec<String>,
    ) -> Result<bool> {
        for hash in former {
            if self.verify(password.clone(), Some(hash)).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String> {
    Ok(argon2
        .hash_password(password.as_bytes())
        .map_err(DomainError::internal)?
        .to_string())
}
