//! What is to happen by itself: schedules and steps of sequences that fall due, audiences that are
//! frozen while their first mails already go out, what is left of stopped
//! campaigns, what was held back by a limit that was changed,
//! winners of A/B tests.

use std::sync::Arc;
use std::time::Duration;

use domain::Db;
use domain::campaign::freeze::{Frozen, freeze_next_chunk};
use domain::campaign::{ab_test, due, sweep};
use domain::ids::WorkerId;
use domain::limit::release;
use domain::mail::render::Installation;
use domain::secret::Keys;
use domain::sequence;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::explain;

/// How often it looks without being called.
const POLL: Duration = Duration::from_secs(1);

/// The scheduler of one mailer.
#[derive(Clone)]
pub struct Schedule {
    db: Db,
    worker: WorkerId,
    installation: Installation,
}

impl Schedule {
    #[must_use]
    pub fn new(db: Db, worker: WorkerId, keys: Arc<Keys>, public_url: String) -> Self {
        let installation = Installation { public_url, keys };
        Self {
            db,
            worker,
            installation,
        }
    }

    /// Runs until dropped: at each call, each second, and without a pause
    /// while there is more to do.
    pub async fn run(self, mut calls: mpsc::Receiver<()>) {
        loop {
            match self.run_once().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(name: "schedule.failed", error = format!("{error:#}"), "trying again");
                    sleep(POLL).await;
                }
            }
            tokio::select! {
                () = sleep(POLL) => {}
                Some(()) = calls.recv() => {}
            }
        }
    }

    /// One step of each kind; answers whether to come again at once. None of
    /// them keeps the others from their turn when it fails.
    ///
    /// # Errors
    /// When the database does.
    pub async fn run_once(&self) -> anyhow::Result<bool> {
        let started = due::start_due(&self.db, &self.installation).await;
        let moved = sequence::run::run_once(&self.db, &self.installation).await;
        let frozen = freeze_next_chunk(&self.db, self.worker).await;
        let more_to_skip = sweep::run_once(&self.db).await;
        let more_to_release = release::run_once(&self.db).await;
        let more_to_test = ab_test::decide::run_once(&self.db).await;
        let started = started.map_err(explain)? > 0;
        let moved = moved.map_err(explain)?;
        // A chunk of nobody: it was paused or stopped since it was chosen.
        let froze = !matches!(frozen.map_err(explain)?, Frozen::Nothing | Frozen::Chunk(0));
        let more = more_to_skip.map_err(explain)? | more_to_release.map_err(explain)?;
        Ok(started | moved | froze | more | more_to_test.map_err(explain)?)
    }
}
