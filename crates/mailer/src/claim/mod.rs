//! The campaigns that this mailer has in work: their content, compiled, their
//! keys, opened, and the switch that halts them.

mod in_hand;
mod letterhead;
mod load;
mod work;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::Db;
use domain::delivery::claim::{Batch, Claim, Turn, claim};
use domain::delivery::queue;
use domain::ids::{CampaignId, RouteId, TenantId, WorkerId};
use domain::route;
use domain::secret::Keys;
use tokio::sync::{Mutex as AsyncMutex, watch};

use self::in_hand::Batches;
use self::load::NotLoaded;
use self::work::FRESH;
pub use self::work::Work;
use crate::config::MailerConfig;
use crate::explain;
use crate::smtp::route::{FIRST_REST, Route, RouteSettings};
use crate::smtp::tls;

/// Campaigns in work and routes in use.
pub struct Desk {
    db: Db,
    keys: Arc<Keys>,
    worker: WorkerId,
    config: MailerConfig,
    settings: RouteSettings,
    state: Mutex<State>,
    /// Held from a claim's begin until its batch is in `state`; when the last
    /// claim failed, so that nobody knows whether it was made.
    claiming: AsyncMutex<Option<Instant>>,
}

#[derive(Default)]
struct State {
    works: HashMap<CampaignId, Arc<Work>>,
    batches: Batches,
    routes: HashMap<RouteId, Arc<Route>>,
}

/// What a turn came to.
pub enum Taken {
    /// Nothing is due for which there is a hand.
    Nothing,
    /// A turn was had, without anything to send; others may have more.
    Again,
    /// With its number, by which it is [`Desk::done`].
    Batch(u64, Arc<Work>, Batch),
}

impl Desk {
    /// # Errors
    /// When the platform has no TLS roots.
    pub fn new(
        db: Db,
        keys: Arc<Keys>,
        worker: WorkerId,
        config: MailerConfig,
    ) -> anyhow::Result<Self> {
        let settings = RouteSettings {
            inside: config.inside().map_err(anyhow::Error::msg)?,
            helo: config.helo_name(),
            timeouts: config.timeouts(),
            tls: tls::platform_tls()?,
            direct: config.direct(),
            exchanges: Arc::default(),
            slots: None,
            first_rest: FIRST_REST,
        };
        Ok(Self {
            db,
            keys,
            worker,
            config,
            settings,
            state: Mutex::default(),
            claiming: AsyncMutex::default(),
        })
    }

