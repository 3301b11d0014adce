//! Sites: who receives for a domain. Carriers and providers have many domains
//! and judge a sender over all of them. Pure. Domains that others own and these
//! receive for are told by their servers ([`super::exchange`]).

use super::exchange::{self, is_under};

/// Domains of each site. Their subdomains belong to it too: carriers hand them
/// out (`…@d.vodafone.ne.jp`).
const SITES: &[(&str, &[&str])] = &[
    ("docomo", &["docomo.ne.jp", "mopera.net", "mopera.ne.jp"]),
    ("au", &["ezweb.ne.jp", "au.com", "ido.ne.jp", "uqmobile.jp"]),
    (
        "softbank",
        &[
            "softbank.ne.jp",
            "i.softbank.jp",
            "softbank.jp",
            "vodafone.ne.jp",
            "jp-c.ne.jp",
            "jp-d.ne.jp",
            "jp-h.ne.jp",
            "jp-k.ne.jp",
            "jp-n.ne.jp",
            "jp-q.ne.jp",
            "jp-r.ne.jp",
            "jp-s.ne.jp",
            "jp-t.ne.jp",
            "disney.ne.jp",
        ],
    ),
    (
        "ymobile",
        &[
            "ymobile.ne.jp",
            "ymobile1.ne.jp",
            "yahoo.ne.jp",
            "willcom.com",
            "pdx.ne.jp",
            "emnet.ne.jp",
        ],
    ),
    ("rakuten", &["rakumail.jp", "rakuten.jp"]),
    ("yahoo_japan", &["yahoo.co.jp", "ybb.ne.jp"]),
    ("gmail", &["gmail.com", "googlemail.com"]),
    (
        "microsoft",
        &[
            "outlook.com",
            "outlook.jp",
            "hotmail.com",
            "hotmail.co.jp",
            "live.jp",
            "live.com",
            "msn.com",
        ],
    ),
    ("icloud", &["icloud.com", "me.com", "mac.com"]),
    (
        "yahoo",
        &[
            "yahoo.com",
            "ymail.com",
            "rocketmail.com",
            "aol.com",
            "aol.jp",
        ],
    ),
    ("nifty", &["nifty.com", "nifty.ne.jp"]),
    ("biglobe", &["biglobe.ne.jp"]),
    ("ocn", &["ocn.ne.jp"]),
    ("so_net", &["so-net.ne.jp"]),
    ("plala", &["plala.or.jp"]),
    ("eo", &["eonet.ne.jp"]),
    ("dti", &["dti.ne.jp"]),
    ("asahi_net", &["asahi-net.or.jp"]),
    ("jcom", &["jcom.home.ne.jp", "jcom.zaq.ne.jp", "zaq.ne.jp"]),
];

/// Names of the known sites, the most common in Japan first.
pub fn names() -> impl Iterator<Item = &'static str> {
    let by_domain = || SITES.iter().map(|(site, _)| *site);
    by_domain()
        .chain(exchange::names().filter(move |name| !by_domain().any(|known| known == *name)))
}

/// Each domain of a known site with the site's name; subdomains belong to it too.
pub fn known_domains() -> impl Iterator<Item = (&'static str, &'static str)> {
    SITES
        .iter()
        .flat_map(|(site, domains)| domains.iter().map(|domain| (*domain, *site)))
}

/// The known site that a domain in lower case belongs to.
#[must_use]
pub fn known(domain: &str) -> Option<&'static str> {
    SITES
        .iter()
        .find(|(_, domains)| domains.iter().any(|known| is_under(domain, known)))
        .map(|(site, _)| *site)
}

/// The site that receives for a domain, as far as the domain itself tells: a known
/// one's name, else the domain.
#[must_use]
pub fn of_domain(domain: &str) -> String {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    known(&domain).map_or(domain, str::to_owned)
}

/// The site that a person means: its name, or any of its domains.
#[must_use]
pub fn of_name(text: &str) -> String {
    let name = text.to_ascii_lowercase();
    if names().any(|site| site == name) {
        return name;
    }
    of_domain(&name)
}

/// The domain of an address, in lower case.
#[must_use]
pub fn domain_of(address: &str) -> String {
    let domain = address.rsplit('@').next().unwrap_or_default();
    domain.trim_end_matches('.').to_ascii_lowercase()
}

/// Most sessions that one mailer opens with one server of a site by itself, where
/// no limit of a tenant's says otherwise: carriers cut or put off who comes with
/// more. `None`: nothing is known of it.
#[must_use]
pub fn sessions_of(site: &str) -> Option<usize> {
    match site {
        "docomo" | "au" | "softbank" | "ymobile" | "rakuten" => Some(5),
        "yahoo_japan" | "yahoo" | "icloud" | "microsoft" => Some(10),
        _ => None,
    }
}

/// Whether the text can name a site: a known one's name or a domain.
#[must_use]
pub fn is_site(text: &str) -> bool {
    names().any(|site| site == text) || (is_domain(text) && of_domain(text) == text)
}

/// Whether the text is a domain in lower case ASCII.
#[must_use]
pub fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_of_one_operator_are_one_site_and_others_their_own() {
        let table = [
            ("docomo.ne.jp", "docomo"),
            ("EZWEB.ne.jp.", "au"),
            ("au.com", "au"),
            ("d.vodafone.ne.jp", "softbank"),
            ("i.softbank.jp", "softbank"),
            ("yahoo.co.jp", "yahoo_japan"),
            ("yahoo.com", "yahoo"),
            ("googlemail.com", "gmail"),
            ("hotmail.co.jp", "microsoft"),
            ("me.com", "icloud"),
            ("jp.ocn.ne.jp", "ocn"),
            ("notdocomo.ne.jp", "notdocomo.ne.jp"),
            ("docomo.ne.jp.example", "docomo.ne.jp.example"),
            ("acme.com", "acme.com"),
        ];
        for (domain, site) in table {
            assert_eq!(of_domain(domain), site, "{domain}");
        }
    }

    #[test]
    fn a_limit_names_a_site_by_its_one_name() {
        for good in ["docomo", "example.co.jp"] {
            assert!(is_site(good), "{good}");
        }
        for bad in [
            "",
            "nowhere",
            "docomo.ne.jp",
            "Example.jp",
            "a b.jp",
            "a..jp",
        ] {
            assert!(!is_site(bad), "{bad}");
        }
    }
}
