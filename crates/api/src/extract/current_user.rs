//! Who makes the request: bearer token, live session, permissions.

use std::future::Future;
use std::net::IpAddr;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use domain::session::token::Claims;
use domain::{Actor, DomainError, session};

use crate::error::ApiError;
use crate::state::AppState;

/// Sent by the SPA with what it does by itself (polling, the event stream):
/// such a request does not count as activity of the person.
const BACKGROUND: &str = "X-Kikubari-Background";

/// The logged-in person. Derefs to the [`Actor`] that use cases take.
#[derive(Debug, Clone)]
pub struct CurrentUser(pub Actor);

impl Deref for CurrentUser {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.0
    }
}

impl FromRequest for CurrentUser {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await })
    }
}

/// Authenticates once a request: middleware and handler share the answer.
async fn authenticate(request: &HttpRequest) -> Result<CurrentUser, ApiError> {
    if let Some(known) = request.extensions().get::<CurrentUser>() {
        return Ok(known.clone());
    }
    let state = request
        .app_data::<web::Data<AppState>>()
        .ok_or_else(|| DomainError::internal("application state is missing"))?;
    let claims = claims(request)?;
    let mut actor = session::authenticate(
        &state.db,
        &claims,
        client_ip(request),
        !request.headers().contains_key(BACKGROUND),
    )
    .await?;
    actor.request_id = crate::middleware::request_id::current();
    state.limits.spend(&actor)?;
    let user = CurrentUser(actor);
    request.extensions_mut().insert(user.clone());
    Ok(user)
}

/// What the bearer token says, its signature and times checked; whether its
/// session lives is not.
///
/// # Errors
/// [`DomainError::Unauthenticated`]
pub fn claims(request: &HttpRequest) -> Result<Claims, DomainError> {
    let state = request
        .app_data::<web::Data<AppState>>()
        .ok_or_else(|| DomainError::internal("application state is missing"))?;
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map_or("", |(_, token)| token.trim());
    state.tokens.check(token, state.db.now())
}

/// The address of the other side. `X-Forwarded-For` counts only when the peer
/// is a proxy that the operator named; otherwise anybody could write it.
#[must_use]
pub fn client_ip(request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let trusted = request
        .app_data::<web::Data<AppState>>()
        .is_some_and(|state| state.config.trusts(peer));
    if !trusted {
        return Some(peer);
    }
    let forwarded = request
        .headers()
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok());
    forwarded
        .and_then(|list| list.rsplit(',').next())
        .and_then(|ip| ip.trim().parse().ok())
        .or(Some(peer))
}
