//! What must hold of a route. Pure.

use std::net::IpAddr;

use secrecy::ExposeSecret;

use super::{Auth, Kind, NewRoute, Route, Security};
use crate::error::{DomainError, FieldError, Result, Validation};
use crate::limit::site;

/// Longest password in characters; access tokens are longer.
fn password_max(auth: Auth) -> usize {
    if auth == Auth::XOAuth2 { 8000 } else { 1000 }
}

/// A route's name as a relay has it: a host name or an IP address.
///
/// # Errors
/// A field error that says what is allowed.
fn parse_host(text: &str) -> std::result::Result<String, FieldError> {
    let host = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let is_ip = host.parse::<std::net::IpAddr>().is_ok();
    if is_ip || (host.len() <= 253 && host.split('.').all(label)) {
        return Ok(host);
    }
    Err(FieldError::new(
        "/host",
        "malformed",
        "is no host name and no IP address, for example smtp.example.co.jp",
    ))
}

/// What a check made of the texts.
pub(super) struct Checked {
    pub(super) host: Option<String>,
    pub(super) source_address: Option<IpAddr>,
    pub(super) helo: String,
}

/// What must hold of a route as a whole.
pub(super) fn check(new: &NewRoute, has_password: bool) -> Result<Checked> {
    let mut v = Validation::default();
    v.length("/name", &new.name, 1, 100);
    let host = match new.kind {
        Kind::Relay => check_relay(&mut v, new),
        Kind::Direct => {
            refuse_relay_fields(&mut v, new);
            None
        }
    };
    if !(1..=500).contains(&new.max_sessions) {
        v.add("/max_sessions", "out_of_range", "must be 1 to 500");
    }
    if !(1..=1000).contains(&new.weight) {
        v.add("/weight", "out_of_range", "must be 1 to 1000");
    }
    let source_address = v.keep("/source_address", parse_source(&new.source_address));
    let helo = v.keep("/helo", parse_helo(&new.helo));
    if new.kind == Kind::Relay {
        check_log_in(&mut v, new, has_password);
    }
    v.finish()?;
    Ok(Checked {
        host,
        source_address: source_address.flatten(),
        helo: helo.unwrap_or_default(),
    })
}

/// Whether a route with its change leads to another server, over another kind of
/// line, or logs in there as somebody else.
pub(super) fn leads_elsewhere(before: &Route, after: &NewRoute, checked: &Checked) -> bool {
    before.kind != after.kind
        || before.host != checked.host
        || before.port != after.port
        || before.security != after.security
        || before.username != after.username
}

/// A password that is kept sealed goes only where it was meant to go: otherwise
/// who may change a route, and may not see its password, has it sent to them.
pub(super) fn password_anew() -> DomainError {
    DomainError::invalid(
        "/password",
        "required_anew",
        "type it again: the one that is kept was for the host, port, security and user name before",
    )
}

fn check_relay(v: &mut Validation, new: &NewRoute) -> Option<String> {
    let host = match &new.host {
        Some(host) => v.keep("/host", parse_host(host)),
        None => {
            v.add("/host", "required", "a relay needs its host");
            None
        }
    };
    match new.port {
        Some(1..=65535) => {}
        Some(_) => v.add("/port", "out_of_range", "must be 1 to 65535"),
        None => v.add("/port", "required", "a relay needs its port"),
    }
    if new.security.is_none() {
        v.add(
            "/security",
            "required",
            "a relay needs none, starttls or tls",
        );
    }
    host
}

/// Each server is found by the recipient's domain, and none of them knows us.
fn refuse_relay_fields(v: &mut Validation, new: &NewRoute) {
    let given = [
        ("/host", new.host.is_some()),
        ("/port", new.port.is_some()),
        ("/security", new.security.is_some()),
        ("/auth", new.auth != Auth::None),
        ("/username", !new.username.is_empty()),
        ("/password", new.password.is_some()),
    ];
    for (pointer, _) in given.iter().filter(|(_, given)| *given) {
        v.add(
            *pointer,
            "unused",
            "a direct route has none: leave it out, or make it a relay",
        );
    }
}

fn check_log_in(v: &mut Validation, new: &NewRoute, has_password: bool) {
    v.length("/username", &new.username, 0, 320);
    if new.username.chars().any(char::is_control) {
        v.add("/username", "malformed", "must be one line");
    }
    if let Some(password) = &new.password {
        v.length(
            "/password",
            password.expose_secret(),
            1,
            password_max(new.auth),
        );
        if password.expose_secret().chars().any(char::is_control) {
            v.add("/password", "malformed", "must be one line");
        }
    }
    if new.auth == Auth::None {
        if !new.username.is_empty() || new.password.is_some() {
            v.add(
                "/auth",
                "unused",
                "a user name or password is used with plain, login or xoauth2 only",
            );
        }
        return;
    }
    if new.username.is_empty() {
        v.add(
            "/username",
            "required",
            "this kind of log-in needs a user name",
        );
    }
    if !has_password {
        v.add(
            "/password",
            "required",
            "this kind of log-in needs a password",
        );
    }
    if new.security == Some(Security::None) {
        v.add(
            "/security",
            "plaintext_password",
            "a password goes over starttls or tls only",
        );
    }
}

/// Which address of its own the mailer's machine speaks from.
fn parse_source(text: &str) -> std::result::Result<Option<IpAddr>, FieldError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<IpAddr>() {
        Ok(ip) if !ip.is_unspecified() && !ip.is_multicast() => Ok(Some(ip)),
        _ => Err(FieldError::new(
            "/source_address",
            "malformed",
            "is no IP address of the mailer's machine, for example 203.0.113.10",
        )),
    }
}

/// RFC 5321 §4.1.1.1: a name that leads back to us.
fn parse_helo(text: &str) -> std::result::Result<String, FieldError> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    if name.is_empty() || (site::is_domain(&name)) {
        return Ok(name);
    }
    Err(FieldError::new(
        "/helo",
        "malformed",
        "is no full host name, for example mail.example.co.jp",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ehlo_name_is_a_full_host_name_and_a_source_an_address() {
        assert_eq!(parse_helo(" Mail.Example.jp. ").unwrap(), "mail.example.jp");
        assert_eq!(parse_helo("").unwrap(), "");
        for bad in ["mail", "[192.0.2.1]", "a.jp\r\nQUIT", "日本.jp"] {
            assert!(parse_helo(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_source("").unwrap(), None);
        assert!(parse_source("2001:db8::1").unwrap().is_some());
        for bad in ["0.0.0.0", "224.0.0.1", "mail.example.jp", "192.0.2.1/24"] {
            assert!(parse_source(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_are_names_or_addresses_and_nothing_else() {
        for good in [
            "smtp.example.co.jp",
            "RELAY",
            "10.0.0.1",
            "2001:db8::1",
            "a_b.example.jp.",
        ] {
            assert!(parse_host(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a b",
            "-a.jp",
            "a..b",
            "x\r\nQUIT",
            "http://a.jp",
            "a.jp:25",
            "日本.jp",
        ] {
            assert!(parse_host(bad).is_err(), "{bad}");
        }
    }
}
