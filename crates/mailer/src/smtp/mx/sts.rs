//! MTA-STS (RFC 8461): whether a domain wants TLS with a valid certificate, and
//! at which of its servers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::egress::{Rules, Target};

use super::super::route::RouteSettings;
use super::exchanges::Exchanges;
use crate::egress::{Client, Patience, Request};

/// RFC 8461 §3.3 suggests 64 kB for the policy.
const BODY: usize = 64 * 1024;
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(10),
    total: Duration::from_secs(20),
};
/// Most policies that are kept.
const POLICIES: usize = 20_000;
/// RFC 8461 §3.3: after a fetch that failed.
const AGAIN: Duration = Duration::from_secs(300);
/// RFC 8461 §3.2.
const MAX_AGE_MAX: u64 = 31_557_600;
/// Most servers that a policy names.
const NAMES: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Enforce,
    Testing,
    None,
}

/// A domain's policy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Policy {
    mode: Mode,
    names: Vec<String>,
    max_age: Duration,
}

impl Policy {
    /// Only then mails wait for a valid certificate; a policy that is tried out
    /// changes nothing.
    pub(super) fn is_enforced(&self) -> bool {
        self.mode == Mode::Enforce
    }

    /// Whether it names the server; `*.` stands for one label (§4.1).
    pub(super) fn names(&self, server: &str) -> bool {
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(parent) => server
                .split_once('.')
                .is_some_and(|(_, rest)| rest == parent),
            None => name == server,
        })
    }

    /// §3.2; what is not known is skipped.
    fn parse(text: &str) -> Option<Self> {
        let (mut version, mut mode, mut max_age) = (None, None, None);
        let mut names = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (key, value) = line.split_once(':')?;
            let value = value.trim();
            match key.trim() {
                "version" => version = version.or(Some(value)),
                "mode" => mode = mode.or(Some(value)),
                "max_age" => max_age = max_age.or(Some(value)),
                "mx" if names.len() < NAMES => names.push(value.to_ascii_lowercase()),
                _ => {}
            }
        }
        let mode = match mode? {
            "enforce" => Mode::Enforce,
            "testing" => Mode::Testing,
            "none" => Mode::None,
            _ => return None,
        };
        let max_age: u64 = max_age?.parse().ok()?;
        let complete = version? == "STSv1" && (mode == Mode::None || !names.is_empty());
        complete.then(|| Self {
            mode,
            names,
            max_age: Duration::from_secs(max_age.min(MAX_AGE_MAX)),
        })
    }
}

/// The id of a domain's policy, when exactly one record has one (§3.1).
fn id_of(texts: &[String]) -> Option<String> {
    let mut records = texts.iter().filter(|text| text.starts_with("v=STSv1"));
    let record = records.next()?;
    if records.next().is_some() {
        return None;
    }
    let fields = record.split(';').filter_map(|field| field.split_once('='));
    let (_, id) = fields.into_iter().find(|(key, _)| key.trim() == "id")?;
    let id = id.trim();
    let good = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    good.then(|| id.to_owned())
}

struct Kept {
    id: String,
    policy: Option<Arc<Policy>>,
    until: Instant,
    /// Not fetched anew before, after a fetch of this id that failed.
    failed: Option<(String, Instant)>,
}

/// The policies that are known.
pub(super) struct Policies {
    client: Client,
    rules: Rules,
    port: u16,
    kept: Mutex<HashMap<String, Kept>>,
}

