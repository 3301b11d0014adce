//! Log-in of staff in two steps, refresh, log-out.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::DomainError;
use domain::operator::log_in::{self, Second, Step};
use domain::operator::session::{self, LoggedIn, Origin};
use domain::operator::step_up;
use domain::session::Device;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::ApiResult;
use crate::extract::{Body, client_ip};
use crate::operator::config::OperatorState;
use crate::operator::extract::CurrentOperator;
use crate::problems::{AuthProblems, BareProblems};

/// Another name than the tenants', so that both can be open in one browser.
pub const COOKIE: &str = "__Host-kikubari_operator";
const CLIENT: &str = "X-Kikubari-Client";

/// Who logs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorLogIn {
    #[schema(example = "yamada", max_length = 100)]
    pub login_id: String,
    #[schema(value_type = String, format = Password, max_length = 256)]
    pub password: SecretString,
}

/// What the second step asks for.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperatorStep {
    /// `code`: a code of the authenticator app; `setup`: the first code of an app with this secret, and a password of one's own.
    #[schema(example = "code")]
    pub step: &'static str,
    /// For the second step, within ten minutes; opens nothing by itself.
    pub ticket: String,
    /// For typing into the app (base32); with `setup` only.
    pub secret: Option<String>,
    /// For a QR code; with `setup` only.
    pub uri: Option<String>,
}

/// The second step.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorCode {
    #[schema(max_length = 100)]
    pub ticket: String,
    #[schema(example = "123456", max_length = 16)]
    pub code: String,
    /// With `setup`: at least 12 characters.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    pub new_password: Option<SecretString>,
}

/// Tokens of a session. The refresh token is in a cookie that scripts can't read.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperatorTokensIssued {
    /// JWT, sent as `Authorization: Bearer`; the tenants' API does not take it.
    pub access_token: String,
    /// Seconds.
    #[schema(example = 300)]
    pub expires_in: i64,
    pub name: String,
    /// Over then, however busy; without activity after 15 minutes.
    pub session_expires_at: DateTime<Utc>,
}

/// A fresh proof in an open session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorStepUp {
    /// Of the authenticator app.
    #[schema(example = "123456", max_length = 16)]
    pub code: String,
}

/// The logged-in person.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperatorMe {
    pub name: String,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_operator_session)
        .service(confirm_operator_session)
        .service(refresh_operator_session)
        .service(delete_operator_session)
        .service(step_up_operator_session)
        .service(get_operator);
}

fn device(request: &HttpRequest) -> Device {
    let agent = request
        .headers()
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    Device {
        ip: client_ip(request),
        user_agent: agent.unwrap_or_default().into_owned(),
        known: None,
        cookie: String::new(),
    }
}

fn cookie(value: String, expires: DateTime<Utc>, now: DateTime<Utc>) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(actix_web::cookie::time::Duration::seconds(
            (expires - now).num_seconds().max(0),
        ))
        .finish()
}

fn answer(state: &OperatorState, logged_in: LoggedIn) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(token) = logged_in.refresh_token {
        response.cookie(cookie(
            token.expose_secret().to_owned(),
            logged_in.session_expires_at,
            state.db.now(),
        ));
    }
    response.json(OperatorTokensIssued {
        access_token: logged_in.access_token.expose_secret().to_owned(),
        expires_in: logged_in.expires_in,
        name: logged_in.name,
        session_expires_at: logged_in.session_expires_at,
    })
}

/// What the cookie may be used with: a request of the console's own page.
fn own_page(state: &OperatorState, request: &HttpRequest) -> Result<(), DomainError> {
    let origin = request
        .headers()
        .get(header::ORIGIN)
        .and_then(|value| value.to_str().ok());
    let is_own = origin == Some(state.config.operator_url.as_str());
    if is_own && request.headers().contains_key(CLIENT) {
        return Ok(());
    }
    Err(DomainError::Refused {
        code: "foreign_request",
        detail:
            "the header Origin is missing or names another site, or X-Kikubari-Client is missing"
                .to_owned(),
    })
}

fn origin(request: &HttpRequest) -> Origin {
    Origin {
        ip: client_ip(request),
        request_id: crate::middleware::request_id::current(),
    }
}

fn presented(request: &HttpRequest) -> String {
    request
        .cookie(COOKIE)
        .map(|cookie| cookie.value().to_owned())
        .unwrap_or_default()
}

