//! Asks DNS what stands there of the records that a sender domain needs.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::{try_join, try_join_all, try_join5};

use super::dkim::{Checked, compare, record_name};
use super::records::{is_public, senders};
use super::{SenderDomain, lineage, load_one, queries, seen};
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::dns::{Dns, DnsError, Spf};
use crate::error::{DomainError, Result};
use crate::ids::{DkimKeyId, SenderDomainId};

/// Longest that a person waits for all answers together.
const PATIENCE: Duration = Duration::from_secs(8);

/// Code of the conflict when the name servers don't answer.
pub(super) const NO_ANSWER: &str = "dns_unavailable";

/// Most labels that are gone up in search of a DMARC record (RFC 9989 §4.10).
const TREE_WALK: usize = 8;

/// As much of a record as is kept.
const KEPT: usize = 2000;

/// A record as it was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) state: Checked,
    pub(super) text: Option<String>,
}

/// What DNS said of a domain.
pub(super) struct Answers {
    pub(super) keys: Vec<(DkimKeyId, Checked)>,
    pub(super) spf: Found,
    pub(super) dmarc: Found,
    pub(super) return_path: Found,
    pub(super) host: Found,
}

/// Looks all records of a domain up and notes what is there. Once all waiting
/// keys are seen they take over. `server`: the name server to ask, else the system's;
/// `bounce_domain`: the installation's, without which there is no return path to look up.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] when the name
/// servers don't answer in time: then nothing is noted, since nothing is known.
pub async fn check(
    db: &Db,
    actor: &Actor,
    id: SenderDomainId,
    server: Option<SocketAddr>,
    bounce_domain: Option<&str>,
) -> Result<SenderDomain> {
    actor.require(Permission::SettingsWrite)?;
    let tenant = actor.tenant_id;
    let (domain, relays) = db
        .tenant(tenant, async |tx| {
            let domain = load_one(tx, tenant, id).await?;
            Ok((domain, queries::relay_hosts(tx, tenant).await?))
        })
        .await?;
    let answers =
        match tokio::time::timeout(PATIENCE, ask(&domain, &relays, server, bounce_domain)).await {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => return Err(no_answer(&domain, &error.to_string())),
            Err(_) => return Err(no_answer(&domain, "no answer in time")),
        };
    seen::note_answers(db, actor, &domain, answers).await
}

fn no_answer(domain: &SenderDomain, why: &str) -> DomainError {
    tracing::info!(name: "sender_domain.dns_unavailable", domain = domain.domain, why, "check without answer");
    DomainError::conflict(
        NO_ANSWER,
        format!(
            "the name servers of {} did not answer: try again in a minute, or have them looked at",
            domain.domain
        ),
    )
}

async fn ask(
    domain: &SenderDomain,
    relays: &[String],
    server: Option<SocketAddr>,
    bounce_domain: Option<&str>,
) -> std::result::Result<Answers, DnsError> {
    let dns = Dns::new(server)?;
    let wanted = domain.keys.iter().filter(|key| key.retired_at.is_none());
    let keys = try_join_all(wanted.map(|key| async {
        let name = record_name(&key.selector, &domain.domain);
        Ok((key.id, compare(&key.public_key, &dns.txt(&name).await?)))
    }));
    let (keys, spf, dmarc, return_path, host) = try_join5(
        keys,
        spf(&dns, &domain.domain, relays),
        dmarc(&dns, &domain.domain),
        return_path(&dns, domain, bounce_domain),
        host(&dns, &domain.domain),
    )
    .await?;
    Ok(Answers {
        keys,
        spf,
        dmarc,
        return_path,
        host,
    })
}

/// `ok` when the name is one for the installation's bounce domain: there mails
/// come back to us, and SPF is what the operator set there.
async fn return_path(
    dns: &Dns,
    domain: &SenderDomain,
    bounce_domain: Option<&str>,
) -> std::result::Result<Found, DnsError> {
    let Some(bounce_domain) = bounce_domain else {
        return Ok(Found {
            state: Checked::Unchecked,
            text: None,
        });
    };
    let name = super::return_path::host(&domain.return_path_label, &domain.domain);
    let targets = dns.aliases(&name).await?;
    let leads_here = |target: &String| target.eq_ignore_ascii_case(bounce_domain);
    Ok(Found {
        state: match count(&targets) {
            Checked::Ok if !targets.iter().all(leads_here) => Checked::Differs,
            state => state,
        },
        text: kept(&targets),
    })
}

