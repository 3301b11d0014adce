//! Log-in, refresh, log-out, password change.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, post};
use chrono::{DateTime, Utc};
use domain::DomainError;
use domain::session::{self, Device, LoggedIn, Outcome, device};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tracing::Instrument;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig as OpenApiConfig;

use crate::error::ApiResult;
use crate::extract::{Body, EnrollingUser, client_ip};
use crate::problems::{AuthProblems, CreateProblems};
use crate::routes::me::Me;
use crate::routes::step_up::{SecondFactorAnswer, SecondFactorQuestion};
use crate::state::AppState;

/// `__Host-`: this host only, HTTPS (or the loopback address) only, path `/`.
const COOKIE: &str = "__Host-kikubari_refresh";
/// Tells a browser that a person has logged in with before; opens nothing.
const BROWSER: &str = "__Host-kikubari_browser";
/// A header that a form or an image of another site can't send.
const CLIENT: &str = "X-Kikubari-Client";

/// Who logs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    #[schema(example = "hanako", max_length = 100)]
    pub login_id: String,
    #[schema(value_type = String, format = Password, example = "correct horse battery", max_length = 256)]
    pub password: SecretString,
}

/// Tokens of a session. The refresh token is in a cookie that scripts can't read.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// JWT, sent as `Authorization: Bearer`.
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds.
    #[schema(example = 600)]
    pub expires_in: i64,
    pub me: Me,
}

/// The password was right, and the person has a second factor: answer the question.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondFactorNeeded {
    pub second_factor: SecondFactorQuestion,
}

/// What a right password leads to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum LogInAnswer {
    Session(Box<Session>),
    SecondFactor(SecondFactorNeeded),
}

/// A new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    #[schema(value_type = String, format = Password, max_length = 256)]
    pub current_password: SecretString,
    /// At least as many characters as the company's rule says (12 to 64); any
    /// characters, no rules of composition. Refused: what is known from leaks,
    /// is made of names, is easily guessed, or was used before.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 256)]
    pub new_password: SecretString,
}

pub fn configure(config: &mut OpenApiConfig<'_>) {
    config
        .service(create_session)
        .service(create_second_factor_session)
        .service(refresh_session)
        .service(delete_session)
        .service(change_password);
}

/// From where a request comes.
pub(super) fn device(request: &HttpRequest) -> Device {
    let agent = request
        .headers()
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    Device {
        ip: client_ip(request),
        user_agent: agent.unwrap_or_default().into_owned(),
        known: None,
        cookie: browser(request),
    }
}

fn browser(request: &HttpRequest) -> String {
    request
        .cookie(BROWSER)
        .map(|cookie| cookie.value().to_owned())
        .unwrap_or_default()
}

/// Remembers a browser that a person has proven to be theirs.
pub(super) fn remember_browser(
    state: &AppState,
    request: &HttpRequest,
    login_id: &str,
    response: &mut HttpResponseBuilder,
) {
    let now = state.db.now();
    if let Some(value) = device::remember(&state.keys, login_id, &browser(request), now) {
        let expires = now + device::REMEMBERED;
        response.cookie(cookie(BROWSER, value, expires, now));
    }
}

fn cookie(
    name: &'static str,
    value: String,
    expires: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(actix_web::cookie::time::Duration::seconds(
            (expires - now).num_seconds().max(0),
        ))
        .finish()
}

/// The tokens; `by` is whose browser is remembered for the next time.
pub(super) fn answer(
    state: &AppState,
    request: &HttpRequest,
    by: Option<&str>,
    logged_in: LoggedIn,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(token) = logged_in.refresh_token {
        let expires = logged_in.me.session_expires_at;
        response.cookie(cookie(
            COOKIE,
            token.expose_secret().to_owned(),
            expires,
            state.db.now(),
        ));
    }
    if let Some(login_id) = by {
        remember_browser(state, request, login_id, &mut response);
    }
    response.json(Session {
        access_token: logged_in.access_token.expose_secret().to_owned(),
        token_type: "Bearer",
        expires_in: logged_in.expires_in,
        me: logged_in.me.into(),
    })
}

/// What the cookie may be used with: a request of our own page. SameSite keeps
/// other sites out already; this holds when it fails.
fn own_page(state: &AppState, request: &HttpRequest) -> Result<(), DomainError> {
    let refused = |detail: &str| DomainError::Refused {
        code: "foreign_request",
        detail: detail.to_owned(),
    };
    let origin = request
        .headers()
        .get(header::ORIGIN)
        .and_then(|value| value.to_str().ok());
    if origin != Some(state.config.public_url.as_str()) {
        return Err(refused(
            "the header Origin is missing or names another site",
        ));
    }
    if !request.headers().contains_key(CLIENT) {
        return Err(refused("the header X-Kikubari-Client is missing"));
    }
    Ok(())
}

fn presented(request: &HttpRequest) -> String {
    request
        .cookie(COOKIE)
        .map(|cookie| cookie.value().to_owned())
        .unwrap_or_default()
}

