//! Looks the records of sender domains up again, day by day. On a lane of its
//! own: name servers may be slow, and no mail waits for them.

use std::net::SocketAddr;
use std::time::Duration;

use domain::Db;
use domain::sender_domain::watch;
use tokio::time::sleep;

use crate::config::MailerConfig;
use crate::explain;

/// How often it looks for domains that are due.
const POLL: Duration = Duration::from_secs(60);

/// The watch of one mailer; of several each domain is looked up by one.
#[derive(Clone)]
pub struct DomainWatch {
    db: Db,
    server: Option<SocketAddr>,
    bounce_domain: Option<String>,
}

impl DomainWatch {
    #[must_use]
    pub fn new(db: &Db, config: &MailerConfig) -> Self {
        Self {
            db: db.clone(),
            server: config.dns_server,
            bounce_domain: config.bounce_domain.clone(),
        }
    }

    /// Runs until dropped.
    pub async fn run(self) {
        loop {
            match self.run_once().await {
                Ok(true) => {}
                Ok(false) => sleep(POLL).await,
                Err(error) => {
                    tracing::warn!(name: "domain_watch.failed", error = format!("{error:#}"), "trying again");
                    sleep(POLL).await;
                }
            }
        }
    }

    /// Looks up what is due, up to a batch; answers whether there may be more.
    ///
    /// # Errors
    /// When the database does.
    pub async fn run_once(&self) -> anyhow::Result<bool> {
        watch::run_once(&self.db, self.server, self.bounce_domain.as_deref())
            .await
            .map_err(explain)
    }
}
