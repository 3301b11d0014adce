//! Who of the staff makes the request.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use domain::ids::{SessionId, TenantId};
use domain::operator::{Operator, session};
use domain::{Actor, DomainError};
use uuid::Uuid;

use super::config::OperatorState;
use crate::error::ApiError;
use crate::extract::client_ip;
use crate::state::AppState;

const BACKGROUND: &str = "X-Kikubari-Background";

/// The logged-in person of the staff. Derefs to the [`Operator`] that use cases take.
#[derive(Debug, Clone)]
pub struct CurrentOperator(pub Operator);

impl Deref for CurrentOperator {
    type Target = Operator;

    fn deref(&self) -> &Operator {
        &self.0
    }
}

impl FromRequest for CurrentOperator {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await })
    }
}

pub async fn authenticate(request: &HttpRequest) -> Result<CurrentOperator, ApiError> {
    if let Some(known) = request.extensions().get::<CurrentOperator>() {
        return Ok(known.clone());
    }
    let missing = || DomainError::internal("application state is missing");
    let state = request
        .app_data::<web::Data<OperatorState>>()
        .ok_or_else(missing)?;
    let shared = request
        .app_data::<web::Data<AppState>>()
        .ok_or_else(missing)?;
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map_or("", |(_, token)| token.trim());
    let claims = state.tokens.check(token, state.db.now())?;
    let is_active = !request.headers().contains_key(BACKGROUND);
    let mut operator = session::authenticate(&state.db, &claims, is_active).await?;
    operator.ip = client_ip(request);
    operator.request_id = crate::middleware::request_id::current();
    let counted = Actor {
        session_id: Some(SessionId(claims.session.0)),
        ..Actor::public(TenantId(Uuid::nil()))
    };
    shared.limits.spend(&counted)?;
    let operator = CurrentOperator(operator);
    request.extensions_mut().insert(operator.clone());
    Ok(operator)
}
