//! What must hold of a route. Pure.

use secrecy::ExposeSecret;

use super::{Auth, NewRoute, Security};
use crate::error::{DomainError, FieldError, Result, Validation};

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

/// What must hold of a route as a whole.
pub(super) fn check(new: &NewRoute, has_password: bool) -> Result<String> {
    let mut v = Validation::default();
    v.length("/name", &new.name, 1, 100);
    let host = v.keep("/host", parse_host(&new.host));
    if !(1..=65535).contains(&new.port) {
        v.add("/port", "out_of_range", "must be 1 to 65535");
    }
    if !(1..=500).contains(&new.max_sessions) {
        v.add("/max_sessions", "out_of_range", "must be 1 to 500");
    }
    if !(1..=1000).contains(&new.weight) {
        v.add("/weight", "out_of_range", "must be 1 to 1000");
    }
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
    } else {
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
        if new.security == Security::None {
            v.add(
                "/security",
                "plaintext_password",
                "a password goes over starttls or tls only",
            );
        }
    }
    v.finish()?;
    host.ok_or_else(|| DomainError::internal("a host that passed its check"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