impl Policies {
    pub(super) fn new(settings: &RouteSettings) -> Self {
        Self {
            client: Client::new(Arc::clone(&settings.tls), PATIENCE),
            rules: match settings.direct.allow_private {
                true => Rules::anywhere(),
                false => Rules::default(),
            },
            port: settings.direct.policy_port,
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy of a domain. One that is known holds until its time is over,
    /// also when whoever is between us and the domain hides the record or the
    /// policy itself (§5.1).
    pub(super) async fn of(&self, names: &Exchanges, domain: &str) -> Option<Arc<Policy>> {
        let texts = names.texts(&format!("_mta-sts.{domain}")).await;
        let now = Instant::now();
        let id = texts.as_deref().and_then(id_of);
        let Some(id) = id else {
            return self.known(domain, now);
        };
        if !self.is_due(domain, &id, now) {
            return self.known(domain, now);
        }
        match self.fetch(names, domain).await {
            Ok(policy) => {
                tracing::info!(name: "mta_sts.fetched", domain, id, mode = ?policy.mode, "policy");
                Some(self.keep(domain, id, policy))
            }
            Err(error) => {
                tracing::info!(name: "mta_sts.not_fetched", domain, id, %error, "as without it");
                self.failed(domain, id, now + AGAIN);
                self.known(domain, now)
            }
        }
    }

    fn known(&self, domain: &str, now: Instant) -> Option<Arc<Policy>> {
        let kept = self.kept();
        let kept = kept.get(domain).filter(|kept| now < kept.until)?;
        kept.policy.clone()
    }

    fn is_due(&self, domain: &str, id: &str, now: Instant) -> bool {
        let all = self.kept();
        let Some(kept) = all.get(domain) else {
            return true;
        };
        let failed = kept.failed.as_ref();
        let rests = failed.is_some_and(|(of, until)| of == id && now < *until);
        let is_new = kept.id != id || now >= kept.until;
        is_new && !rests
    }

    /// RFC 8461 §3.3: no redirect, text/plain, and all of it.
    async fn fetch(&self, names: &Exchanges, domain: &str) -> std::io::Result<Policy> {
        let target = Target {
            tls: true,
            host: format!("mta-sts.{domain}"),
            port: self.port,
            path: "/.well-known/mta-sts.txt".to_owned(),
        };
        let request = Request {
            method: "GET",
            target: &target,
            headers: &[("Accept", "text/plain")],
            body: &[],
            most: BODY,
        };
        let addresses = names.addresses(&target.host).await?;
        let answer = self.client.ask(&self.rules, &addresses, &request).await;
        let answer = answer.map_err(std::io::Error::other)?;
        let kind = answer.content_type.as_deref().unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if answer.status != 200 || !answer.whole || !kind.eq_ignore_ascii_case("text/plain") {
            return Err(std::io::Error::other("no text/plain with status 200"));
        }
        std::str::from_utf8(&answer.body)
            .ok()
            .and_then(Policy::parse)
            .ok_or_else(|| std::io::Error::other("no MTA-STS policy"))
    }

    fn keep(&self, domain: &str, id: String, policy: Policy) -> Arc<Policy> {
        let until = Instant::now() + policy.max_age;
        let policy = Arc::new(policy);
        let kept = Kept {
            id,
            policy: Some(Arc::clone(&policy)),
            until,
            failed: None,
        };
        self.insert(domain, kept);
        policy
    }

    fn failed(&self, domain: &str, id: String, until: Instant) {
        let mut all = self.kept();
        if let Some(kept) = all.get_mut(domain) {
            kept.failed = Some((id, until));
            return;
        }
        drop(all);
        let kept = Kept {
            id: String::new(),
            policy: None,
            until: Instant::now(),
            failed: Some((id, until)),
        };
        self.insert(domain, kept);
    }

    fn insert(&self, domain: &str, new: Kept) {
        let mut all = self.kept();
        if all.len() >= POLICIES {
            let now = Instant::now();
            all.retain(|_, kept| now < kept.until);
        }
        // Those that are in force stay rather than make place for others.
        if all.len() < POLICIES || all.contains_key(domain) {
            all.insert(domain.to_owned(), new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_and_half_a_one_is_none() {
        let text = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.jp\r\nmx: *.Example.net\r\nmax_age: 86400\r\nnew: x\r\n";
        let policy = Policy::parse(text).unwrap();
        assert!(policy.is_enforced());
        assert_eq!(policy.max_age, Duration::from_secs(86_400));
        for server in ["mail.example.jp", "a.example.net"] {
            assert!(policy.names(server), "{server}");
        }
        for server in ["example.net", "a.b.example.net", "mail.example.jp.evil"] {
            assert!(!policy.names(server), "{server}");
        }
        let none = Policy::parse("version: STSv1\nmode: none\nmax_age: 99999999999\n").unwrap();
        assert_eq!(none.max_age, Duration::from_secs(MAX_AGE_MAX));
        for bad in [
            "",
            "version: STSv2\nmode: enforce\nmx: a.jp\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmax_age: 1",
            "version: STSv1\nmode: all\nmx: a.jp\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmx: a.jp",
            "<html>",
        ] {
            assert_eq!(Policy::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_id_is_that_of_the_one_record() {
        let id = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            id_of(&texts)
        };
        assert_eq!(
            id(&["v=STSv1; id=20261127a;"]).as_deref(),
            Some("20261127a")
        );
        assert_eq!(id(&["other", "v=STSv1;id=1"]).as_deref(), Some("1"));
        for bad in [
            &["v=STSv1; id=1;", "v=STSv1; id=2;"][..],
            &["v=STSv1;"],
            &["v=STSv1; id=a-b;"],
            &[],
        ] {
            assert_eq!(id(bad), None, "{bad:?}");
        }
    }
}