    /// Takes other settings for routes used from now on (tests: short time-outs, own roots).
    #[must_use]
    pub fn with_route_settings(mut self, change: impl FnOnce(&mut RouteSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Campaigns with something of theirs in hand.
    pub fn in_hand(&self) -> BTreeSet<(TenantId, CampaignId)> {
        self.state().batches.campaigns().collect()
    }

    /// Takes the next batch, one after the other.
    ///
    /// # Errors
    /// When the database does.
    pub async fn take(&self) -> anyhow::Result<Taken> {
        let Some((lanes, except)) = self.state().batches.free() else {
            return Ok(Taken::Nothing);
        };
        let Some(turn) = domain::delivery::claim::next_turn(&self.db, &except, lanes)
            .await
            .map_err(explain)?
        else {
            return Ok(Taken::Nothing);
        };
        let work = match self.work(turn).await {
            Ok(work) => work,
            Err(error) => {
                self.not_loaded(turn, error).await?;
                return Ok(Taken::Again);
            }
        };
        let mut failed = self.claiming.lock().await;
        let claimed = claim(&self.db, self.worker, turn, domain::delivery::claim::BATCH).await;
        if claimed.is_err() {
            *failed = Some(Instant::now());
        }
        match claimed.map_err(explain)? {
            Claim::Batch(batch) if batch.deliveries.is_empty() => Ok(Taken::Again),
            Claim::Batch(batch) => {
                let mut state = self.state();
                // It may have been forgotten as too old while this was claimed;
                // what was halted stays forgotten.
                if !work.is_halted() {
                    state
                        .works
                        .entry(turn.campaign_id)
                        .or_insert_with(|| Arc::clone(&work));
                }
                let number = state.batches.take(&batch);
                drop(state);
                Ok(Taken::Batch(number, work, batch))
            }
            Claim::NothingDue | Claim::Closed(_) => Ok(Taken::Again),
            Claim::NotSending => {
                self.hold(turn, Duration::from_secs(30)).await?;
                Ok(Taken::Again)
            }
        }
    }

    async fn hold(&self, turn: Turn, time: Duration) -> anyhow::Result<()> {
        let until = self.db.now() + time;
        queue::postpone(&self.db, turn.tenant_id, turn.campaign_id, until)
            .await
            .map_err(explain)
    }

    /// A batch is done.
    pub fn done(&self, number: u64) {
        self.state().batches.done(number);
    }

    /// Halts what was paused or stopped meanwhile or whose hours are over, and
    /// forgets what is no longer in work. Called at each signal and twice a second.
    ///
    /// # Errors
    /// When the database does.
    pub async fn look_round(&self) -> anyhow::Result<()> {
        let known: Vec<CampaignId> = self.state().works.keys().copied().collect();
        if known.is_empty() {
            return Ok(());
        }
        let mut over = queue::halted(&self.db, &known).await.map_err(explain)?;
        over.extend(self.closed());
        for id in over {
            self.halt(id);
        }
        let mut state = self.state();
        let State { works, batches, .. } = &mut *state;
        works.retain(|id, work| batches.of(*id) > 0 || work.loaded.elapsed() < FRESH);
        Ok(())
    }

    /// Nothing more of a campaign may be handed over. It is forgotten at once:
    /// loaded anew it would have the same switch.
    pub fn halt(&self, id: CampaignId) {
        let work = self.state().works.remove(&id);
        if let Some(work) = work {
            work.halted.send_replace(true);
            tracing::info!(name: "campaign.halted", campaign = %id, "paused, stopped or out of hours");
        }
    }

    fn closed(&self) -> Vec<CampaignId> {
        let now = self.db.now();
        let is_closed =
            |work: &Arc<Work>| work.hours.is_some_and(|hours| hours.opens(now).is_some());
        let state = self.state();
        let closed = state.works.iter().filter(|(_, work)| is_closed(work));
        closed.map(|(id, _)| *id).collect()
    }

    /// Tells people which routes went down or came back.
    pub async fn tell_news(&self) {
        let routes: Vec<Arc<Route>> = self.state().routes.values().cloned().collect();
        for route in routes {
            let Some(seen) = route.news(self.db.now()) else {
                continue;
            };
            if let Err(error) = route::health::note(&self.db, route.tenant, route.id, seen).await {
                tracing::warn!(name: "route.health_failed", ?error, "people don't see it");
            }
        }
    }

    /// Ends sessions that nobody needs.
    pub async fn reap_sessions(&self) {
        let (used, unused): (Vec<_>, Vec<_>) = {
            let mut state = self.state();
            let in_use: Vec<RouteId> = state
                .works
                .values()
                .flat_map(|work| work.routes.iter().map(|route| route.id))
                .collect();
            // One that a campaign is just loaded with is in nobody's works yet:
            // closed now, that campaign could not send until it is loaded anew.
            let (used, unused): (HashMap<_, _>, HashMap<_, _>) = std::mem::take(&mut state.routes)
                .into_iter()
                .partition(|(id, route)| in_use.contains(id) || Arc::strong_count(route) > 1);
            state.routes = used;
            let used: Vec<Arc<Route>> = state.routes.values().cloned().collect();
            (used, unused.into_values().collect())
        };
        for route in used {
            route.sessions().reap().await;
        }
        for route in unused {
            route.sessions().close().await;
        }
    }

    /// Ends all sessions.
    pub async fn close(&self) {
        let routes: Vec<Arc<Route>> = self
            .state()
            .routes
            .drain()
            .map(|(_, route)| route)
            .collect();
        for route in routes {
            route.sessions().close().await;
        }
    }

    async fn work(&self, turn: Turn) -> Result<Arc<Work>, NotLoaded> {
        loop {
            let known = self.state().works.get(&turn.campaign_id).cloned();
            if let Some(work) = known.as_ref().filter(|work| work.is_fresh()) {
                return Ok(Arc::clone(work));
            }
            // The switch stays the same when only the content is loaded anew:
            // batches of both have to hear it.
            let halted =
                known.map_or_else(|| watch::Sender::new(false), |work| work.halted.clone());
            let work = Arc::new(self.load(turn, halted).await?);
            let mut state = self.state();
            // Halted while it was loaded: that switch stays as it is for good.
            if !work.is_halted() {
                state.works.insert(turn.campaign_id, Arc::clone(&work));
                return Ok(work);
            }
        }
    }
}
