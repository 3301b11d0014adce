//! What limits have no room for goes back to the queue before anything is made
//! of it, with the time at which it may go; and a site that asks for less is
//! heard at once, by what this mailer has in hand and, through the database, by
//! all mailers.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use domain::Db;
use domain::delivery::claim::{Batch, Claimed, LANE_FAST};
use domain::delivery::outcome::{Outcome, Reason, Reply};
use domain::delivery::record::Record;
use domain::ids::{DeliveryId, RouteId};
use domain::limit::admit::{self, Admission, Ask, SessionLimits, Want};
use domain::limit::meaning::{self, Meaning};
use domain::limit::site;
use domain::limit::slow::{self, Subject};
use tokio::sync::mpsc;

use crate::claim::Work;
use crate::handover::Hands;

/// Sites that rest, as far as this mailer heard it itself.
#[derive(Default)]
pub struct Throttle {
    resting: Mutex<HashMap<Subject, DateTime<Utc>>>,
}

/// How a mail may go.
#[derive(Debug, Clone, Default)]
pub struct Permit {
    /// By which route alone, where that matters.
    pub by: Option<RouteId>,
    /// Limits that count its session.
    pub sessions: SessionLimits,
}

/// What of a batch may go, and how where that matters.
pub struct Going {
    pub deliveries: Vec<Claimed>,
    pub permits: HashMap<DeliveryId, Permit>,
    /// Test sends and transactional mails don't wait while a site rests.
    pub urgent: bool,
}

impl Throttle {
    fn resting(&self) -> MutexGuard<'_, HashMap<Subject, DateTime<Utc>>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no site rests.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.resting().is_empty()
    }

    /// Until when a site rests, if it does.
    #[must_use]
    pub fn rests(&self, subject: &Subject, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let until = self.resting().get(subject).copied()?;
        (now < until).then_some(until)
    }

    /// Takes note when a site asked for less. Refusals of what was on its way
    /// already are one; the first of them is told to all mailers.
    pub async fn hear(&self, db: &Db, subject: &Subject, outcome: &Outcome) {
        let Outcome::Deferred(Reason::PutOff, Some(reply)) = outcome else {
            return;
        };
        if let Some(meaning) = meaning::of(reply) {
            self.slower(db, subject, meaning, reply).await;
        }
    }

    /// As [`Throttle::hear`], of what is plain already.
    pub async fn slower(&self, db: &Db, subject: &Subject, meaning: Meaning, reply: &Reply) {
        let now = db.now();
        {
            let mut resting = self.resting();
            resting.retain(|_, until| now < *until);
            if resting.contains_key(subject) {
                return;
            }
            resting.insert(subject.clone(), now + meaning.rest());
        }
        tracing::info!(
            name: "throttle.slower", site = subject.site, route = %subject.route,
            meaning = meaning.as_str(), code = reply.code, "the site rests"
        );
        if let Err(error) = slow::down(db, subject, meaning, reply).await {
            tracing::warn!(name: "throttle.untold", ?error, "other mailers don't know it");
        }
    }
}

/// Those that may go now. While the database does not answer none may: they go
/// back as if never claimed.
pub async fn admit(
    hands: &Hands,
    work: &Work,
    batch: &Batch,
    deliveries: Vec<Claimed>,
    outcomes: &mpsc::Sender<Record>,
) -> Going {
    let urgent = batch.lane == LANE_FAST;
    let addresses = deliveries.iter().map(|claimed| claimed.address.as_str());
    hands.sites.learn(addresses, batch.limited).await;
    let all = |deliveries| Going {
        deliveries,
        permits: HashMap::new(),
        urgent,
    };
    if !batch.limited {
        return all(deliveries);
    }
    // Limits are by sender domain, which variants of a campaign may differ in.
    let mut by_domain: BTreeMap<String, Vec<Claimed>> = BTreeMap::new();
    for claimed in deliveries {
        let domain = work.sender_domain(&claimed).to_owned();
        by_domain.entry(domain).or_default().push(claimed);
    }
    let mut going = all(Vec::new());
    for (domain, deliveries) in by_domain {
        let admitted = admit_from(hands, work, &domain, urgent, deliveries, outcomes).await;
        going.deliveries.extend(admitted.deliveries);
        going.permits.extend(admitted.permits);
    }
    going
}

async fn admit_from(
    hands: &Hands,
    work: &Work,
    sender_domain: &str,
    urgent: bool,
    deliveries: Vec<Claimed>,
    outcomes: &mpsc::Sender<Record>,
) -> Going {
    let all = |deliveries| Going {
        deliveries,
        permits: HashMap::new(),
        urgent,
    };
    let Some(wants) = wants(hands, work, &deliveries) else {
        // All routes are down: they find that out for themselves.
        return all(deliveries);
    };
    let ask = Ask {
        tenant: work.tenant,
        sender_domain,
        urgent,
        wants: &wants,
        measured: &hands.slots.measured(work.tenant),
    };
    let mut going = all(Vec::new());
    let admissions = match admit::admit(&hands.db, &ask).await {
        Ok(admissions) => admissions,
        Err(error) => {
            tracing::warn!(name: "throttle.failed", ?error, "the batch goes back");
            for claimed in deliveries {
                send_back(hands, &claimed, Outcome::GivenBack, outcomes).await;
            }
            return going;
        }
    };
    for (claimed, admission) in deliveries.into_iter().zip(admissions) {
        match admission {
            Admission::Go(by, sessions) => {
                if by.is_some() || !sessions.is_empty() {
                    going.permits.insert(claimed.id, Permit { by, sessions });
                }
                going.deliveries.push(claimed);
            }
            Admission::Held { until, asked } => {
                let held = Outcome::HeldBack { until, asked };
                send_back(hands, &claimed, held, outcomes).await;
            }
        }
    }
    going
}

/// `None` when no route is up.
fn wants(hands: &Hands, work: &Work, deliveries: &[Claimed]) -> Option<Vec<Want>> {
    let mut probed = false;
    deliveries
        .iter()
        .map(|claimed| {
            Some(Want {
                site: hands.sites.of(&claimed.address),
                domain: hands
                    .sites
                    .by_servers(&claimed.address)
                    .map(|_| site::domain_of(&claimed.address)),
                routes: work.routes.order(&mut probed)?,
            })
        })
        .collect()
}

async fn send_back(
    hands: &Hands,
    claimed: &Claimed,
    outcome: Outcome,
    outcomes: &mpsc::Sender<Record>,
) {
    let record = Record {
        id: claimed.id,
        attempts: claimed.attempts,
        message_id: None,
        site: hands.sites.by_servers(&claimed.address).map(str::to_owned),
        at: hands.db.now(),
        outcome,
    };
    // The recorder outlives every sender.
    drop(outcomes.send(record).await);
}
