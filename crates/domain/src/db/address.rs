//! Where a database is and how it is spoken to: a connection string as libpq
//! takes it, with `sslmode` and `sslrootcert` in libpq's sense, which the
//! driver knows in part only.

use std::path::PathBuf;
use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::SslMode;

use super::tls::{Connector, Trust};
use crate::error::{DomainError, Result};

const MODES: &str = "disable, prefer, require, verify-ca or verify-full";

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long what was sent may stay unacknowledged by the other machine, which
/// acknowledges at once however long the statement takes.
const UNHEARD: Duration = Duration::from_secs(20);
/// How long a connection is silent before the other machine is asked whether it
/// is there, how long between two questions, and how many go unanswered.
const ASKED: (Duration, Duration, u32) = (Duration::from_secs(10), Duration::from_secs(5), 2);
/// The driver's own, when the address says nothing.
const IDLE_UNSET: Duration = Duration::from_secs(2 * 60 * 60);

/// A machine that vanished without a word (power, firewall) is noticed within 20
/// seconds instead of a quarter of an hour or two hours; what the address says
/// itself holds.
fn notice_silence(config: &mut tokio_postgres::Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECTING);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNHEARD);
    }
    if config.get_keepalives_idle() == IDLE_UNSET {
        let (idle, between, times) = ASKED;
        config.keepalives_idle(idle);
        config.keepalives_interval(between);
        config.keepalives_retries(times);
    }
}

/// How to reach a database.
#[derive(Clone)]
pub(crate) struct Address {
    config: tokio_postgres::Config,
    tls: Connector,
}

impl Address {
    /// Reads a connection string, and the certificates that it names.
    ///
    /// # Errors
    /// What is wrong with it; never the string itself, which holds a password.
    pub(crate) fn parse(url: &SecretString) -> Result<Self> {
        let wrong = |detail: String| {
            DomainError::internal(format_args!("the database's address: {detail}"))
        };
        let (rest, tls) = take_tls(url.expose_secret()).map_err(wrong)?;
        let mut config: tokio_postgres::Config =
            rest.parse().map_err(|error| wrong(describe(&error)))?;
        config.ssl_mode(tls.mode);
        notice_silence(&mut config);
        Ok(Self {
            config,
            tls: Connector::new(&tls.trust).map_err(wrong)?,
        })
    }

    /// The same, under a name that PostgreSQL shows (63 bytes at most).
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.config.application_name(name);
        self
    }

    /// A new connection.
    ///
    /// # Errors
    /// When there is none to be had, or not by TLS as it was asked for.
    pub(crate) async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        let (client, connection) = self
            .config
            .connect(self.tls.clone())
            .await
            .map_err(|error| ConnectionError::BadConnection(describe(&error)))?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    }
}

/// With the causes, without which the driver says "error performing TLS handshake" and no more.
fn describe(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// What a connection string says of TLS.
#[derive(Debug, PartialEq, Eq)]
struct Tls {
    mode: SslMode,
    trust: Trust,
}

/// The connection string without what it says of TLS, and that.
fn take_tls(text: &str) -> std::result::Result<(String, Tls), String> {
    let (rest, taken) = if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        take_of_url(text)
    } else {
        take_of_pairs(text)
    };
    let value = |name: &str| {
        let found = taken.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    let root = value("sslrootcert")
        .filter(|path| *path != "system")
        .map(PathBuf::from);
    let (mode, trust) = match value("sslmode").unwrap_or("prefer") {
        "disable" => (SslMode::Disable, Trust::Anybody),
        "prefer" => (SslMode::Prefer, Trust::Anybody),
        // As libpq: who names a root wants it to be asked.
        "require" if root.is_none() => (SslMode::Require, Trust::Anybody),
        "require" | "verify-ca" => (SslMode::Require, Trust::Issuer(root)),
        "verify-full" => (SslMode::Require, Trust::Name(root)),
        other => return Err(format!("sslmode={other} is none of {MODES}")),
    };
    Ok((rest, Tls { mode, trust }))
}

fn is_tls(name: &str) -> bool {
    matches!(name, "sslmode" | "sslrootcert")
}

fn take_of_url(text: &str) -> (String, Vec<(String, String)>) {
    let Some((head, query)) = text.split_once('?') else {
        return (text.to_owned(), Vec::new());
    };
    let (tls, others): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .partition(|pair| is_tls(pair.split('=').next().unwrap_or(pair)));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let taken = tls.iter().map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), decoded(value))
    });
    let rest = if others.is_empty() {
        head.to_owned()
    } else {
        format!("{head}?{}", others.join("&"))
    };
    (rest, taken.collect())
}

