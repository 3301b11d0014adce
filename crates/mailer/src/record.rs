//! Outcomes of a batch, written to the ledger in micro-batches while the rest
//! of it still goes out.

use std::time::Duration;

use domain::delivery::claim::Batch;
use domain::delivery::record::{Record, record};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, timeout_at};

use crate::handover::Hands;
use crate::metrics;

/// Most outcomes in one transaction.
const MICRO_BATCH: usize = 200;
/// How long the first outcome of a micro-batch waits for others: what a
/// report's figures may be late.
const GATHER: Duration = Duration::from_millis(100);
/// Between two tries while the database does not answer.
const RETRY: Duration = Duration::from_millis(500);

/// Records what comes until the last sender is dropped. While the database is
/// away it keeps trying: the lease decides whether the word still counts.
pub async fn run(hands: &Hands, batch: &Batch, mut outcomes: Receiver<Record>) {
    let mut gathered = Vec::with_capacity(MICRO_BATCH);
    while outcomes.recv_many(&mut gathered, MICRO_BATCH).await > 0 {
        let until = Instant::now() + GATHER;
        while gathered.len() < MICRO_BATCH {
            let room = MICRO_BATCH - gathered.len();
            match timeout_at(until, outcomes.recv_many(&mut gathered, room)).await {
                Ok(n) if n > 0 => {}
                _ => break,
            }
        }
        write(hands, batch, &gathered).await;
        if let Some(journal) = &hands.journal {
            journal.recorded(gathered.iter().map(|record| record.id));
        }
        gathered.clear();
    }
}

async fn write(hands: &Hands, batch: &Batch, records: &[Record]) {
    for outcome in records {
        metrics::count(&outcome.outcome);
    }
    loop {
        match record(
            &hands.db,
            hands.worker,
            batch.tenant_id,
            batch.campaign_id,
            batch.period,
            records,
        )
        .await
        {
            Ok(counted) if counted == records.len() => return,
            Ok(counted) => {
                tracing::warn!(
                    name: "record.lease_lost", campaign = %batch.campaign_id, lost = records.len() - counted,
                    "outcomes came after their lease had run out, and do not count"
                );
                return;
            }
            Err(error) => {
                tracing::warn!(name: "record.failed", campaign = %batch.campaign_id, ?error, "trying again");
                sleep(RETRY).await;
            }
        }
    }
}
