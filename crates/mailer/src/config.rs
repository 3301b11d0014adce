//! Settings of the mailer, beside those that both programs share
//! (domain::config).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use domain::route::Security;
use serde::{Deserialize, Serialize};

use crate::inbound::Protocol;
use crate::smtp::connect::Timeouts;
use crate::smtp::inside::Inside;
use crate::smtp::mx::DirectSettings;

/// Read from `KIKUBARI_*`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MailerConfig {
    /// `KIKUBARI_PUBLIC_URL` (`http://127.0.0.1:8080`): begins every link in a mail; no slash at its end.
    pub public_url: String,
    /// `KIKUBARI_RELAY_INSIDE` (none): the relays on loopback and private
    /// addresses that routes may lead to, `host:port` with commas between.
    pub relay_inside: String,
    /// `KIKUBARI_DIRECT_ALLOW_PRIVATE` (false): whether direct delivery may lead to
    /// loopback and private addresses; recipients' domains name these servers.
    pub direct_allow_private: bool,
    /// `KIKUBARI_DIRECT_PORT` (25): where mail servers are spoken to.
    pub direct_port: u16,
    /// `KIKUBARI_DNS_SERVER` (those of the system): who is asked for mail servers.
    pub dns_server: Option<SocketAddr>,
    /// `KIKUBARI_SITES_BY_MX` (true): whether it is looked up who receives for the
    /// domains of companies, so that limits of providers count these too.
    pub sites_by_mx: bool,
    /// `KIKUBARI_BOUNCE_DOMAIN`: domain of the return path, whose mail comes
    /// back to us; without it bounces go to the sender's address.
    pub bounce_domain: Option<String>,
    /// `KIKUBARI_CANCEL_MAILBOX`: address that people cancel at by mail,
    /// beside the one-click link; somebody must read it.
    pub cancel_mailbox: Option<String>,
    /// `KIKUBARI_INBOUND_LISTEN`: where a relay hands bounces over by SMTP, for
    /// example `127.0.0.1:2525`; without it nothing listens.
    pub inbound_listen: Option<SocketAddr>,
    /// `KIKUBARI_INBOUND_LMTP_LISTEN`: the same by LMTP.
    pub inbound_lmtp_listen: Option<SocketAddr>,
    /// `KIKUBARI_HELO` (the host of the public URL): what EHLO says.
    pub helo: Option<String>,
    /// `KIKUBARI_METRICS_LISTEN`: where Prometheus may ask, for example `127.0.0.1:9464`.
    pub metrics_listen: Option<SocketAddr>,
    /// `KIKUBARI_JOURNAL_DIR`: folder on a lasting disk of this machine for what
    /// must outlive the process; mailers of one machine share it.
    pub journal_dir: Option<PathBuf>,
    /// `KIKUBARI_SYSTEM_MAIL_HOST`: relay of the product's own mails to its users
    /// (links for passwords, notices); without it none goes out.
    pub system_mail_host: Option<String>,
    /// `KIKUBARI_SYSTEM_MAIL_PORT` (587)
    pub system_mail_port: u16,
    /// `KIKUBARI_SYSTEM_MAIL_SECURITY` (`starttls`): or `tls`, `none`.
    pub system_mail_security: Security,
    /// `KIKUBARI_SYSTEM_MAIL_USERNAME`: for a relay that wants a log-in.
    pub system_mail_username: Option<String>,
    /// `KIKUBARI_SYSTEM_MAIL_PASSWORD_FILE`: the file with its password.
    pub system_mail_password_file: Option<PathBuf>,
    /// `KIKUBARI_SYSTEM_MAIL_FROM`: the address that they come from.
    pub system_mail_from: Option<String>,
    /// `KIKUBARI_SMTP_CONNECT_SECONDS` (30)
    pub smtp_connect_seconds: u64,
    /// `KIKUBARI_SMTP_COMMAND_SECONDS` (120)
    pub smtp_command_seconds: u64,
    /// `KIKUBARI_SMTP_ANSWER_SECONDS` (300): for the answer to a whole mail.
    pub smtp_answer_seconds: u64,
}

impl Default for MailerConfig {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            relay_inside: String::new(),
            direct_allow_private: false,
            direct_port: 25,
            dns_server: None,
            sites_by_mx: true,
            bounce_domain: None,
            cancel_mailbox: None,
            inbound_listen: None,
            inbound_lmtp_listen: None,
            helo: None,
            metrics_listen: None,
            journal_dir: None,
            system_mail_host: None,
            system_mail_port: 587,
            system_mail_security: Security::StartTls,
            system_mail_username: None,
            system_mail_password_file: None,
            system_mail_from: None,
            smtp_connect_seconds: 30,
            smtp_command_seconds: 120,
            smtp_answer_seconds: 300,
        }
    }
}