/// Log in: first step
///
/// Opens nothing: the answer is a ticket for the second step.
#[utoipa::path(
    tag = "auth", operation_id = "create_operator_session", security(()), request_body = OperatorLogIn,
    responses((status = 200, body = OperatorStep, description = "What to do next"), AuthProblems)
)]
#[post("/auth/login")]
async fn create_operator_session(
    state: Data<OperatorState>,
    request: HttpRequest,
    body: Body<OperatorLogIn>,
) -> ApiResult {
    let Body(OperatorLogIn { login_id, password }) = body;
    let step = log_in::begin(
        &state.db,
        &state.hasher,
        &state.keys,
        &login_id,
        password,
        device(&request),
        crate::middleware::request_id::current(),
    )
    .await?;
    let plain = |secret: SecretString| secret.expose_secret().to_owned();
    Ok(HttpResponse::Ok().json(match step {
        Step::Code { ticket } => OperatorStep {
            step: "code",
            ticket: plain(ticket),
            secret: None,
            uri: None,
        },
        Step::Setup { ticket, enrolment } => OperatorStep {
            step: "setup",
            ticket: plain(ticket),
            secret: Some(plain(enrolment.secret)),
            uri: Some(plain(enrolment.uri)),
        },
    }))
}

/// Log in: second step
///
/// A code counts once.
#[utoipa::path(
    tag = "auth", operation_id = "confirm_operator_session", security(()), request_body = OperatorCode,
    responses((status = 200, body = OperatorTokensIssued, description = "Logged in", headers(("Set-Cookie" = String, description = "The refresh token"))), AuthProblems)
)]
#[post("/auth/code")]
async fn confirm_operator_session(
    state: Data<OperatorState>,
    request: HttpRequest,
    body: Body<OperatorCode>,
) -> ApiResult {
    let Body(code) = body;
    let second = Second {
        ticket: code.ticket,
        code: code.code,
        new_password: code.new_password,
        device: device(&request),
        request_id: crate::middleware::request_id::current(),
    };
    let logged_in =
        log_in::finish(&state.db, &state.hasher, &state.keys, &state.tokens, second).await?;
    Ok(answer(&state, logged_in))
}

/// New access token
#[utoipa::path(
    tag = "auth", operation_id = "refresh_operator_session", security(("refresh_cookie" = [])),
    params(("X-Kikubari-Client" = Option<String>, Header, description = "Any value, for example `web`")),
    responses((status = 200, body = OperatorTokensIssued, description = "New tokens"), AuthProblems)
)]
#[post("/auth/refresh")]
async fn refresh_operator_session(state: Data<OperatorState>, request: HttpRequest) -> ApiResult {
    own_page(&state, &request)?;
    let logged_in = session::refresh(
        &state.db,
        &state.tokens,
        &presented(&request),
        origin(&request),
    )
    .await?;
    Ok(answer(&state, logged_in))
}

/// Log out
#[utoipa::path(
    tag = "auth", operation_id = "delete_operator_session", security(("refresh_cookie" = [])),
    params(("X-Kikubari-Client" = Option<String>, Header, description = "Any value, for example `web`")),
    responses((status = 204, description = "Logged out"), AuthProblems)
)]
#[post("/auth/logout")]
async fn delete_operator_session(state: Data<OperatorState>, request: HttpRequest) -> ApiResult {
    own_page(&state, &request)?;
    session::log_out(&state.db, &presented(&request), origin(&request)).await?;
    let now = state.db.now();
    Ok(HttpResponse::NoContent()
        .cookie(cookie(String::new(), now, now))
        .insert_header(("Clear-Site-Data", "\"cache\", \"storage\""))
        .finish())
}

/// Prove it once more
///
/// What can't be taken back (suspending and erasing a tenant, taking an erasure back, its quotas) takes a code of the app that is no
/// older than five minutes; without one it answers `code_required`. A code counts once.
#[utoipa::path(
    tag = "auth", operation_id = "step_up_operator_session", request_body = OperatorStepUp,
    responses((status = 204, description = "Proven, for five minutes"), AuthProblems)
)]
#[post("/auth/step-up")]
async fn step_up_operator_session(
    state: Data<OperatorState>,
    operator: CurrentOperator,
    body: Body<OperatorStepUp>,
) -> ApiResult {
    step_up::confirm(&state.db, &state.keys, &operator, &body.code).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who is logged in
#[utoipa::path(
    tag = "auth", operation_id = "get_operator",
    responses((status = 200, body = OperatorMe, description = "The person"), BareProblems)
)]
#[get("/me")]
async fn get_operator(operator: CurrentOperator) -> ApiResult {
    Ok(HttpResponse::Ok().json(OperatorMe {
        name: operator.name.clone(),
    }))
}