/// Whether the domain itself has a mail server or an address.
async fn host(dns: &Dns, domain: &str) -> std::result::Result<Found, DnsError> {
    let (servers, addresses) = try_join(dns.mail_servers(domain), dns.addresses(domain)).await?;
    let addresses = addresses.iter().map(ToString::to_string);
    let found: Vec<String> = servers.into_iter().chain(addresses).collect();
    Ok(Found {
        state: if found.is_empty() {
            Checked::Missing
        } else {
            Checked::Ok
        },
        text: kept(&found),
    })
}

/// `ok` when there is one record and each relay with a public address may send.
/// Of a relay inside the house nobody knows here how it shows outside.
async fn spf(dns: &Dns, domain: &str, relays: &[String]) -> std::result::Result<Found, DnsError> {
    let named = senders(relays);
    let (texts, addresses) = try_join(
        dns.txt(domain),
        try_join_all(named.iter().map(|host| dns.addresses(host))),
    )
    .await?;
    let records: Vec<String> = texts.into_iter().filter(|text| is_spf(text)).collect();
    let text = kept(&records);
    if records.len() != 1 {
        return Ok(Found {
            state: count(&records),
            text,
        });
    }
    let addresses: Vec<IpAddr> = addresses.into_iter().flatten().filter(is_public).collect();
    let verdicts = try_join_all(addresses.iter().map(|ip| dns.spf(domain, *ip))).await?;
    let all_pass = verdicts.iter().all(|verdict| *verdict == Spf::Pass);
    Ok(Found {
        state: if all_pass {
            Checked::Ok
        } else {
            Checked::Differs
        },
        text,
    })
}

/// The domain's own record, or the nearest above it.
async fn dmarc(dns: &Dns, domain: &str) -> std::result::Result<Found, DnsError> {
    for domain in lineage(domain).into_iter().take(TREE_WALK) {
        let texts = dns.txt(&format!("_dmarc.{domain}")).await?;
        let found = judge_dmarc(texts);
        if found.state != Checked::Missing {
            return Ok(found);
        }
    }
    Ok(Found {
        state: Checked::Missing,
        text: None,
    })
}

fn is_spf(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or_default();
    first.eq_ignore_ascii_case("v=spf1")
}

fn judge_dmarc(texts: Vec<String>) -> Found {
    let records: Vec<String> = texts
        .into_iter()
        .filter(|text| {
            let version = text.split(';').next().unwrap_or_default();
            version.split_whitespace().collect::<String>() == "v=DMARC1"
        })
        .collect();
    let policy = records
        .first()
        .and_then(|record| super::dkim::tag(record, "p"));
    let known = policy.is_some_and(|p| {
        ["none", "quarantine", "reject"].contains(&p.to_ascii_lowercase().as_str())
    });
    let state = match count(&records) {
        Checked::Ok if !known => Checked::Differs,
        state => state,
    };
    Found {
        state,
        text: kept(&records),
    }
}

/// One record is what both standards want; of several none counts.
fn count(records: &[String]) -> Checked {
    match records.len() {
        0 => Checked::Missing,
        1 => Checked::Ok,
        _ => Checked::Differs,
    }
}

fn kept(records: &[String]) -> Option<String> {
    let text = records.join("\n").replace('\0', "\u{fffd}");
    (!records.is_empty()).then(|| text.chars().take(KEPT).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(records: &[&str]) -> Vec<String> {
        records.iter().map(|r| (*r).to_owned()).collect()
    }

    #[test]
    fn one_dmarc_record_with_a_policy_counts() {
        let table = [
            (vec!["v=DMARC1; p=none"], Checked::Ok),
            (vec!["v = DMARC1 ;p=REJECT;rua=mailto:a@b.jp"], Checked::Ok),
            (vec!["other", "v=DMARC1;p=quarantine"], Checked::Ok),
            (vec!["v=DMARC1"], Checked::Differs),
            (vec!["v=DMARC1; p=maybe"], Checked::Differs),
            (
                vec!["v=DMARC1; p=none", "v=DMARC1; p=none"],
                Checked::Differs,
            ),
            (vec!["v=DMARC2; p=none"], Checked::Missing),
            (vec![], Checked::Missing),
        ];
        for (records, expected) in table {
            assert_eq!(judge_dmarc(texts(&records)).state, expected, "{records:?}");
        }
    }

    #[test]
    fn an_spf_record_is_known_by_its_first_word() {
        assert!(is_spf("v=spf1 -all") && is_spf("V=SPF1") && !is_spf("v=spf10 -all"));
    }

    #[test]
    fn hostile_records_are_kept_short_and_without_nul() {
        let kept = kept(&texts(&["a\0b", &"x".repeat(5000)])).unwrap();
        assert_eq!(kept.chars().count(), KEPT);
        assert!(!kept.contains('\0'));
    }
}
