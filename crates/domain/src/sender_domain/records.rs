//! The DNS records that a sender domain needs, as a person types them in.

use std::net::IpAddr;

use serde::Serialize;

use super::dkim::{record_name, record_value};
use super::{SenderDomain, return_path};

/// One record to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DnsRecord {
    /// `dkim`, `spf`, `dmarc` or `return_path`.
    pub purpose: &'static str,
    pub name: String,
    /// `TXT` or `CNAME`.
    pub kind: &'static str,
    pub value: String,
}

/// DKIM for each key that signs or is to sign; SPF that lets the tenant's
/// relays send (RFC 7208: to be joined with a record that stands there
/// already); DMARC that asks for nothing yet; the return path's name for the
/// installation's bounce domain, where it has one.
#[must_use]
pub fn records(
    domain: &SenderDomain,
    relays: &[String],
    bounce_domain: Option<&str>,
) -> Vec<DnsRecord> {
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
    let senders: Vec<String> = senders(relays)
        .into_iter()
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
    all.extend(bounce_domain.map(|bounce_domain| DnsRecord {
        purpose: "return_path",
        name: return_path::host(&domain.return_path_label, &domain.domain),
        kind: "CNAME",
        value: bounce_domain.to_owned(),
    }));
    all
}

/// The relays that an SPF record can name: a host inside the house, such as
/// `localhost` or `10.0.0.5`, shows outside under an address that is not known here.
pub(super) fn senders(relays: &[String]) -> Vec<&str> {
    let named = relays.iter().map(String::as_str);
    named
        .filter(|host| match host.parse() {
            Ok(ip) => is_public(&ip),
            Err(_) => host.contains('.'),
        })
        .collect()
}

/// Whether an address can be that of a mail's sender on the internet.
pub(super) fn is_public(ip: &IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0b1100_0000 == 64;
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || shared)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_spf_record_names_only_relays_that_the_internet_can_see() {
        let relays = [
            "127.0.0.1",
            "localhost",
            "10.1.2.3",
            "100.64.0.1",
            "fd00::1",
            "203.0.113.5",
            "smtp.example.jp",
        ];
        let relays: Vec<String> = relays.map(str::to_owned).to_vec();
        assert_eq!(senders(&relays), ["203.0.113.5", "smtp.example.jp"]);
    }
}
