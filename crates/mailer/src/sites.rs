//! Which site receives for a domain that is nobody's known one: its mail servers
//! tell ([`domain::limit::exchange`]). Asked beside the mails, once for all mails
//! to the domain, and kept for a while; nobody knows yet means the domain is its
//! own site, and it is asked again later. No mail waits for a name server, but a
//! batch under limits may for a moment ([`PATIENCE`]), so that what is limited is
//! counted from its first mail.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::Db;
use domain::limit::exchange::{self, Learned};
use domain::limit::site;
use futures_util::future::join_all;
use tokio::sync::{Semaphore, watch};
use tokio::time::{timeout, timeout_at};

use crate::smtp::mx::{Exchanges, Problem};
use crate::smtp::route::RouteSettings;

/// Most that a batch under limits waits for answers; once in vain, none waits for [`VAIN`].
const PATIENCE: Duration = Duration::from_millis(500);
const VAIN: Duration = Duration::from_secs(30);
/// Longest time for one question, so that a dumb name server leaves room for others.
const ANSWER: Duration = Duration::from_secs(8);
/// However short the records live: a site is not moved by the minute.
const KEPT_MIN: Duration = Duration::from_secs(600);
/// That nobody answered.
const TROUBLE_KEPT: Duration = Duration::from_secs(30);
/// Domains in one generation; two are in memory.
const GENERATION: usize = 25_000;
/// Questions under way, and those that wait for their turn with them.
const AT_ONCE: usize = 32;
const MOST_ASKED: usize = 2_000;
/// Answers that wait to be written down for purges.
const MOST_UNTOLD: usize = 10_000;

/// What is known of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer {
    site: Option<&'static str>,
    /// Then it is asked anew; until that is answered this holds.
    until: Instant,
}

/// Answers in two generations: a full one pushes the older out, so that memory is
/// bounded and those in use stay.
#[derive(Default)]
struct Generations {
    young: HashMap<String, Answer>,
    old: HashMap<String, Answer>,
}

impl Generations {
    fn get(&mut self, domain: &str, most: usize) -> Option<Answer> {
        if let Some(answer) = self.young.get(domain) {
            return Some(*answer);
        }
        let (domain, answer) = self.old.remove_entry(domain)?;
        self.put(domain, answer, most);
        Some(answer)
    }

    fn put(&mut self, domain: String, answer: Answer, most: usize) {
        if self.young.len() >= most && !self.young.contains_key(&domain) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(domain, answer);
    }
}

#[derive(Default)]
struct Known {
    answers: Generations,
    /// Ends when the domain's answer is here.
    asking: HashMap<String, watch::Receiver<()>>,
    untold: Vec<Learned>,
    /// Nobody waits before.
    vain_until: Option<Instant>,
}

/// The sites of the domains that this mailer sends to.
#[derive(Clone)]
pub struct Sites(Arc<Inner>);

struct Inner {
    settings: Option<RouteSettings>,
    known: Mutex<Known>,
    turns: Semaphore,
    /// Whether the system has no name server, which is said once.
    is_dumb: AtomicBool,
}

impl Sites {
    /// Those that name servers tell, or without settings domains alone.
    #[must_use]
    pub fn new(settings: Option<RouteSettings>) -> Self {
        Self(Arc::new(Inner {
            settings,
            known: Mutex::default(),
            turns: Semaphore::new(AT_ONCE),
            is_dumb: AtomicBool::new(false),
        }))
    }

    /// The site of an address, as far as it is known now.
    #[must_use]
    pub fn of(&self, address: &str) -> String {
        let domain = site::domain_of(address);
        match site::known(&domain).or_else(|| self.0.by_servers(&domain)) {
            Some(known) => known.to_owned(),
            None => domain,
        }
    }