/// Of `name=value` pairs, whose values may stand in quotes and hold escapes.
fn take_of_pairs(text: &str) -> (String, Vec<(String, String)>) {
    let (mut rest, mut taken) = (Vec::new(), Vec::new());
    let mut left = text.trim_start();
    while let Some((name, after)) = left.split_once('=') {
        let after = after.trim_start();
        let (value, length) = read_value(after);
        let (raw, behind) = after.split_at(length);
        if is_tls(name.trim()) {
            taken.push((name.trim().to_owned(), value));
        } else {
            rest.push(format!("{}={raw}", name.trim()));
        }
        left = behind.trim_start();
    }
    if !left.is_empty() {
        rest.push(left.to_owned());
    }
    (rest.join(" "), taken)
}

/// The value at the beginning of a text, and how many bytes it takes there.
fn read_value(text: &str) -> (String, usize) {
    let is_quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut letters = text.char_indices().skip(usize::from(is_quoted));
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            '\'' if is_quoted => return (value, at + 1),
            letter if letter.is_whitespace() && !is_quoted => return (value, at),
            letter => value.push(letter),
        }
    }
    (value, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(mode: SslMode, trust: Trust) -> Tls {
        Tls { mode, trust }
    }

    #[test]
    fn a_machine_that_vanished_is_noticed_soon_unless_the_address_says_otherwise() {
        let times = |url: &str| {
            let config = Address::parse(&SecretString::from(url)).unwrap().config;
            (
                config.get_connect_timeout().map(Duration::as_secs),
                config.get_tcp_user_timeout().map(Duration::as_secs),
                config.get_keepalives_idle().as_secs(),
            )
        };
        assert_eq!(times("postgres://h/d"), (Some(5), Some(20), 10));
        assert_eq!(
            times("postgres://h/d?connect_timeout=3&tcp_user_timeout=7&keepalives_idle=600"),
            (Some(3), Some(7), 600)
        );
    }

    #[test]
    fn what_is_said_of_tls_is_taken_out_and_the_rest_stays_as_it_was() {
        let ca = || Some(PathBuf::from("/etc/ssl/my ca.pem"));
        let table = [
            (
                "postgres://a:b@h/d",
                "postgres://a:b@h/d",
                SslMode::Prefer,
                Trust::Anybody,
            ),
            (
                "postgres://h/d?sslmode=disable",
                "postgres://h/d",
                SslMode::Disable,
                Trust::Anybody,
            ),
            (
                "postgres://h/d?sslmode=require&connect_timeout=3",
                "postgres://h/d?connect_timeout=3",
                SslMode::Require,
                Trust::Anybody,
            ),
            (
                "postgresql://a@h1:1,h2:2/d?connect_timeout=3&sslmode=verify-full&sslrootcert=%2Fetc%2Fssl%2Fmy%20ca.pem",
                "postgresql://a@h1:1,h2:2/d?connect_timeout=3",
                SslMode::Require,
                Trust::Name(ca()),
            ),
            (
                "postgres://h/d?sslrootcert=/etc/ssl/my%20ca.pem&sslmode=require",
                "postgres://h/d",
                SslMode::Require,
                Trust::Issuer(ca()),
            ),
            (
                "postgres://h/d?sslmode=verify-ca",
                "postgres://h/d",
                SslMode::Require,
                Trust::Issuer(None),
            ),
            (
                "postgres://h/d?sslmode=verify-full&sslrootcert=system",
                "postgres://h/d",
                SslMode::Require,
                Trust::Name(None),
            ),
            (
                "host=h user = a password='it\\'s x' sslmode=verify-full  sslrootcert='/etc/ssl/my ca.pem' dbname=d",
                "host=h user=a password='it\\'s x' dbname=d",
                SslMode::Require,
                Trust::Name(ca()),
            ),
            (
                "host=h sslrootcert=/etc/ssl/my\\ ca.pem sslmode=verify-ca",
                "host=h",
                SslMode::Require,
                Trust::Issuer(ca()),
            ),
        ];
        for (text, rest, mode, trust) in table {
            let expected = Ok((rest.to_owned(), tls(mode, trust)));
            assert_eq!(take_tls(text), expected, "{text}");
        }
        let wrong = take_tls("postgres://a:secret@h/d?sslmode=allow").unwrap_err();
        assert!(wrong.contains("allow") && wrong.contains(MODES) && !wrong.contains("secret"));
    }

    #[test]
    fn an_address_that_can_not_be_read_says_why_and_tells_no_password() {
        for (text, part) in [
            ("postgres://a:secret@h:port/d", "port"),
            (
                "postgres://a:secret@h/d?sslmode=verify-full&sslrootcert=/nowhere.pem",
                "/nowhere.pem",
            ),
            ("postgres://a:secret@h/d?colour=blue", "colour"),
        ] {
            let error = Address::parse(&SecretString::from(text)).err().unwrap();
            let DomainError::Internal { context } = error else {
                panic!("{error:?}");
            };
            assert!(
                context.contains(part) && !context.contains("secret"),
                "{context}"
            );
        }
    }
}