/// Log in
///
/// Opens a session, or, for a person with a second factor, answers the question for it. An unknown login id and
/// a wrong password answer alike; after some failures each further one makes the wait longer (429). While too many
/// people log in at the same time some are sent away at once (503 `overloaded`, with `Retry-After`): nothing was tried,
/// and it is no failure.
#[utoipa::path(
    tag = "auth", operation_id = "create_session", security(()),
    request_body = LogIn,
    responses((status = 200, body = LogInAnswer, description = "Logged in, or the question for the second factor", headers(("Set-Cookie" = String, description = "The refresh token, when logged in"))), AuthProblems)
)]
#[post("/auth/login")]
async fn create_session(
    state: Data<AppState>,
    request: HttpRequest,
    body: Body<LogIn>,
) -> ApiResult {
    let Body(LogIn { login_id, password }) = body;
    let known = device::recognise(&state.keys, &login_id, &browser(&request), state.db.now());
    let from = Device {
        known,
        ..device(&request)
    };
    // Goes on when the other side hangs up, or who hangs up before the answer
    // would have a hash made that counts nowhere.
    let attempt = {
        let (state, login_id) = (state.clone(), login_id.clone());
        async move {
            let (factors, tokens) = (state.factors(), &state.tokens);
            let (db, hasher) = (&state.db, &state.hasher);
            session::log_in(db, hasher, tokens, &factors, &login_id, password, from).await
        }
    };
    let outcome = actix_web::rt::spawn(attempt.in_current_span())
        .await
        .map_err(DomainError::internal)??;
    Ok(match outcome {
        Outcome::LoggedIn(logged_in) => answer(&state, &request, Some(&login_id), *logged_in),
        Outcome::SecondFactor(question) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(SecondFactorNeeded {
                second_factor: (*question).into(),
            }),
    })
}

/// Second step of the log-in
///
/// Answers the question of `create_session` with a code of the authenticator app, a passkey or a recovery code. Each
/// code is taken once. A wrong one answers 401 `wrong_second_factor`; after five, or five minutes, the question is over
/// (401 `challenge_over`).
#[utoipa::path(
    tag = "auth", operation_id = "create_second_factor_session", security(()),
    request_body = SecondFactorAnswer,
    responses((status = 200, body = Session, description = "Logged in", headers(("Set-Cookie" = String, description = "The refresh token"))), AuthProblems)
)]
#[post("/auth/second-factors")]
async fn create_second_factor_session(
    state: Data<AppState>,
    request: HttpRequest,
    body: Body<SecondFactorAnswer>,
) -> ApiResult {
    let (token, proof) = body.0.proof()?;
    let logged_in = session::finish_log_in(
        &state.db,
        &state.tokens,
        &state.factors(),
        &token,
        &proof,
        device(&request),
    )
    .await?;
    let login_id = logged_in.me.user.login_id.clone();
    Ok(answer(&state, &request, Some(&login_id), logged_in))
}

/// New access token
///
/// Uses the refresh cookie, and gives a new one. Wants `Origin` of this
/// service and the header `X-Kikubari-Client`. A refresh token that comes a
/// second time ends its session, unless within 10 seconds (two tabs at once).
#[utoipa::path(
    tag = "auth", operation_id = "refresh_session", security(("refresh_cookie" = [])),
    params(("X-Kikubari-Client" = Option<String>, Header, description = "Any value, for example `web`")),
    responses((status = 200, body = Session, description = "New tokens"), AuthProblems)
)]
#[post("/auth/refresh")]
async fn refresh_session(state: Data<AppState>, request: HttpRequest) -> ApiResult {
    own_page(&state, &request)?;
    let (token, ip) = (presented(&request), client_ip(&request));
    let logged_in = session::refresh(&state.db, &state.tokens, &token, ip).await?;
    Ok(answer(&state, &request, None, logged_in))
}

/// Log out
///
/// Ends the session of the refresh cookie, and takes the cookie away.
#[utoipa::path(
    tag = "auth", operation_id = "delete_session", security(("refresh_cookie" = [])),
    params(("X-Kikubari-Client" = Option<String>, Header, description = "Any value, for example `web`")),
    responses((status = 204, description = "Logged out"), AuthProblems)
)]
#[post("/auth/logout")]
async fn delete_session(state: Data<AppState>, request: HttpRequest) -> ApiResult {
    own_page(&state, &request)?;
    session::log_out(&state.db, &presented(&request), client_ip(&request)).await?;
    let now = state.db.now();
    Ok(HttpResponse::NoContent()
        .cookie(cookie(COOKIE, String::new(), now, now))
        .insert_header(("Clear-Site-Data", "\"cache\", \"storage\""))
        .finish())
}

/// Change one's password
///
/// Ends every other session of the person.
#[utoipa::path(
    tag = "auth", operation_id = "change_password", security(("access_token" = [])),
    request_body = PasswordChange,
    responses((status = 204, description = "Changed"), CreateProblems)
)]
#[post("/auth/password")]
async fn change_password(
    state: Data<AppState>,
    user: EnrollingUser,
    body: Body<PasswordChange>,
) -> ApiResult {
    let Body(PasswordChange {
        current_password,
        new_password,
    }) = body;
    session::change_password(
        &state.db,
        &state.hasher,
        &user,
        current_password,
        new_password,
    )
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
