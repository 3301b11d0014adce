//! Work that goes on after the answer, so that how long it takes tells the one
//! who asked nothing. Bounded, and lost when the process is killed: only for
//! what a person simply asks for again.

use std::future::Future;
use std::sync::Arc;

use domain::DomainError;
use tokio::sync::Semaphore;

/// Pieces of work at a time in this process.
const PLACES: u32 = 16;
/// Of which so many may wait for each place.
const WAITING: u32 = 8;

/// Where it is begun.
#[derive(Debug, Clone)]
pub struct Background {
    /// A piece holds one from its acceptance to its end.
    accepted: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Default for Background {
    fn default() -> Self {
        Self {
            accepted: Arc::new(Semaphore::new((PLACES * WAITING) as usize)),
            running: Arc::new(Semaphore::new(PLACES as usize)),
        }
    }
}

impl Background {
    /// Begins a piece of work.
    ///
    /// # Errors
    /// [`DomainError::Unavailable`] when too many wait already, whatever they are about.
    pub fn run(&self, work: impl Future<Output = ()> + 'static) -> Result<(), DomainError> {
        let accepted = Arc::clone(&self.accepted)
            .try_acquire_owned()
            .map_err(|_| DomainError::Unavailable {
                context: "too much work goes on after its answer".to_owned(),
            })?;
        let running = Arc::clone(&self.running);
        actix_web::rt::spawn(async move {
            let _place = running.acquire_owned().await;
            work.await;
            drop(accepted);
        });
        Ok(())
    }

    /// Waits until all that was begun is done.
    pub async fn settled(&self) {
        let all = self.accepted.acquire_many(PLACES * WAITING).await;
        drop(all);
    }
}