    /// The site that only the domain's servers tell.
    #[must_use]
    pub fn by_servers(&self, address: &str) -> Option<&'static str> {
        let domain = site::domain_of(address);
        if site::known(&domain).is_some() {
            return None;
        }
        self.0.by_servers(&domain)
    }

    /// Asks for what is not known of these addresses' domains. `wait`: for a moment,
    /// where nothing at all is known of one.
    pub async fn learn<'a>(&self, addresses: impl Iterator<Item = &'a str>, wait: bool) {
        let Some(exchanges) = self.0.exchanges() else {
            return;
        };
        let domains: BTreeSet<String> = addresses.map(site::domain_of).collect();
        let unknown = domains
            .into_iter()
            .filter(|domain| site::is_domain(domain) && site::known(domain).is_none());
        let mut answers: Vec<_> = unknown
            .filter_map(|domain| self.ask(domain, &exchanges))
            .collect();
        if !wait || answers.is_empty() || !self.0.is_patient() {
            return;
        }
        // Each ends with an error, since nothing is ever sent but the end.
        let all = join_all(answers.iter_mut().map(watch::Receiver::changed));
        if timeout(PATIENCE, all).await.is_err() {
            self.0.known().vain_until = Some(Instant::now() + VAIN);
        }
    }

    /// Answers what to wait for, when nothing is known of the domain yet.
    fn ask(&self, domain: String, exchanges: &Arc<Exchanges>) -> Option<watch::Receiver<()>> {
        let mut known = self.0.known();
        let before = known.answers.get(&domain, GENERATION);
        if before.is_some_and(|answer| Instant::now() < answer.until) {
            return None;
        }
        if let Some(asked) = known.asking.get(&domain) {
            return before.is_none().then(|| asked.clone());
        }
        if known.asking.len() >= MOST_ASKED {
            return None;
        }
        let (end, ends) = watch::channel(());
        known.asking.insert(domain.clone(), ends.clone());
        drop(known);
        let (sites, exchanges) = (self.clone(), Arc::clone(exchanges));
        tokio::spawn(async move {
            let answer = sites.0.answer(&domain, &exchanges).await;
            sites.0.learned(domain, answer);
            drop(end);
        });
        before.is_none().then_some(ends)
    }

    /// Writes down what was learned since, for purges. What can't be written now is
    /// learned again.
    pub async fn tell(&self, db: &Db) {
        let untold = std::mem::take(&mut self.0.known().untold);
        if untold.is_empty() {
            return;
        }
        if let Err(error) = exchange::keep(db, untold).await {
            tracing::warn!(name: "sites.untold", ?error, "a purge by site does not know of some domains");
        }
    }

    /// Ends when nothing is being asked any more, or soon.
    pub async fn settled(&self) {
        let mut asked: Vec<_> = self.0.known().asking.values().cloned().collect();
        let until = tokio::time::Instant::now() + ANSWER;
        for answer in &mut asked {
            if timeout_at(until, answer.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn by_servers(&self, domain: &str) -> Option<&'static str> {
        self.settings.as_ref()?;
        self.known().answers.get(domain, GENERATION)?.site
    }

    fn is_patient(&self) -> bool {
        let vain_until = self.known().vain_until;
        vain_until.is_none_or(|until| until <= Instant::now())
    }

    fn exchanges(&self) -> Option<Arc<Exchanges>> {
        if self.is_dumb.load(Ordering::Relaxed) {
            return None;
        }
        match self.settings.as_ref()?.exchanges() {
            Ok(exchanges) => Some(exchanges),
            Err(error) => {
                self.is_dumb.store(true, Ordering::Relaxed);
                tracing::warn!(name: "sites.no_name_server", error = format!("{error:#}"), "domains of companies are sites of their own");
                None
            }
        }
    }

    /// `None`: nobody answered.
    async fn answer(&self, domain: &str, exchanges: &Exchanges) -> Option<Answer> {
        let _turn = self.turns.acquire().await.ok()?;
        let (servers, kept) = timeout(ANSWER, exchanges.servers(domain)).await.ok()?;
        let site = match servers {
            Ok(servers) => exchange::of_servers(
                servers
                    .iter()
                    .map(|(preference, host)| (*preference, host.as_str())),
            ),
            Err(Problem::Dns(_)) => return None,
            Err(Problem::NoMail { .. } | Problem::Policy(_)) => None,
        };
        let until = Instant::now() + kept.max(KEPT_MIN);
        Some(Answer { site, until })
    }

    fn learned(&self, domain: String, answer: Option<Answer>) {
        let mut known = self.known();
        known.asking.remove(&domain);
        if let Some(answer) = answer {
            if known.untold.len() < MOST_UNTOLD {
                known.untold.push((domain.clone(), answer.site));
            }
            known.answers.put(domain, answer, GENERATION);
            return;
        }
        // What was known holds meanwhile.
        let before = known.answers.get(&domain, GENERATION);
        let answer = Answer {
            site: before.and_then(|before| before.site),
            until: Instant::now() + TROUBLE_KEPT,
        };
        known.answers.put(domain, answer, GENERATION);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(site: &'static str) -> Answer {
        Answer {
            site: Some(site),
            until: Instant::now(),
        }
    }

    #[test]
    fn memory_is_bounded_and_what_is_in_use_stays() {
        let mut known = Generations::default();
        let of = |n: usize| format!("d{n}.example.jp");
        for n in 0..1_000 {
            known.put(of(n), answer("gmail"), 10);
            assert!(known.get(&of(0), 10).is_some(), "{n}");
            assert!(known.young.len() <= 10 && known.old.len() <= 10, "{n}");
        }
        assert_eq!(known.get(&of(500), 10), None);
        assert!(known.get(&of(999), 10).is_some());
    }

    /// A name server that takes questions and never answers.
    async fn silent() -> (tokio::net::UdpSocket, Sites) {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let settings = RouteSettings {
            inside: crate::smtp::inside::Inside::everywhere(),
            helo: "test".into(),
            timeouts: crate::smtp::connect::Timeouts::default(),
            tls: crate::smtp::tls::platform_tls().unwrap(),
            direct: crate::smtp::mx::DirectSettings {
                dns_server: socket.local_addr().ok(),
                ..Default::default()
            },
            exchanges: Arc::default(),
            slots: None,
            first_rest: crate::smtp::route::FIRST_REST,
        };
        (socket, Sites::new(Some(settings)))
    }

    #[tokio::test]
    async fn a_name_server_that_never_answers_is_waited_for_once() {
        let (_socket, sites) = silent().await;
        assert!(sites.0.is_patient());
        let of = |domain| std::iter::once(domain);
        sites.learn(of("a@a.example.jp"), true).await;
        assert!(!sites.0.is_patient());
        let before = Instant::now();
        sites.learn(of("b@b.example.jp"), true).await;
        assert!(before.elapsed() < PATIENCE, "nobody waited");
        assert_eq!(
            sites.0.known().asking.len(),
            2,
            "both are asked all the same"
        );
        assert_eq!(sites.of("x@A.example.jp"), "a.example.jp");
    }

    #[test]
    fn trouble_is_asked_again_soon_and_forgets_nothing() {
        let sites = Sites::new(None);
        let long = Answer {
            until: Instant::now() + Duration::from_secs(3600),
            ..answer("gmail")
        };
        sites.0.learned("a.example.jp".into(), Some(long));
        sites.0.learned("a.example.jp".into(), None);
        sites.0.learned("b.example.jp".into(), None);
        let mut known = sites.0.known();
        let soon = Instant::now() + TROUBLE_KEPT;
        let a = known.answers.get("a.example.jp", 10).unwrap();
        assert!(a.site == Some("gmail") && a.until <= soon);
        let b = known.answers.get("b.example.jp", 10).unwrap();
        assert!(b.site.is_none() && b.until <= soon);
        assert_eq!(known.untold, [("a.example.jp".to_owned(), Some("gmail"))]);
    }
}
