//! What people write about a token, parsed into types that can't be wrong.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::actor::Permission;
use crate::error::Validation;

const MOST_NETWORKS: usize = 50;

pub(super) fn check_name(v: &mut Validation, name: &str) {
    v.length("/name", name.trim(), 1, 100);
    if name.chars().any(char::is_control) {
        v.add("/name", "line_break", "must not hold control characters");
    }
}

pub(super) fn parse_scopes(v: &mut Validation, names: &[String]) -> BTreeSet<Permission> {
    if names.is_empty() {
        v.add("/scopes", "required", "must name at least one");
    }
    if names.len() > Permission::ALL.len() {
        v.add("/scopes", "too_many", "names more than there are");
        return BTreeSet::new();
    }
    let mut scopes = BTreeSet::new();
    for (i, name) in names.iter().enumerate() {
        match Permission::parse(name) {
            Some(permission) if permission.is_for_tokens() => {
                scopes.insert(permission);
            }
            Some(_) => v.add(
                format!("/scopes/{i}"),
                "not_allowed",
                "is for persons only, never for an API token",
            ),
            None => v.add(format!("/scopes/{i}"), "unknown", "is no permission"),
        }
    }
    scopes
}

pub(super) fn parse_networks(v: &mut Validation, texts: &[String]) -> Vec<IpNet> {
    if texts.len() > MOST_NETWORKS {
        v.add("/allowed_ips", "too_many", "at most 50 are allowed");
        return Vec::new();
    }
    let mut networks = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let text = text.trim();
        let parsed = text
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        match parsed {
            Some(network) => networks.push(network.trunc()),
            None => v.add(
                format!("/allowed_ips/{i}"),
                "malformed",
                "is no address or network, for example 203.0.113.0/24 or 2001:db8::/32",
            ),
        }
    }
    networks.sort_unstable();
    networks.dedup();
    networks
}

/// Whether a token may be used from nowhere else than before; an empty list is
/// everywhere.
pub(super) fn is_within(after: &[IpNet], before: &[IpNet]) -> bool {
    let known = |net: &IpNet| before.iter().any(|wide| wide.contains(net));
    before.is_empty() || (!after.is_empty() && after.iter().all(known))
}

pub(super) fn check_days(
    v: &mut Validation,
    pointer: &str,
    days: Option<i64>,
    least: i64,
    most: i64,
) {
    if days.is_some_and(|days| !(least..=most).contains(&days)) {
        let detail = format!("must be {least} to {most}");
        v.add(pointer, "out_of_range", detail);
    }
}
