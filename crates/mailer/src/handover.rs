//! A batch on its way out: composed and signed in chunks on the blocking
//! threads, each mail handed to a session of its route, each outcome passed to
//! the recorder. Only a chunk or two of finished mails is in memory at a time.

use std::sync::Arc;

use domain::Db;
use domain::delivery::claim::{Batch, Claimed};
use domain::delivery::outcome::{Outcome, Reason, Reply};
use domain::delivery::queue;
use domain::delivery::record::Record;
use domain::ids::{RouteId, WorkerId};
use domain::limit::meaning::Meaning;
use domain::limit::slow::Subject;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::claim::Work;
use crate::compose::ComposeError;
use crate::journal::Journal;
use crate::making::{self, CHUNK};
use crate::sites::Sites;
use crate::smtp::choice::{NoSession, Ready};
use crate::smtp::slots::Slots;
use crate::throttle::{self, Going, Permit, Throttle};
use crate::{attempt, classify, record};

/// Mails of a batch that find their own servers, or wait for sessions that limits
/// count, at a time: the bound of what is in memory while these are slow.
const APART_AT_ONCE: usize = 50;

/// What handing over needs of the mailer.
#[derive(Clone)]
pub struct Hands {
    pub db: Db,
    pub worker: WorkerId,
    /// As many permits as cores: signing never takes more.
    pub cpu: Arc<Semaphore>,
    /// What sites that ask for less are heard by.
    pub throttle: Arc<Throttle>,
    /// Who receives for which domain.
    pub sites: Sites,
    /// Sessions that limits count.
    pub slots: Slots,
    /// True when the mailer is ending.
    pub ending: watch::Receiver<bool>,
    /// Without one, what a killed mailer had claimed is unknown.
    pub journal: Option<Arc<Journal>>,
}

impl Hands {
    /// Ends at once when the journal can't be written, otherwise never.
    pub(crate) async fn journal_fails(&self) {
        if self
            .journal
            .as_ref()
            .is_none_or(|journal| journal.is_writable())
        {
            std::future::pending::<()>().await;
        }
    }
}

/// Sends a batch and records what became of each.
pub async fn deliver(hands: Hands, work: Arc<Work>, mut batch: Batch) {
    let deliveries = std::mem::take(&mut batch.deliveries);
    let (outcomes, receiver) = mpsc::channel(CHUNK * 2);
    let sending = async {
        let going = throttle::admit(&hands, &work, &batch, deliveries, &outcomes).await;
        send_all(hands.clone(), Arc::clone(&work), going, outcomes).await
    };
    let recording = record::run(&hands, &batch, receiver);
    let (routes_down, ()) = tokio::join!(sending, recording);
    if let Some(rest) = routes_down {
        // After the records, which make their deliveries due again.
        let until = hands.db.now() + rest;
        if let Err(error) =
            queue::postpone(&hands.db, batch.tenant_id, batch.campaign_id, until).await
        {
            tracing::warn!(name: "route.postpone_failed", ?error, "the routes are tried again at once");
        }
    }
}

/// Answers how long to leave the campaign alone when its routes were found down.
async fn send_all(
    hands: Hands,
    work: Arc<Work>,
    going: Going,
    outcomes: mpsc::Sender<Record>,
) -> Option<chrono::TimeDelta> {
    let mut under_way = JoinSet::new();
    let mut routes_down: Option<(Outcome, chrono::TimeDelta)> = None;
    let Going {
        deliveries,
        mut permits,
        urgent,
    } = going;
    let mut rest = deliveries.into_iter();
    let mut next = making::next(&hands, &work, &mut rest);
    while let Some(making) = next.take() {
        let made = making.made(&hands, &outcomes).await;
        // The next chunk is made while this one goes out.
        next = making::next(&hands, &work, &mut rest);
        for (claimed, composed) in made {
            let permit = permits.remove(&claimed.id).unwrap_or_default();
            let record = Pending {
                claimed,
                db: hands.db.clone(),
                sites: hands.sites.clone(),
                outcomes: outcomes.clone(),
                journal: hands.journal.clone(),
            };
            let composed = match composed {
                Ok(composed) => composed,
                Err(error) => {
                    record.not_composed(&error).await;
                    continue;
                }
            };
            if let Some((outcome, _)) = &routes_down {
                record.ended(None, outcome.clone()).await;
                continue;
            }
            if !urgent && let Some(held) = resting(&hands, &work, &record.claimed, permit.by) {
                record.ended(None, held).await;
                continue;
            }
            if !permit.sessions.is_empty() {
                while under_way.len() >= APART_AT_ONCE {
                    under_way.join_next().await;
                }
                let (hands, work) = (hands.clone(), Arc::clone(&work));
                under_way.spawn(async move {
                    let outcome =
                        attempt::counted(&hands, &work, &permit, &composed, &record, urgent).await;
                    record.ended(Some(composed.message_id), outcome).await;
                });
                continue;
            }
            let mut ending = hands.ending.clone();
            let session = tokio::select! {
                biased;
                () = work.halted() => None,
                () = hands.journal_fails() => None,
                _ = ending.wait_for(|ending| *ending) => None,
                session = open_session(&work, &permit) => Some(session),
            };
            match session {
                None => record.ended(None, Outcome::GivenBack).await,
                // Full: it is for mails that limits count alone.
                Some(Err(NoSession::Changed | NoSession::Full)) => {
                    work.outdate();
                    record.ended(None, Outcome::GivenBack).await;
                }
                Some(Ok(Ready::Relay(route, session))) => {
                    let (hands, work) = (hands.clone(), Arc::clone(&work));
                    under_way.spawn(async move {
                        let outcome = attempt::by(*session, &composed, &record).await.outcome;
                        hear(&hands, &work, &record.claimed, route.id, &outcome).await;
                        record.ended(Some(composed.message_id), outcome).await;
                    });
                }
                Some(Ok(Ready::Direct(route, direct))) => {
                    while under_way.len() >= APART_AT_ONCE {
                        under_way.join_next().await;
                    }
                    let (hands, work) = (hands.clone(), Arc::clone(&work));
                    under_way.spawn(async move {
                        let way = (&route, &*direct);
                        let limits = &permit.sessions;
                        let outcome =
                            attempt::direct(&hands, &work, way, limits, &composed, &record, urgent)
                                .await;
                        hear(&hands, &work, &record.claimed, route.id, &outcome).await;
                        record.ended(Some(composed.message_id), outcome).await;
                    });
                }
                Some(Err(NoSession::Down { error, rest })) => {
                    // Without an error of its own it was not tried at all.
                    let outcome = error
                        .as_ref()
                        .map_or(Outcome::GivenBack, classify::connect_error);
                    record.ended(None, outcome.clone()).await;
                    let rest = chrono::TimeDelta::from_std(rest).unwrap_or_default();
                    routes_down = Some((outcome, rest));
                }
            }
        }
    }
    while under_way.join_next().await.is_some() {}
    routes_down.map(|(_, rest)| rest)
}

