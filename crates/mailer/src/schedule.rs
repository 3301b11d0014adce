//! What is to happen by itself: schedules that fall due, audiences that are
//! frozen while their first mails already go out, partitions of the coming
//! months.

use std::time::Duration;

use domain::Db;
use domain::ids::WorkerId;
use tokio::time::{MissedTickBehavior, interval};

const TICK: Duration = Duration::from_secs(1);

/// The scheduler of one mailer.
#[derive(Clone)]
pub struct Schedule {
    db: Db,
    worker: WorkerId,
}

impl Schedule {
    #[must_use]
    pub fn new(db: Db, worker: WorkerId) -> Self {
        Self { db, worker }
    }

    /// Runs until dropped.
    pub async fn run(self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.run_once().await {
                tracing::warn!(name: "schedule.failed", error = format!("{error:#}"), "trying again");
            }
        }
    }

    /// Does what is due; answers whether anything was.
    ///
    /// # Errors
    /// When the database does.
    pub async fn run_once(&self) -> anyhow::Result<bool> {
        let _ = (&self.db, self.worker);
        Ok(false)
    }
}
