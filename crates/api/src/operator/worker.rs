//! Erasures that are due, one after the other, beside the console's requests.

use std::sync::Arc;
use std::time::Duration;

use domain::Db;
use domain::operator::erasure;
use domain::secret::Keys;
use tokio::time::sleep;

/// How often it is looked for one.
const POLL: Duration = Duration::from_secs(5);

/// Runs until the process ends; what is under way then goes on at the next start.
pub async fn run(db: Db, keys: Arc<Keys>) {
    loop {
        match erasure::run_once(&db, &keys).await {
            Ok(true) => {}
            Ok(false) => sleep(POLL).await,
            Err(error) => {
                tracing::warn!(name: "erasure.failed", ?error, "trying again");
                sleep(POLL).await;
            }
        }
    }
}