impl MailerConfig {
    /// # Errors
    /// Which variable contradicts what.
    pub fn check(&self) -> Result<(), String> {
        if !self.public_url.starts_with("http://") && !self.public_url.starts_with("https://")
            || self.public_url.ends_with('/')
        {
            return Err(
                "KIKUBARI_PUBLIC_URL must begin with http:// or https:// and end without a slash"
                    .to_owned(),
            );
        }
        for (name, value) in [
            ("KIKUBARI_BOUNCE_DOMAIN", &self.bounce_domain),
            ("KIKUBARI_HELO", &self.helo),
        ] {
            if let Some(value) = value
                && (value.is_empty()
                    || !value
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"-.[]:".contains(&b)))
            {
                return Err(format!("{name} must be a domain in ASCII"));
            }
        }
        if let Some(mailbox) = &self.cancel_mailbox {
            domain::contact::EmailAddress::parse(mailbox)
                .map_err(|error| format!("KIKUBARI_CANCEL_MAILBOX {}", error.detail))?;
        }
        if (self.inbound_listen.is_some() || self.inbound_lmtp_listen.is_some())
            && self.bounce_domain.is_none()
            && self.cancel_mailbox.is_none()
        {
            return Err("KIKUBARI_INBOUND_LISTEN and KIKUBARI_INBOUND_LMTP_LISTEN need KIKUBARI_BOUNCE_DOMAIN or KIKUBARI_CANCEL_MAILBOX: they take mail for these only".to_owned());
        }
        crate::system_mail::check(self)?;
        self.inside()?;
        if let Some(listen) = self.metrics_listen
            && !listen.ip().is_loopback()
        {
            return Err("KIKUBARI_METRICS_LISTEN must be a loopback address: what it tells is for the inside".to_owned());
        }
        Ok(())
    }

    /// What EHLO says: RFC 5321 §4.1.3 wants a literal where there is no name.
    #[must_use]
    pub fn helo_name(&self) -> String {
        if let Some(helo) = &self.helo {
            return helo.clone();
        }
        let rest = self
            .public_url
            .split_once("://")
            .map_or("", |(_, rest)| rest);
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        if host.parse::<std::net::Ipv4Addr>().is_ok() {
            format!("[{host}]")
        } else if host.is_empty() || rest.starts_with('[') {
            "[127.0.0.1]".to_owned()
        } else {
            host.to_owned()
        }
    }

    /// Where mail comes in, and how it is spoken there.
    pub fn inbound(&self) -> impl Iterator<Item = (SocketAddr, Protocol)> {
        let smtp = self.inbound_listen.map(|at| (at, Protocol::Smtp));
        let lmtp = self.inbound_lmtp_listen.map(|at| (at, Protocol::Lmtp));
        smtp.into_iter().chain(lmtp)
    }

    /// # Errors
    /// What is wrong with the setting.
    pub fn inside(&self) -> Result<Inside, String> {
        Inside::parse(&self.relay_inside)
    }

    #[must_use]
    pub fn direct(&self) -> DirectSettings {
        DirectSettings {
            allow_private: self.direct_allow_private,
            port: self.direct_port,
            dns_server: self.dns_server,
            ..DirectSettings::default()
        }
    }

    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(self.smtp_connect_seconds),
            command: Duration::from_secs(self.smtp_command_seconds),
            answer: Duration::from_secs(self.smtp_answer_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_helo_name_is_a_name_or_a_literal() {
        let of = |url: &str| {
            MailerConfig {
                public_url: url.into(),
                ..MailerConfig::default()
            }
            .helo_name()
        };
        assert_eq!(of("https://mail.example.jp"), "mail.example.jp");
        assert_eq!(of("http://127.0.0.1:8080"), "[127.0.0.1]");
        assert_eq!(of("http://[::1]:8080"), "[127.0.0.1]");
    }

    #[test]
    fn contradictions_are_refused_at_start() {
        let good = MailerConfig::default();
        assert!(good.check().is_ok());
        let bad = [
            MailerConfig {
                public_url: "https://a.jp/".into(),
                ..good.clone()
            },
            MailerConfig {
                bounce_domain: Some("a b".into()),
                ..good.clone()
            },
            MailerConfig {
                helo: Some("x\r\nRSET".into()),
                ..good.clone()
            },
            MailerConfig {
                cancel_mailbox: Some("nobody".into()),
                ..good.clone()
            },
            MailerConfig {
                relay_inside: "true".into(),
                ..good.clone()
            },
            MailerConfig {
                metrics_listen: Some("0.0.0.0:9464".parse().unwrap()),
                ..good.clone()
            },
            MailerConfig {
                inbound_listen: Some("127.0.0.1:2525".parse().unwrap()),
                ..good.clone()
            },
            MailerConfig {
                system_mail_host: Some("relay.example.jp".into()),
                ..good.clone()
            },
            MailerConfig {
                system_mail_host: Some("relay.example.jp".into()),
                system_mail_from: Some("kikubari@example.jp\r\nRCPT TO:<x@example.jp>".into()),
                ..good.clone()
            },
            MailerConfig {
                system_mail_host: Some("relay.example.jp".into()),
                system_mail_from: Some("kikubari@example.jp".into()),
                system_mail_username: Some("kikubari".into()),
                system_mail_password_file: Some("/run/secrets/relay".into()),
                system_mail_security: Security::None,
                ..good
            },
        ];
        for config in bad {
            assert!(config.check().is_err(), "{config:?}");
        }
    }
}
