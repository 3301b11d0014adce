//! Wake-up calls between processes over LISTEN/NOTIFY. They carry ids only,
//! never data: whoever hears one reads the row through the tenant door. A lost
//! call costs latency, never truth, since everyone who listens also polls.

use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};

use crate::db::Db;
use crate::error::Result;
use crate::ids::{CampaignId, JobId, TenantId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signal {
    /// A job's state or progress changed.
    Job { tenant: TenantId, id: JobId },
    /// A job waits for a worker.
    JobQueued,
    /// A campaign's state or counts changed.
    Campaign { tenant: TenantId, id: CampaignId },
    /// There is something to send, or a pause or stop to obey at once.
    SendQueue,
    /// A mail of the product itself is to go out.
    SystemMail,
    /// The outbox, or a webhook, has something to send. The database itself says
    /// so when events come up (`tell_webhooks`).
    Webhooks,
}

const CHANNEL: &str = "kikubari";

/// Calls when the transaction commits, not before.
///
/// # Errors
/// When the database does.
pub async fn publish(tx: &mut AsyncPgConnection, signal: Signal) -> Result<()> {
    publish_all(tx, &[signal]).await
}

/// As [`publish`], several at once.
///
/// # Errors
/// When the database does.
#[expect(clippy::disallowed_methods, reason = "a function of the server")]
pub async fn publish_all(tx: &mut AsyncPgConnection, signals: &[Signal]) -> Result<()> {
    let payloads: Vec<String> = signals
        .iter()
        .map(serde_json::to_string)
        .collect::<std::result::Result<_, _>>()
        .map_err(crate::error::DomainError::internal)?;
    if payloads.is_empty() {
        return Ok(());
    }
    diesel::sql_query("SELECT pg_notify($1, payload) FROM unnest($2) AS payload")
        .bind::<Text, _>(CHANNEL)
        .bind::<Array<Text>, _>(payloads)
        .execute(tx)
        .await?;
    Ok(())
}

/// Listens on a connection of its own; the stream ends when that breaks, and
/// the listener connects anew.
///
/// # Errors
/// When there is no connection to be had.
#[expect(
    clippy::disallowed_methods,
    reason = "LISTEN takes no parameter; the channel is a constant"
)]
pub async fn listen(db: &Db) -> Result<impl Stream<Item = Signal> + Send + use<>> {
    let mut connection = db.own_connection().await?;
    diesel::sql_query(format!("LISTEN {CHANNEL}"))
        .execute(&mut connection)
        .await?;
    Ok(async_stream::stream! {
        let mut notifications = std::pin::pin!(connection.notifications_stream());
        while let Some(Ok(notification)) = notifications.next().await {
            if let Ok(signal) = serde_json::from_str(&notification.payload) {
                yield signal;
            }
        }
    })
}
