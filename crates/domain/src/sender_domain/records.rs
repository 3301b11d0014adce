//! The DNS records that a sender domain needs, as a person types them in.

use std::net::IpAddr;

use serde::Serialize;

use super::SenderDomain;
use super::dkim::{record_name, record_value};

/// One record to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DnsRecord {
    /// `dkim`, `spf` or `dmarc`.
    pub purpose: &'static str,
    pub name: String,
    /// `TXT`.
    pub kind: &'static str,
    pub value: String,
}

/// DKIM for each key that signs or is to sign; SPF that lets the tenant's
/// relays send (RFC 7208: to be joined with a record that stands there
/// already); DMARC that asks for nothing yet.
#[must_use]
pub fn records(domain: &SenderDomain, relays: &[String]) -> Vec<DnsRecord> {
    let mut all: Vec<DnsRecord> = domain
        .keys
        .iter()
        .filter(|key| key.retired_at.is_none())
        .filter_map(|key| {
            Some(DnsRecord {
                purpose: "dkim",
                name: record_name(&key.selector, &domain.domain),
                kind: "TXT",
                value: record_value(key.algorithm()?, &key.public_key),
            })
        })
        .collect();
    let senders: Vec<String> = relays
        .iter()
        .map(|host| match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => format!("ip4:{ip}"),
            Ok(IpAddr::V6(ip)) => format!("ip6:{ip}"),
            Err(_) => format!("a:{host}"),
        })
        .collect();
    let spf = if senders.is_empty() {
        "v=spf1 a mx ~all".to_owned()
    } else {
        format!("v=spf1 {} ~all", senders.join(" "))
    };
    all.push(DnsRecord {
        purpose: "spf",
        name: domain.domain.clone(),
        kind: "TXT",
        value: spf,
    });
    all.push(DnsRecord {
        purpose: "dmarc",
        name: format!("_dmarc.{}", domain.domain),
        kind: "TXT",
        value: "v=DMARC1; p=none".to_owned(),
    });
    all
}
