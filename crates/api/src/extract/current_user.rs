//! Who makes the request: a person by their session, a program by its API
//! token; what they may is read from the database each time.

use std::future::Future;
use std::net::IpAddr;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use domain::session::token::{Claims, Holder};
use domain::{Actor, DomainError, api_token, session};

use crate::error::ApiError;
use crate::state::AppState;

/// Sent by the SPA with what it does by itself (polling, the event stream):
/// such a request does not count as activity of the person.
const BACKGROUND: &str = "X-Kikubari-Background";

/// A person or a program. Derefs to the [`Actor`] that use cases take.
#[derive(Debug, Clone)]
pub struct Caller(pub Actor);

/// A person who is logged in, and has the second factor that the tenant may
/// want of all (403 otherwise): for what no program may do, whatever its scopes.
#[derive(Debug, Clone)]
pub struct CurrentUser(pub Actor);

impl Deref for Caller {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.0
    }
}

impl Deref for CurrentUser {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.0
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let user = authenticate(&request).await?;
            user.require_enrolled()?;
            Ok(user)
        })
    }
}

/// The logged-in person, also one who has yet to set up a second factor: for
/// the few operations that this takes.
#[derive(Debug, Clone)]
pub struct EnrollingUser(pub Actor);

impl Deref for EnrollingUser {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.0
    }
}

impl FromRequest for EnrollingUser {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(person(authenticate(&request).await?)?)) })
    }
}

impl FromRequest for CurrentUser {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let actor = person(authenticate(&request).await?)?;
            actor.require_enrolled()?;
            Ok(Self(actor))
        })
    }
}

fn person(Caller(actor): Caller) -> Result<Actor, DomainError> {
    if actor.user_id.is_some() {
        return Ok(actor);
    }
    Err(DomainError::Refused {
        code: "person_required",
        detail: "this is for persons only: an API token can't do it".to_owned(),
    })
}

/// Authenticates once a request: middleware and handler share the answer.
async fn authenticate(request: &HttpRequest) -> Result<Caller, ApiError> {
    if let Some(known) = request.extensions().get::<Caller>() {
        return Ok(known.clone());
    }
    let state = request
        .app_data::<web::Data<AppState>>()
        .ok_or_else(|| DomainError::internal("application state is missing"))?;
    let claims = claims(request)?;
    let is_activity = !request.headers().contains_key(BACKGROUND);
    let mut actor = actor_of(state, &claims, is_activity, client_ip(request)).await?;
    actor.request_id = crate::middleware::request_id::current();
    crate::middleware::log::note_actor(&actor);
    state.limits.spend(&actor)?;
    let caller = Caller(actor);
    request.extensions_mut().insert(caller.clone());
    Ok(caller)
}

/// Whether what the claims stand on is still there: the session, or the API
/// token and the address that it is used from.
///
/// # Errors
/// [`DomainError::Unauthenticated`]
pub async fn actor_of(
    state: &AppState,
    claims: &Claims,
    is_activity: bool,
    ip: Option<IpAddr>,
) -> Result<Actor, DomainError> {
    let actor = match claims.holder() {
        Some(Holder::Program { .. }) => api_token::authenticate(&state.db, claims, ip).await?,
        _ => session::authenticate(&state.db, claims, ip, is_activity).await?,
    };
    Ok(Actor { ip, ..actor })
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
/// is a proxy that the operator named; otherwise anybody could write it. What
/// such a proxy says and can't be read is nobody's address, not the proxy's:
/// that one may be on a list of those who are let in.
#[must_use]
pub fn client_ip(request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let trusted = request
        .app_data::<web::Data<AppState>>()
        .is_some_and(|state| state.config.trusts(peer));
    if !trusted {
        return Some(peer);
    }
    let Some(forwarded) = request.headers().get("x-forwarded-for") else {
        return Some(peer);
    };
    let last = forwarded.to_str().ok()?.rsplit(',').next()?;
    let ip: IpAddr = last.trim().parse().ok()?;
    Some(ip.to_canonical())
}
