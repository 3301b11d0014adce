//! Whether a person or a program opened a mail or followed its link, as far as
//! one request tells, and by which rule. Whoever is in doubt counts as a person;
//! what is a machine's is kept as an event and counted nowhere. What only
//! several requests tell stands in [`super::burst`]. The rules and their
//! numbers are in docs/decisions/0052.

use chrono::{DateTime, TimeDelta, Utc};

use crate::text_enum::text_enum;

/// How much earlier than the record of a mail's acceptance its receiver may
/// look into it: scanners do so while they take it.
const AHEAD: TimeDelta = TimeDelta::minutes(1);

text_enum! {
    /// By which rule something is a machine's.
    pub enum MachineRule {
        /// HEAD: nobody sees an answer without a body.
        HeadRequest = "head_request",
        /// The browser said that nobody looks yet.
        Prefetch = "prefetch",
        /// It did not say what it is; every browser and mail program does.
        NoUserAgent = "no_user_agent",
        /// Apple's Mail Privacy Protection, which fetches whether the mail is read or not.
        PrivacyProxy = "privacy_proxy",
        /// The name of a scanner, a crawler or a library.
        KnownProgram = "known_program",
        /// More links of one mail within seconds than a person follows.
        ManyLinks = "many_links",
    }
}

/// Names that scanners, crawlers and libraries give themselves, in lower case.
/// Image proxies of mail services (Gmail, Yahoo) are not here: they fetch when
/// a person opens.
const NAMES: [&str; 31] = [
    "bot",
    "crawl",
    "spider",
    "scan",
    "preview",
    "prefetch",
    "monitor",
    "curl/",
    "wget",
    "python-",
    "python/",
    "aiohttp",
    "go-http-client",
    "java/",
    "libwww-perl",
    "lwp::",
    "ruby",
    "node-fetch",
    "axios/",
    "undici",
    "apache-httpclient",
    "winhttp",
    "powershell",
    "headlesschrome",
    "phantomjs",
    "facebookexternalhit",
    "barracuda",
    "proofpoint",
    "mimecast",
    "symantec",
    "trendmicro",
];

/// What a request says of its maker.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub user_agent: &'a str,
    /// HEAD: nobody sees an answer without a body.
    pub is_head: bool,
    /// `Sec-Purpose`, `Purpose` or `X-Moz` says that nobody looks yet.
    pub is_prefetch: bool,
}

/// The rule by which a machine made the request; `None` for a person's.
#[must_use]
pub fn rule_of(request: Request<'_>) -> Option<MachineRule> {
    let agent = request.user_agent.trim().to_ascii_lowercase();
    if request.is_head {
        Some(MachineRule::HeadRequest)
    } else if request.is_prefetch {
        Some(MachineRule::Prefetch)
    } else if agent.is_empty() {
        Some(MachineRule::NoUserAgent)
    } else if agent == "mozilla/5.0" {
        Some(MachineRule::PrivacyProxy)
    } else {
        let is_known = NAMES.iter().any(|name| agent.contains(name));
        is_known.then_some(MachineRule::KnownProgram)
    }
}

/// How many seconds after a mail was accepted something happened. `None` when
/// that was another attempt's, or nobody knows of an acceptance.
#[must_use]
pub fn seconds_after(accepted: Option<DateTime<Utc>>, at: DateTime<Utc>) -> Option<i64> {
    let passed = at - accepted?;
    (passed > -AHEAD).then(|| passed.num_seconds().max(0))
}

#[cfg(test)]
mod tests {
    use super::MachineRule as R;
    use super::*;

    fn by(user_agent: &str) -> Option<MachineRule> {
        rule_of(Request {
            user_agent,
            is_head: false,
            is_prefetch: false,
        })
    }

    #[test]
    fn people_are_told_from_machines_by_what_a_request_says() {
        for person in [
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; Microsoft Outlook 16.0.17928; ms-office; MSOffice 16)",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0",
        ] {
            assert_eq!(by(person), None, "{person}");
        }
        for (machine, rule) in [
            ("", R::NoUserAgent),
            ("   ", R::NoUserAgent),
            ("Mozilla/5.0", R::PrivacyProxy),
            ("curl/8.14.1", R::KnownProgram),
            ("python-requests/2.32", R::KnownProgram),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                R::KnownProgram,
            ),
            ("Slackbot-LinkExpanding 1.0", R::KnownProgram),
            ("BarracudaCentral", R::KnownProgram),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
                R::KnownProgram,
            ),
        ] {
            assert_eq!(by(machine), Some(rule), "{machine}");
        }
    }

    #[test]
    fn what_nobody_looks_at_is_a_machines() {
        let person = Request {
            user_agent: "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0",
            is_head: false,
            is_prefetch: false,
        };
        assert_eq!(rule_of(person), None);
        let head = Request {
            is_head: true,
            ..person
        };
        assert_eq!(rule_of(head), Some(MachineRule::HeadRequest));
        let prefetch = Request {
            is_prefetch: true,
            ..person
        };
        assert_eq!(rule_of(prefetch), Some(MachineRule::Prefetch));
    }

    #[test]
    fn the_time_since_acceptance_is_said_of_the_attempt_that_it_belongs_to() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let after = |seconds| seconds_after(Some(now), now + TimeDelta::seconds(seconds));
        assert_eq!((after(90), after(0)), (Some(90), Some(0)));
        assert_eq!(after(-5), Some(0), "while it was being taken");
        assert_eq!(after(-3600), None, "of an attempt before");
        assert_eq!(seconds_after(None, now), None);
    }
}
