//! Where requests of ours may go that somebody else names: the rules. The one
//! client that makes them is the mailer's (`mailer::egress`).

pub mod address;

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::error::FieldError;
use address::is_inside;

/// Longest address of a request.
pub const MAX_URL: usize = 2000;
/// Ports of the outside that are asked.
const PORTS: [u16; 2] = [443, 8443];

/// Settings of both programs, each from `KIKUBARI_<NAME>`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct EgressConfig {
    /// `KIKUBARI_EGRESS_INSIDE` (none): networks of the inside that webhooks may
    /// reach, with commas between; there on any port, and without TLS too.
    pub egress_inside: String,
}

impl EgressConfig {
    /// # Errors
    /// What is wrong with it.
    pub fn rules(&self) -> Result<Rules, String> {
        let networks = self.egress_inside.split(',').map(str::trim);
        let networks = networks.filter(|n| !n.is_empty()).map(|network| {
            network.parse().map_err(|_| {
                format!("KIKUBARI_EGRESS_INSIDE: {network} is no network such as 10.1.0.0/16")
            })
        });
        Ok(Rules {
            inside: networks.collect::<Result<_, _>>()?,
        })
    }
}

/// What may be asked.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Of the inside, by the operator's leave.
    inside: Vec<IpNet>,
}

/// Where a request goes, taken apart once: nobody reads the address again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub tls: bool,
    /// A name in ASCII, or an address without brackets.
    pub host: String,
    pub port: u16,
    /// With its query.
    pub path: String,
}

impl Target {
    /// What the header `Host` says.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match self.host.parse() {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
            _ => self.host.clone(),
        };
        if self.port == if self.tls { 443 } else { 80 } {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl Rules {
    /// Everywhere, as tests and an operator's intranet want it.
    #[must_use]
    pub fn anywhere() -> Self {
        Self {
            inside: vec![IpNet::default(), "::/0".parse().unwrap_or_default()],
        }
    }

    /// Whether a target may be asked at an address that its name has.
    #[must_use]
    pub fn allow(&self, target: &Target, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let named = self.inside.iter().any(|network| network.contains(&ip));
        named || (!is_inside(ip) && target.tls && PORTS.contains(&target.port))
    }

    /// Takes an address apart, and refuses one that can't be asked.
    ///
    /// # Errors
    /// What is wrong and how to mend it, for the field `/url`.
    pub fn target(&self, text: &str) -> Result<Target, FieldError> {
        let wrong = |code, detail: &str| FieldError::new("/url", code, detail);
        if text.len() > MAX_URL {
            return Err(wrong("too_long", "has more than 2,000 characters"));
        }
        let url = Url::parse(text)
            .ok()
            .filter(|_| text.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or_else(|| {
                wrong(
                    "malformed",
                    "is no address such as https://example.co.jp/hook",
                )
            })?;
        let tls = match url.scheme() {
            "https" => true,
            "http" if !self.inside.is_empty() => false,
            _ => return Err(wrong("not_https", "must begin with https://")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "credentials",
                "must hold no user name or password: requests are signed, check the signature",
            ));
        }
        if url.fragment().is_some() {
            return Err(wrong("malformed", "must hold no fragment (#…)"));
        }
        let target = Target {
            tls,
            host: match url.host() {
                Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
                Some(Host::Ipv4(ip)) => ip.to_string(),
                Some(Host::Ipv6(ip)) => ip.to_string(),
                None => String::new(),
            },
            port: url.port_or_known_default().unwrap_or(443),
            path: match url.query() {
                Some(query) => format!("{}?{query}", url.path()),
                None => url.path().to_owned(),
            },
        };
        self.check(&target)?;
        Ok(target)
    }

    fn check(&self, target: &Target) -> Result<(), FieldError> {
        let wrong = |code, detail: &str| Err(FieldError::new("/url", code, detail));
        if let Ok(ip) = target.host.parse::<IpAddr>() {
            if !self.allow(target, ip) {
                return wrong(
                    "inside",
                    "leads to an address that is none of the internet: the operator names the exceptions",
                );
            }
        } else if !target.host.contains('.') && self.inside.is_empty() {
            return wrong("malformed", "needs a host name with a dot");
        }
        if self.inside.is_empty() && !PORTS.contains(&target.port) {
            return wrong("port", "may name the ports 443 and 8443 only");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_can_not_be_asked_is_refused_when_it_is_written() {
        let rules = Rules::default();
        let good = rules
            .target("https://日本.example.jp:8443/a/b?c=d")
            .map_err(|e| e.code);
        assert_eq!(good, Err("malformed"), "written in ASCII");
        let good = rules
            .target("https://xn--wgv71a.example.jp:8443/a/b?c=d")
            .unwrap();
        assert_eq!(
            (good.host.as_str(), good.port, good.path.as_str()),
            ("xn--wgv71a.example.jp", 8443, "/a/b?c=d")
        );
        assert_eq!(good.authority(), "xn--wgv71a.example.jp:8443");
        let table = [
            ("http://example.jp/", "not_https"),
            ("ftp://example.jp/", "not_https"),
            ("javascript:alert(1)", "not_https"),
            ("https://user:secret@example.jp/", "credentials"),
            ("https://example.jp/#a", "malformed"),
            ("https://example.jp:22/", "port"),
            ("https://localhost/", "malformed"),
            ("https://127.0.0.1/", "inside"),
            ("https://127.1/", "inside"),
            ("https://2130706433/", "inside"),
            ("https://0x7f.1/", "inside"),
            ("https://0177.0.0.1/", "inside"),
            ("https://169.254.169.254/latest/meta-data/", "inside"),
            ("https://[::1]/", "inside"),
            ("https://[::ffff:127.0.0.1]/", "inside"),
            ("https://[64:ff9b::7f00:1]/", "inside"),
            ("https://exam ple.jp/", "malformed"),
            ("https://example.jp/\r\nX: y", "malformed"),
            ("example.jp", "malformed"),
            ("", "malformed"),
        ];
        for (text, code) in table {
            assert_eq!(rules.target(text).map_err(|e| e.code), Err(code), "{text}");
        }
    }

    #[test]
    fn the_operator_opens_networks_of_the_inside_and_no_others() {
        let config = EgressConfig {
            egress_inside: "10.1.0.0/16, 127.0.0.0/8".to_owned(),
        };
        let rules = config.rules().unwrap();
        let http = rules.target("http://hooks.intra/").unwrap();
        let https = rules.target("https://hooks.intra/").unwrap();
        for (ip, over_http, over_https) in [
            ("10.1.2.3", true, true),
            ("::ffff:10.1.2.3", true, true),
            ("10.2.0.1", false, false),
            ("192.168.0.1", false, false),
            ("8.8.8.8", false, true),
        ] {
            let ip = ip.parse().unwrap();
            assert_eq!(rules.allow(&http, ip), over_http, "{ip}");
            assert_eq!(rules.allow(&https, ip), over_https, "{ip}");
        }
        assert!(rules.target("http://10.1.0.9:8080/").is_ok());
        assert!(rules.target("http://10.2.0.9:8080/").is_err());
        let wrong = EgressConfig {
            egress_inside: "inside".to_owned(),
        };
        assert!(wrong.rules().is_err());
    }
}
