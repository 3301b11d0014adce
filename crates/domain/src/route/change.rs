//! A change of a route, and what the route would be with it. Pure.

use secrecy::SecretString;

use super::{Auth, Kind, NewRoute, Route, Security};

/// A change; `None` leaves a value as it is.
#[derive(Debug, Default)]
pub struct RouteChange {
    pub name: Option<String>,
    pub kind: Option<Kind>,
    pub host: Option<String>,
    pub port: Option<i32>,
    pub security: Option<Security>,
    pub auth: Option<Auth>,
    pub username: Option<String>,
    pub password: Option<SecretString>,
    /// Empty: none from now on.
    pub source_address: Option<String>,
    pub helo: Option<String>,
    pub max_sessions: Option<i32>,
    pub sign: Option<bool>,
    pub enabled: Option<bool>,
    pub position: Option<i32>,
    pub weight: Option<i32>,
}

impl RouteChange {
    /// The whole route after the change. What only the other kind has goes
    /// with the kind; what the change itself says of it stays to be refused.
    pub(super) fn applied_to(self, before: &Route) -> NewRoute {
        let kind = self.kind.unwrap_or(before.kind);
        let is_relay = kind == Kind::Relay;
        let auth = match self.auth {
            Some(auth) => auth,
            None if is_relay => before.auth,
            None => Auth::None,
        };
        // A user name that nobody asked to keep goes with the log-in.
        let username = match self.username {
            Some(name) => name,
            None if auth == Auth::None => String::new(),
            None => before.username.clone(),
        };
        let source = || {
            before
                .source_address
                .map_or_else(String::new, |net| net.addr().to_string())
        };
        NewRoute {
            name: self.name.unwrap_or_else(|| before.name.clone()),
            kind,
            host: self
                .host
                .or_else(|| before.host.clone().filter(|_| is_relay)),
            port: self.port.or(before.port.filter(|_| is_relay)),
            security: self.security.or(before.security.filter(|_| is_relay)),
            auth,
            username,
            password: self.password,
            source_address: self.source_address.unwrap_or_else(source),
            helo: self.helo.unwrap_or_else(|| before.helo.clone()),
            max_sessions: self.max_sessions.unwrap_or(before.max_sessions),
            sign: self.sign.unwrap_or(before.sign),
            enabled: self.enabled.unwrap_or(before.enabled),
            position: self.position.unwrap_or(before.position),
            weight: self.weight.unwrap_or(before.weight),
        }
    }
}
