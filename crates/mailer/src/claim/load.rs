//! A campaign as it is loaded to be sent, and what is done with one that can't be.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use domain::DomainError;
use domain::campaign::unsendable::{self, Why};
use domain::delivery::claim::{BATCH, Claim, Turn, claim};
use domain::delivery::content;
use domain::delivery::outcome::{Outcome, Reason, Reply};
use domain::delivery::record::{Record, record};
use domain::ids::TenantId;
use domain::mail::render::Installation;
use domain::route;
use tokio::sync::watch;

use super::{Desk, Work};
use crate::explain;
use crate::smtp::choice::{Member, Routes};
use crate::smtp::route::Route;

/// Before what is nobody's to mend is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// Why a campaign is not loaded.
pub(super) enum NotLoaded {
    /// Not before a person has mended it.
    For(Why, anyhow::Error),
    /// A later try may do, or the log is where it has to be seen.
    Error(anyhow::Error),
}

impl NotLoaded {
    pub(super) fn not_composable(error: impl Into<anyhow::Error>) -> Self {
        Self::For(Why::NotComposable, error.into())
    }
}

impl From<DomainError> for NotLoaded {
    fn from(error: DomainError) -> Self {
        match error {
            DomainError::NotFound { .. } | DomainError::Invalid(_) => {
                Self::not_composable(explain(error))
            }
            _ => Self::Error(explain(error)),
        }
    }
}

impl From<anyhow::Error> for NotLoaded {
    fn from(error: anyhow::Error) -> Self {
        Self::Error(error)
    }
}

impl Desk {
    pub(super) async fn load(
        &self,
        turn: Turn,
        halted: watch::Sender<bool>,
    ) -> Result<Work, NotLoaded> {
        let Turn {
            tenant_id,
            campaign_id,
            ..
        } = turn;
        let (db, keys) = (&self.db, &self.keys);
        let open = route::of_campaign(db, keys, tenant_id, campaign_id).await?;
        if open.is_empty() {
            return Err(NotLoaded::For(
                Why::NoRoute,
                anyhow::anyhow!("no enabled route"),
            ));
        }
        let mut routes = Vec::with_capacity(open.len());
        for open in &open {
            routes.push(Member {
                route: self.route(tenant_id, open).await?,
                position: open.position,
                weight: open.weight,
            });
        }
        let installation = Installation {
            public_url: self.config.public_url.clone(),
            keys: Arc::clone(keys),
        };
        let loaded = content::load(db, tenant_id, campaign_id, &installation).await?;
        let hours = loaded.hours;
        // Which route a mail takes is decided when it is made already; a second
        // signature by the relay does no harm, a missing one does.
        let signs = open.iter().any(|route| route.sign);
        let loaded = Arc::new(loaded);
        let mut contents = loaded.variants.clone();
        if contents.is_empty() {
            contents.push((loaded.content.clone(), 0));
        }
        let mut letterheads = Vec::with_capacity(contents.len());
        for (content, links_after) in contents {
            let loaded = Arc::clone(&loaded);
            let letterhead = self.letterhead(turn, loaded, content, links_after, signs);
            letterheads.push(Arc::new(letterhead.await?));
        }
        Ok(Work {
            tenant: tenant_id,
            campaign: campaign_id,
            letterheads,
            routes: Routes::new(routes),
            hours,
            halted,
            loaded: Instant::now(),
            stale: AtomicBool::new(false),
        })
    }

    /// The route's sessions, shared by all campaigns that go by it; another
    /// version gets new ones.
    async fn route(&self, tenant: TenantId, open: &route::OpenRoute) -> anyhow::Result<Arc<Route>> {
        let known = self.state().routes.get(&open.id).cloned();
        if let Some(route) = known.as_ref().filter(|route| route.version == open.version) {
            return Ok(Arc::clone(route));
        }
        let fresh = Arc::new(Route::new(tenant, open, &self.settings)?);
        self.state().routes.insert(open.id, Arc::clone(&fresh));
        if let Some(old) = known {
            old.sessions().reap().await;
        }
        Ok(fresh)
    }

    /// Nothing is claimed yet, so nothing is lost. What a person has to mend is
    /// paused and says so; the rest waits for a better moment.
    pub(super) async fn not_loaded(&self, turn: Turn, error: NotLoaded) -> anyhow::Result<()> {
        let Turn {
            tenant_id,
            campaign_id,
            ..
        } = turn;
        match error {
            NotLoaded::Error(error) => {
                tracing::error!(name: "campaign.not_loaded", campaign = %campaign_id, error = format!("{error:#}"), "held back");
                self.hold(turn, AGAIN).await
            }
            NotLoaded::For(why, error) => {
                tracing::warn!(name: "campaign.unsendable", campaign = %campaign_id, why = why.as_str(), error = format!("{error:#}"), "people are told");
                let held = unsendable::hold(&self.db, tenant_id, campaign_id, why)
                    .await
                    .map_err(explain)?;
                if held {
                    // Should it send all the same, not at once again.
                    return self.hold(turn, AGAIN).await;
                }
                self.put_off(turn, why, &error).await
            }
        }
    }

    /// One batch of what nobody can pause: each mail says what it waits for,
    /// and is tried again like one whose relay is away, or has failed.
    async fn put_off(&self, turn: Turn, why: Why, error: &anyhow::Error) -> anyhow::Result<()> {
        let mut failed = self.claiming.lock().await;
        let claimed = claim(&self.db, self.worker, turn, BATCH).await;
        if claimed.is_err() {
            *failed = Some(Instant::now());
        }
        let batch = match claimed.map_err(explain)? {
            Claim::Batch(batch) => batch,
            Claim::NothingDue | Claim::Closed(_) => return Ok(()),
            Claim::NotSending => return self.hold(turn, AGAIN).await,
        };
        let now = self.db.now();
        let reply = Reply {
            text: format!("{error:#}"),
            ..Reply::default()
        };
        let records: Vec<Record> = batch
            .deliveries
            .into_iter()
            .map(|claimed| Record {
                id: claimed.id,
                attempts: claimed.attempts,
                message_id: None,
                site: None,
                at: now,
                outcome: match why {
                    Why::NoRoute => Outcome::Deferred(Reason::Unreachable, Some(reply.clone())),
                    Why::NotComposable => Outcome::Failed(Reason::NotComposed, Some(reply.clone())),
                },
            })
            .collect();
        let (tenant, campaign) = (batch.tenant_id, batch.campaign_id);
        let recorded = record(
            &self.db,
            self.worker,
            tenant,
            campaign,
            batch.period,
            &records,
        );
        if let Err(error) = recorded.await {
            // In no batch: they are given back as strays.
            *failed = Some(Instant::now());
            return Err(explain(error));
        }
        Ok(())
    }
}
