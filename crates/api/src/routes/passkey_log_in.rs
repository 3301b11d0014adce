//! Logging in with a passkey alone.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::session::{self, PasskeyAnswer};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::auth::{Session, answer, device};
use super::step_up::{PasskeyAssertion, bytes};
use crate::error::ApiResult;
use crate::extract::{Body, client_ip};
use crate::problems::{AuthProblems, QuestionProblems};
use crate::state::AppState;

/// Letters of a user handle, which has at most 64 bytes.
const HANDLE: usize = 88;

/// What `navigator.credentials.get` needs to ask for any passkey: no list of credentials, user verification required.
/// Bytes in base64url.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyLogInChallenge {
    /// Comes back with the answer; good for one answer.
    pub token: String,
    /// Seconds.
    #[schema(example = 300)]
    pub expires_in: i64,
    #[schema(example = "mail.example.co.jp")]
    pub rp_id: String,
    pub challenge: String,
}

/// Whose passkey it is, and what it answered. Bytes in base64url.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyLogIn {
    #[schema(max_length = 100)]
    pub token: String,
    /// `userHandle`
    #[schema(max_length = 88)]
    pub user_handle: String,
    pub passkey: PasskeyAssertion,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_passkey_log_in_challenge)
        .service(create_passkey_session);
}

/// Begin to log in with a passkey alone
///
/// The same for everybody: it names nobody. 409 where the service's address allows no passkeys.
#[utoipa::path(
    tag = "auth", operation_id = "create_passkey_log_in_challenge", security(()),
    responses((status = 200, body = PasskeyLogInChallenge, description = "For the browser"), QuestionProblems)
)]
#[post("/auth/passkey-login-challenges")]
async fn create_passkey_log_in_challenge(state: Data<AppState>, request: HttpRequest) -> ApiResult {
    let ip = client_ip(&request);
    let asked = session::ask_passkey(&state.db, &state.factors(), ip).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(PasskeyLogInChallenge {
            token: asked.token.expose_secret().to_owned(),
            expires_in: asked.expires_in,
            rp_id: asked.party,
            challenge: URL_SAFE_NO_PAD.encode(asked.challenge),
        }))
}

/// Log in with a passkey alone
///
/// Opens a session without login id and password, and asks for no second factor: the authenticator verified the
/// person. A passkey that is unknown, wrong, of a disabled person, or good for the second step only answers 401
/// `wrong_passkey`; a challenge that is over or was answered already 401 `challenge_over`. After some failures from one
/// address each further one makes the wait longer (429).
#[utoipa::path(
    tag = "auth", operation_id = "create_passkey_session", security(()),
    request_body = PasskeyLogIn,
    responses((status = 200, body = Session, description = "Logged in", headers(("Set-Cookie" = String, description = "The refresh token"))), AuthProblems)
)]
#[post("/auth/passkey-logins")]
async fn create_passkey_session(
    state: Data<AppState>,
    request: HttpRequest,
    body: Body<PasskeyLogIn>,
) -> ApiResult {
    let Body(given) = body;
    let shown = PasskeyAnswer {
        user_handle: bytes("/user_handle", &given.user_handle, HANDLE)?,
        assertion: given.passkey.decode()?,
    };
    let (db, tokens) = (&state.db, &state.tokens);
    let logged_in = session::log_in_with_passkey(
        db,
        tokens,
        &state.factors(),
        &given.token,
        &shown,
        device(&request),
    )
    .await?;
    let login_id = logged_in.me.user.login_id.clone();
    Ok(answer(&state, &request, Some(&login_id), logged_in))
}
