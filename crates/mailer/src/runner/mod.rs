//! The mailer: takes batches as its hands allow, sends them, and keeps house
//! beside it ([`housekeeping`](mod@housekeeping)).

mod housekeeping;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use domain::Db;
use domain::delivery::claim::Batch;
use domain::delivery::lease::{self, Judgement};
use domain::ids::WorkerId;
use domain::installation;
use domain::secret::Keys;
use futures_util::FutureExt;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use self::housekeeping::{heeding, housekeeping, renewing, replay_dead, telling_news};
use crate::claim::{Desk, Taken, Work};
use crate::config::MailerConfig;
use crate::domain_watch::DomainWatch;
use crate::fence::Fence;
use crate::handover::{self, Hands};
use crate::journal::Journal;
use crate::journal::replay;
use crate::sites::Sites;
use crate::smtp::route::RouteSettings;
use crate::smtp::slots::Slots;
use crate::system_mail::SystemMail;
use crate::{listener, metrics, schedule};

/// How long mails under way may take to end when the mailer is told to.
const DRAIN: Duration = Duration::from_secs(7);
/// How long the ledger may take to hear of what was cut off then.
const LAST_WORD: Duration = Duration::from_secs(2);
/// After an error of the database.
const RETRY: Duration = Duration::from_secs(1);

/// One mailer.
pub struct Mailer {
    desk: Arc<Desk>,
    hands: Hands,
    ending: watch::Sender<bool>,
    schedule: schedule::Schedule,
    fence: Arc<Fence>,
    system_mail: Option<SystemMail>,
    domain_watch: DomainWatch,
}

impl Mailer {
    /// # Errors
    /// When the platform has no TLS roots.
    pub fn new(db: &Db, keys: &Arc<Keys>, config: &MailerConfig) -> anyhow::Result<Self> {
        Self::with_route_settings(db, keys, config, |_| {})
    }

    /// As [`Mailer::new`], with other settings for its routes.
    ///
    /// # Errors
    /// As [`Mailer::new`].
    pub fn with_route_settings(
        db: &Db,
        keys: &Arc<Keys>,
        config: &MailerConfig,
        change: impl FnOnce(&mut RouteSettings),
    ) -> anyhow::Result<Self> {
        let worker = WorkerId::new();
        let db = &db
            .named(&lease::session_name(worker))
            .map_err(crate::explain)?;
        let slots = Slots::new(db.clone(), worker);
        let mut of_routes = None;
        let desk = Desk::new(db.clone(), Arc::clone(keys), worker, config.clone())?
            .with_route_settings(|settings| {
                settings.slots = Some(slots.clone());
                change(settings);
                of_routes = Some(settings.clone());
            });
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let ending = watch::Sender::new(false);
        let hands = Hands {
            db: db.clone(),
            worker,
            cpu: Arc::new(Semaphore::new(cores)),
            throttle: Arc::default(),
            sites: Sites::new(of_routes.filter(|_| config.sites_by_mx)),
            slots,
            ending: ending.subscribe(),
            journal: None,
        };
        Ok(Self {
            desk: Arc::new(desk),
            hands,
            ending,
            fence: Arc::default(),
            system_mail: SystemMail::new(db, keys, config)?,
            domain_watch: DomainWatch::new(db, config),
            schedule: schedule::Schedule::new(
                db.clone(),
                worker,
                Arc::clone(keys),
                config.public_url.clone(),
            ),
        })
    }

    /// Keeps a journal in `dir`, after replaying those of processes that are gone.
    ///
    /// # Errors
    /// When the directory can't be written, or the database does.
    pub async fn journalled(mut self, dir: &Path) -> anyhow::Result<Self> {
        let facts = installation::facts(&self.hands.db)
            .await
            .map_err(crate::explain)?;
        let journal = Journal::open(dir, facts, self.hands.worker)
            .with_context(|| format!("the journal in {}", dir.display()))?;
        self.hands.journal = Some(Arc::new(journal));
        // First of all: what a restored database believes to be due may be out already.
        self.fence.heed(&self.hands).await?;
        replay_dead(&self.hands).await?;
        Ok(self)
    }

