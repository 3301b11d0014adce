//! Webhooks: makes messages of what the outbox gathered, and sends them.
//!
//! ```text
//! outbox ─fan_out→ messages ─claim (lease)→ send ─record→ delivered, later, failed
//! ```
//!
//! A process works on a bounded number of webhooks at a time, each by a few
//! requests; which one is next is the database's to say ([`domain::webhook::work`]).
//! It has a pool of connections of its own: mail never waits for a webhook.

mod retry_after;
mod send;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::Db;
use domain::dns::Dns;
use domain::egress::Rules;
use domain::ids::WorkerId;
use domain::secret::Keys;
use domain::signal::{Signal, listen};
use domain::webhook::outbox;
use domain::webhook::work::{self, Attempt, Batch};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::egress::{Client, Patience};
use crate::explain;
use crate::smtp::tls::platform_tls;

/// Webhooks that one process works on at a time.
const WEBHOOKS: usize = 16;
/// How often it looks without being called.
const POLL: Duration = Duration::from_secs(1);
/// How long requests under way may take when the process is told to end.
const DRAIN: Duration = Duration::from_secs(8);
/// Connections to the database.
const POOL: usize = 4;
/// Pauses before what became of a batch is noted again; much less than its lease.
const NOTED_AGAIN: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// The sender of webhooks of one process.
pub struct Webhooks {
    db: Db,
    sender: Arc<Sender>,
}

/// What a request needs.
struct Sender {
    db: Db,
    keys: Arc<Keys>,
    worker: WorkerId,
    client: Client,
    rules: Rules,
    dns: Dns,
}

impl Webhooks {
    /// # Errors
    /// When the platform has no TLS roots or no name servers.
    pub fn new(
        db: &Db,
        keys: &Arc<Keys>,
        rules: Rules,
        dns_server: Option<SocketAddr>,
    ) -> anyhow::Result<Self> {
        let client = Client::new(platform_tls()?, Patience::default());
        Self::with_client(db, keys, rules, dns_server, client)
    }

    /// As [`Webhooks::new`], with another client.
    ///
    /// # Errors
    /// As [`Webhooks::new`].
    pub fn with_client(
        db: &Db,
        keys: &Arc<Keys>,
        rules: Rules,
        dns_server: Option<SocketAddr>,
        client: Client,
    ) -> anyhow::Result<Self> {
        let db = db.with_own_pool(POOL).map_err(explain)?;
        let sender = Sender {
            db: db.clone(),
            keys: Arc::clone(keys),
            worker: WorkerId::new(),
            client,
            rules,
            dns: Dns::new(dns_server)?,
        };
        Ok(Self {
            db,
            sender: Arc::new(sender),
        })
    }

    /// Works until `shutdown` ends, then ends what is under way.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (call, mut called) = mpsc::channel(1);
        let mut helpers = JoinSet::new();
        helpers.spawn(signals(self.db.clone(), call));
        let mut sending = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let more = match self.step(&mut sending).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(name: "webhook.failed", error = format!("{error:#}"), "trying again");
                    false
                }
            };
            if more && sending.len() < WEBHOOKS {
                continue;
            }
            tokio::select! {
                () = &mut shutdown => break,
                () = sleep(POLL) => {}
                Some(()) = called.recv() => {}
                Some(_) = sending.join_next() => {}
            }
        }
        let drained = async { while sending.join_next().await.is_some() {} };
        if timeout(DRAIN, drained).await.is_err() {
            tracing::warn!(name: "webhook.cut_off", "requests under way go out again when their lease has run out");
        }
    }

    /// Makes messages, and starts what is due while there is room; answers whether
    /// there is more to do.
    async fn step(&self, sending: &mut JoinSet<()>) -> anyhow::Result<bool> {
        let more = outbox::fan_out(&self.db).await;
        while sending.len() < WEBHOOKS {
            let claimed = work::claim(&self.db, &self.sender.keys, self.sender.worker).await;
            let Some(batch) = claimed.map_err(explain)? else {
                break;
            };
            let sender = Arc::clone(&self.sender);
            sending.spawn(async move { sender.work(batch).await });
        }
        more.map_err(explain)
    }

    /// Works until nothing is due.
    ///
    /// # Errors
    /// When the database does.
    pub async fn drain(&self) -> anyhow::Result<()> {
        let mut sending = JoinSet::new();
        loop {
            let more = self.step(&mut sending).await?;
            if sending.join_next().await.is_none() && !more {
                return Ok(());
            }
        }
    }
}

impl Sender {
    /// Sends a batch and notes what became of it.
    async fn work(&self, batch: Batch) {
        if batch.messages.is_empty() {
            return;
        }
        let attempts = self.send(&batch).await;
        if let Err(error) = self.record(&batch, &attempts).await {
            let error = format!("{:#}", explain(error));
            tracing::warn!(name: "webhook.not_recorded", webhook = %batch.webhook, error, "it goes out again");
        }
    }

    /// Notes it, more than once when the database is away for a moment: what is
    /// not noted goes out again.
    async fn record(&self, batch: &Batch, attempts: &[Attempt]) -> domain::error::Result<()> {
        for pause in NOTED_AGAIN {
            match work::record(&self.db, self.worker, batch, attempts).await {
                Err(error) if error.is_passing() => sleep(pause).await,
                noted => return noted,
            }
        }
        work::record(&self.db, self.worker, batch, attempts).await
    }
}

async fn signals(db: Db, call: mpsc::Sender<()>) {
    while !call.is_closed() {
        match listen(&db).await {
            Ok(stream) => {
                let mut stream = std::pin::pin!(stream);
                while let Some(signal) = stream.next().await {
                    if signal == Signal::Webhooks {
                        call.try_send(()).ok();
                    }
                }
            }
            Err(error) => {
                tracing::warn!(name: "webhook.listen_failed", ?error, "polling meanwhile");
            }
        }
        sleep(POLL).await;
    }
}
