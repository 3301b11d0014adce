//! What goes on beside the sending, round after round: leases renewed and those
//! of the dead ended, journals replayed, pauses heeded, news told.

use std::sync::Arc;
use std::time::Duration;

use domain::Db;
use domain::delivery::lease;
use domain::ids::WorkerId;
use domain::installation;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::RETRY;
use crate::claim::Desk;
use crate::fence::Fence;
use crate::handover::Hands;
use crate::journal::replay;
use crate::patience::Patience;

/// Leases last three times as long.
const RENEW: Duration = Duration::from_secs(30);
const HOUSEKEEPING: Duration = Duration::from_secs(15);
/// How often it is told which routes went down or came back.
const NEWS: Duration = Duration::from_millis(500);

pub(super) async fn replay_dead(hands: &Hands) -> anyhow::Result<()> {
    let Some(journal) = &hands.journal else {
        return Ok(());
    };
    let facts = installation::facts(&hands.db)
        .await
        .map_err(crate::explain)?;
    replay::run(&hands.db, journal.dir(), hands.worker, facts).await?;
    Ok(())
}

/// Beside the taking of batches, which may have to wait for a campaign's rows:
/// who pauses or stops one does not.
pub(super) async fn heeding(desk: Arc<Desk>, mut called: mpsc::Receiver<()>) {
    while called.recv().await.is_some() {
        if let Err(error) = desk.look_round().await {
            tracing::warn!(name: "mailer.look_round_failed", error = format!("{error:#}"), "trying again");
        }
    }
}

pub(super) async fn telling_news(desk: Arc<Desk>) {
    let mut ticks = interval(NEWS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        desk.tell_news().await;
    }
}

pub(super) async fn housekeeping(hands: Hands, desk: Arc<Desk>, fence: Arc<Fence>) {
    let mut ticks = interval(HOUSEKEEPING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut patience = Patience::new(RENEW + HOUSEKEEPING);
    loop {
        ticks.tick().await;
        if let Err(error) = fence.heed(&hands).await {
            tracing::warn!(name: "fence.failed", error = format!("{error:#}"), "trying again");
        }
        // Before leases are looked at: a journal knows more.
        if let Err(error) = replay_dead(&hands).await {
            tracing::warn!(name: "journal.replay_failed", error = format!("{error:#}"), "trying again");
        }
        match desk.give_back_strays().await {
            Ok(0) => {}
            Ok(n) => {
                tracing::info!(name: "claim.given_back", n, "claimed without our knowing when the database was away");
            }
            Err(error) => {
                tracing::warn!(name: "claim.give_back_failed", error = format!("{error:#}"), "trying again");
            }
        }
        match expire(&hands.db, &mut patience).await {
            Ok(0) => {}
            Ok(n) => {
                tracing::warn!(name: "lease.expired", n, "deliveries of a mailer that is gone are unknown");
            }
            Err(error) => {
                patience.lost();
                tracing::warn!(name: "lease.expire_failed", ?error, "trying again");
            }
        }
        hands.sites.tell(&hands.db).await;
        desk.reap_sessions().await;
    }
}

async fn expire(db: &Db, patience: &mut Patience) -> domain::error::Result<usize> {
    let database = lease::database_time(db).await?;
    lease::expire(db, patience.look(database, Instant::now())).await
}

/// Renews what is in hand; after a failure at once again, since whoever waits
/// for leases to run out waits no longer than a round of this.
pub(super) async fn renewing(db: Db, worker: WorkerId, desk: Arc<Desk>) {
    loop {
        let mut failed = false;
        for (tenant, campaign) in desk.in_hand() {
            if let Err(error) = lease::renew(&db, worker, tenant, campaign).await {
                tracing::warn!(name: "lease.renew_failed", ?error, "trying again");
                failed = true;
            }
        }
        sleep(if failed { RETRY } else { RENEW }).await;
    }
}