/// A session of the route that limits let the mail through for, or of any.
pub(crate) async fn open_session(work: &Work, permit: &Permit) -> Result<Ready, NoSession> {
    match permit.by {
        Some(route) => work.routes.session_of(route, &permit.sessions).await,
        None => work.routes.session(&permit.sessions).await,
    }
}

/// Takes note of what the site said.
pub(crate) async fn hear(
    hands: &Hands,
    work: &Work,
    claimed: &Claimed,
    route: RouteId,
    outcome: &Outcome,
) {
    let subject = subject(hands, work, claimed, route);
    hands.throttle.hear(&hands.db, &subject, outcome).await;
}

/// Takes note that a server of the site cut the line by a TCP reset.
pub(crate) async fn hear_reset(
    hands: &Hands,
    work: &Work,
    claimed: &Claimed,
    route: RouteId,
    outcome: &Outcome,
) {
    let Outcome::Deferred(_, Some(reply)) = outcome else {
        return;
    };
    let subject = subject(hands, work, claimed, route);
    let throttle = &hands.throttle;
    throttle
        .slower(&hands.db, &subject, Meaning::TooFast, reply)
        .await;
}

fn subject(hands: &Hands, work: &Work, claimed: &Claimed, route: RouteId) -> Subject {
    Subject {
        tenant: work.tenant,
        sender_domain: work.sender_domain(claimed).to_owned(),
        route,
        site: hands.sites.of(&claimed.address),
    }
}

/// What becomes of a mail to a site that asked for less while its batch was
/// already in hand.
pub(crate) fn resting(
    hands: &Hands,
    work: &Work,
    claimed: &Claimed,
    by: Option<RouteId>,
) -> Option<Outcome> {
    if hands.throttle.is_quiet() {
        return None;
    }
    let route = by.or(work.routes.only())?;
    let now = hands.db.now();
    let until = hands
        .throttle
        .rests(&subject(hands, work, claimed, route), now)?;
    Some(Outcome::HeldBack { until, asked: now })
}

/// A delivery whose outcome is still to come.
pub(crate) struct Pending {
    pub(crate) claimed: Claimed,
    db: Db,
    sites: Sites,
    outcomes: mpsc::Sender<Record>,
    journal: Option<Arc<Journal>>,
}

impl Pending {
    /// Says to the journal that the mail's last byte is about to leave.
    pub(crate) fn handing(&self) -> std::io::Result<()> {
        match &self.journal {
            Some(journal) => journal.handing(self.claimed.id, self.claimed.attempts),
            None => Ok(()),
        }
    }

    async fn ended(self, message_id: Option<String>, outcome: Outcome) {
        let record = Record {
            id: self.claimed.id,
            attempts: self.claimed.attempts,
            message_id,
            site: self
                .sites
                .by_servers(&self.claimed.address)
                .map(str::to_owned),
            at: self.db.now(),
            outcome,
        };
        if let Some(journal) = &self.journal {
            journal.answered(&record);
        }
        // The recorder outlives every sender.
        drop(self.outcomes.send(record).await);
    }

    async fn not_composed(self, error: &ComposeError) {
        let reply = Reply {
            text: error.to_string(),
            ..Reply::default()
        };
        self.ended(None, Outcome::Failed(Reason::NotComposed, Some(reply)))
            .await;
    }
}