    /// Sends until `shutdown` ends, then gives back what is not handed over
    /// yet and waits up to 10 s for what is.
    ///
    /// # Errors
    /// When a part of it ended by itself (a panic): leases would run out under
    /// mails that are being sent, or nobody would hear of new ones. The process
    /// is to be started again.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let (sending, mut called) = mpsc::channel(1);
        let (heed, heed_called) = mpsc::channel(1);
        let (schedule, schedule_called) = mpsc::channel(1);
        let (system_mail, system_mail_called) = mpsc::channel(1);
        let mut helpers = JoinSet::new();
        let calls = listener::Calls {
            sending,
            heed,
            schedule,
            system_mail,
        };
        helpers.spawn(listener::run(self.hands.db.clone(), calls));
        helpers.spawn(heeding(Arc::clone(&self.desk), heed_called));
        helpers.spawn(telling_news(Arc::clone(&self.desk)));
        let (hands, desk, fence) = (
            self.hands.clone(),
            Arc::clone(&self.desk),
            Arc::clone(&self.fence),
        );
        helpers.spawn(housekeeping(hands, desk, fence));
        helpers.spawn(renewing(
            self.hands.db.clone(),
            self.hands.worker,
            Arc::clone(&self.desk),
        ));
        helpers.spawn(self.schedule.clone().run(schedule_called));
        helpers.spawn(self.domain_watch.clone().run());
        match self.system_mail.take() {
            Some(own) => drop(helpers.spawn(own.run(system_mail_called))),
            None => {
                tracing::warn!(name: "system_mail.off", "KIKUBARI_SYSTEM_MAIL_HOST is not set: links for passwords, invitations and notices are not sent");
            }
        }
        let mut batches = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        // A take is never dropped half-way: what it claimed would be in nobody's hands.
        let outcome = loop {
            if shutdown.as_mut().now_or_never().is_some() {
                break Ok(());
            }
            if let Some(ended) = helpers.try_join_next() {
                break Err(by_itself(&ended));
            }
            let more = self.may_hand_over() && self.take(&mut batches).await;
            metrics::in_hand(batches.len() * usize::from(domain::delivery::claim::BATCH));
            if more {
                while batches.try_join_next().is_some() {}
                continue;
            }
            tokio::select! {
                () = &mut shutdown => break Ok(()),
                Some(()) = called.recv() => {}
                Some(_) = batches.join_next() => {}
                Some(ended) = helpers.join_next() => break Err(by_itself(&ended)),
            }
        };
        helpers.shutdown().await;
        self.end(batches).await;
        outcome
    }

    async fn end(&self, mut batches: JoinSet<()>) {
        tracing::info!(name: "mailer.ending", batches = batches.len(), "giving back what is not handed over");
        self.ending.send_replace(true);
        let until = Instant::now() + DRAIN;
        while let Ok(Some(_)) = timeout_at(until, batches.join_next()).await {}
        if !batches.is_empty() {
            tracing::warn!(name: "mailer.cut_off", batches = batches.len(), "unanswered mails become unknown when their lease ends");
        }
        batches.shutdown().await;
        self.end_journal().await;
        self.desk.close().await;
        self.hands.slots.close().await;
    }

    /// What was cut off is told to the ledger from the journal; should the
    /// database be away, the next process does it.
    async fn end_journal(&self) {
        let Some(journal) = &self.hands.journal else {
            return;
        };
        let told = timeout(
            LAST_WORD,
            replay::own(&self.hands.db, journal.dir(), self.hands.worker),
        );
        match told.await {
            Ok(Ok(_)) => journal.close(),
            Ok(Err(error)) => {
                tracing::warn!(name: "journal.left", error = format!("{error:#}"), "the next mailer here replays it");
            }
            Err(_) => tracing::warn!(name: "journal.left", "the next mailer here replays it"),
        }
    }

    fn may_hand_over(&self) -> bool {
        self.hands
            .journal
            .as_ref()
            .is_none_or(|journal| journal.is_writable())
    }

    /// Takes one batch, if one is due; false when nothing is.
    async fn take(&self, batches: &mut JoinSet<()>) -> bool {
        match self.desk.take().await {
            Ok(Taken::Nothing) => false,
            Ok(Taken::Again) => true,
            Ok(Taken::Batch(number, work, batch)) => {
                self.fence.pass(&self.hands, &self.desk, &batch).await;
                self.start(batches, number, work, batch);
                true
            }
            Err(error) => {
                tracing::warn!(name: "mailer.take_failed", error = format!("{error:#}"), "trying again");
                sleep(RETRY).await;
                false
            }
        }
    }

    fn start(&self, batches: &mut JoinSet<()>, number: u64, work: Arc<Work>, batch: Batch) {
        let (desk, hands) = (Arc::clone(&self.desk), self.hands.clone());
        batches.spawn(async move {
            handover::deliver(hands, work, batch).await;
            desk.done(number);
        });
    }

    /// Does all that is due now, to its end; for tests and one-off runs.
    ///
    /// # Errors
    /// When the database does.
    pub async fn drain(&self) -> anyhow::Result<()> {
        loop {
            let prepared = self.schedule.run_once().await?;
            let mut batches = JoinSet::new();
            let mut sent = false;
            loop {
                match self.desk.take().await? {
                    Taken::Batch(number, work, batch) => {
                        sent = true;
                        self.start(&mut batches, number, work, batch);
                    }
                    Taken::Again => {}
                    Taken::Nothing if batches.join_next().await.is_none() => break,
                    Taken::Nothing => {}
                }
            }
            if !prepared && !sent {
                self.hands.sites.settled().await;
                self.hands.sites.tell(&self.hands.db).await;
                return Ok(());
            }
        }
    }

    /// Makes deliveries whose mailer is gone `unknown`; answers how many.
    ///
    /// # Errors
    /// When the database does.
    pub async fn expire_leases(&self) -> anyhow::Result<usize> {
        lease::expire(&self.hands.db, Judgement::Expired)
            .await
            .map_err(crate::explain)
    }

    /// Halts what was paused or stopped, as a signal would; for tests.
    ///
    /// # Errors
    /// When the database does.
    pub async fn heed(&self) -> anyhow::Result<()> {
        self.desk.tell_news().await;
        self.desk.look_round().await
    }
}

fn by_itself(ended: &Result<(), JoinError>) -> anyhow::Error {
    anyhow::anyhow!("a part of the mailer ended by itself: {ended:?}")
}
