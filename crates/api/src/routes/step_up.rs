//! Proving who one is: the answers to a question for a second factor, at
//! log-in and for dangerous actions.

use actix_web::post;
use actix_web::web::{Data, Json};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::factor::passkey::{Assertion, RequestOptions};
use domain::factor::{Method, Proof, Question};
use domain::{DomainError, FieldError, session};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::ApiResult;
use crate::extract::{Body, EnrollingUser};
use crate::problems::{BareProblems, CreateProblems};
use crate::state::AppState;

/// A question for a proof of who the person is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondFactorQuestion {
    /// Comes back with the answer; good for one right answer, and for five tries.
    pub token: String,
    /// Seconds.
    #[schema(example = 300)]
    pub expires_in: i64,
    /// What the person can answer with: `passkey`, `totp`, `recovery_code`; `password` only for step-up without a second factor.
    #[schema(example = json!(["passkey", "totp", "recovery_code"]))]
    pub methods: Vec<&'static str>,
    /// For the browser, when a passkey is among the methods.
    pub passkey: Option<PasskeyRequest>,
}

/// What `navigator.credentials.get` needs, user verification required. Bytes in base64url.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyRequest {
    #[schema(example = "mail.example.co.jp")]
    pub rp_id: String,
    pub challenge: String,
    pub credential_ids: Vec<String>,
}

impl From<RequestOptions> for PasskeyRequest {
    fn from(options: RequestOptions) -> Self {
        Self {
            rp_id: options.party,
            challenge: URL_SAFE_NO_PAD.encode(options.challenge),
            credential_ids: options
                .credentials
                .iter()
                .map(|id| URL_SAFE_NO_PAD.encode(id))
                .collect(),
        }
    }
}

impl From<Question> for SecondFactorQuestion {
    fn from(question: Question) -> Self {
        Self {
            token: question.token.expose_secret().to_owned(),
            expires_in: question.expires_in,
            methods: question.methods.into_iter().map(Method::as_str).collect(),
            passkey: question.passkey.map(PasskeyRequest::from),
        }
    }
}

/// What a passkey answered. Bytes in base64url.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAssertion {
    #[schema(max_length = 1364)]
    pub credential_id: String,
    /// `clientDataJSON`
    #[schema(max_length = 8192)]
    pub client_data: String,
    #[schema(max_length = 8192)]
    pub authenticator_data: String,
    #[schema(max_length = 2048)]
    pub signature: String,
}

impl PasskeyAssertion {
    pub(super) fn decode(self) -> Result<Assertion, DomainError> {
        Ok(Assertion {
            credential_id: bytes("/passkey/credential_id", &self.credential_id, 1364)?,
            client_data: bytes("/passkey/client_data", &self.client_data, 8192)?,
            authenticator_data: bytes(
                "/passkey/authenticator_data",
                &self.authenticator_data,
                8192,
            )?,
            signature: bytes("/passkey/signature", &self.signature, 2048)?,
        })
    }
}

/// Bytes of a field in base64url, of at most so many characters.
pub(super) fn bytes(pointer: &str, text: &str, most: usize) -> Result<Vec<u8>, DomainError> {
    if text.len() > most {
        let detail = format!("at most {most} characters");
        return Err(DomainError::invalid(pointer, "too_long", detail));
    }
    URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .map_err(|_| DomainError::invalid(pointer, "malformed", "is not base64url"))
}

/// The answer to the question at log-in: its token, and one of the proofs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorAnswer {
    #[schema(max_length = 100)]
    pub token: String,
    /// Code of the authenticator app.
    #[schema(value_type = Option<String>, example = "123456", max_length = 20)]
    pub totp: Option<SecretString>,
    #[schema(value_type = Option<String>, example = "0a1b-2c3d-4e5f-6g7h-8j9k-mnpq", max_length = 100)]
    pub recovery_code: Option<SecretString>,
    pub passkey: Option<PasskeyAssertion>,
}

impl SecondFactorAnswer {
    pub(super) fn proof(self) -> Result<(String, Proof), DomainError> {
        let proof = one_of(None, self.totp, self.recovery_code, self.passkey)?;
        Ok((self.token, proof))
    }
}

/// A proof of who the person is: exactly one of the four.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepUp {
    /// Of the question; needed for a passkey only.
    #[schema(max_length = 100)]
    pub token: Option<String>,
    /// Of a person without a second factor.
    #[schema(value_type = Option<String>, format = Password, max_length = 256)]
    pub password: Option<SecretString>,
    /// Code of the authenticator app.
    #[schema(value_type = Option<String>, example = "123456", max_length = 20)]
    pub totp: Option<SecretString>,
    #[schema(value_type = Option<String>, max_length = 100)]
    pub recovery_code: Option<SecretString>,
    pub passkey: Option<PasskeyAssertion>,
}

/// Until when the session is good for dangerous actions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SteppedUp {
    pub until: DateTime<Utc>,
}

fn one_of(
    password: Option<SecretString>,
    totp: Option<SecretString>,
    recovery_code: Option<SecretString>,
    passkey: Option<PasskeyAssertion>,
) -> Result<Proof, DomainError> {
    let passkey = passkey.map(PasskeyAssertion::decode).transpose()?;
    let mut given = [
        password.map(Proof::Password),
        totp.map(Proof::Totp),
        recovery_code.map(Proof::RecoveryCode),
        passkey.map(Proof::Passkey),
    ]
    .into_iter()
    .flatten();
    match (given.next(), given.next()) {
        (Some(proof), None) => Ok(proof),
        _ => {
            let detail = "give exactly one proof of who you are";
            Err(DomainError::Invalid(vec![FieldError::new(
                "", "one_of", detail,
            )]))
        }
    }
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_step_up_challenge)
        .service(create_step_up);
}

/// How to step up
///
/// Answers what the person can prove who they are with, and what a passkey has to sign.
#[utoipa::path(
    tag = "auth", operation_id = "create_step_up_challenge",
    responses((status = 200, body = SecondFactorQuestion, description = "The question"), BareProblems)
)]
#[post("/auth/step-up-challenges")]
async fn create_step_up_challenge(
    state: Data<AppState>,
    user: EnrollingUser,
) -> ApiResult<Json<SecondFactorQuestion>> {
    let question = session::ask_step_up(&state.db, &state.factors(), &user).await?;
    Ok(Json(question.into()))
}

/// Prove once more who you are
///
/// Dangerous actions (exports, security settings, sending to many) answer 403 `step_up_required` when the last proof,
/// at log-in or here, is more than ten minutes old. Who has a second factor proves that one, others their password.
#[utoipa::path(
    tag = "auth", operation_id = "create_step_up", request_body = StepUp,
    responses((status = 200, body = SteppedUp, description = "Good for ten minutes"), CreateProblems)
)]
#[post("/auth/step-up")]
async fn create_step_up(
    state: Data<AppState>,
    user: EnrollingUser,
    body: Body<StepUp>,
) -> ApiResult<Json<SteppedUp>> {
    let Body(given) = body;
    let proof = one_of(
        given.password,
        given.totp,
        given.recovery_code,
        given.passkey,
    )?;
    let until = session::step_up(
        &state.db,
        &state.factors(),
        &state.hasher,
        &user,
        given.token.as_deref(),
        &proof,
    )
    .await?;
    Ok(Json(SteppedUp { until }))
}
