//! One's own second factors: the overview, the authenticator app, recovery
//! codes; and taking away those of another person.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use chrono::{DateTime, Utc};
use domain::factor::{self, recovery, totp};
use domain::ids::UserId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::passkey::Passkey;
use crate::error::ApiResult;
use crate::extract::{Body, CurrentUser, EnrollingUser, Id};
use crate::problems::{BareActionProblems, BareProblems, CreateProblems, RemoveProblems};
use crate::state::AppState;

/// A person's second factors.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondFactors {
    /// Since when an authenticator app is set up.
    pub totp_since: Option<DateTime<Utc>>,
    /// At most 20, oldest first.
    pub passkeys: Vec<Passkey>,
    #[schema(example = 10)]
    pub recovery_codes_left: i64,
    /// Whether the company wants a second factor of all.
    pub required: bool,
    /// False where the service's address allows no passkeys.
    pub passkeys_possible: bool,
}

/// A seed for an authenticator app, shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct TotpEnrolment {
    /// For typing, in base32.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    pub secret: String,
    /// For a QR code.
    #[schema(
        example = "otpauth://totp/Kikubari:hanako?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Kikubari"
    )]
    pub uri: String,
}

/// The first code of the app.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpConfirmation {
    #[schema(value_type = String, example = "123456", max_length = 20)]
    pub code: SecretString,
}

/// Codes that each replace the second factor once. Shown here and never again.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Ten, or none when there are codes already.
    #[schema(example = json!(["0a1b-2c3d-4e5f-6g7h-8j9k-mnpq"]))]
    pub codes: Vec<String>,
}

impl From<Vec<SecretString>> for RecoveryCodes {
    fn from(codes: Vec<SecretString>) -> Self {
        Self {
            codes: shown(codes),
        }
    }
}

pub(super) fn shown(codes: Vec<SecretString>) -> Vec<String> {
    codes
        .into_iter()
        .map(|code| code.expose_secret().to_owned())
        .collect()
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_second_factors)
        .service(create_totp)
        .service(confirm_totp)
        .service(delete_totp)
        .service(create_recovery_codes)
        .service(reset_user_second_factors);
}

/// One's own second factors
#[utoipa::path(
    tag = "second-factors", operation_id = "get_second_factors",
    responses((status = 200, body = SecondFactors, description = "What is set up"), BareProblems)
)]
#[get("/auth/second-factors")]
async fn get_second_factors(
    state: Data<AppState>,
    user: EnrollingUser,
) -> ApiResult<Json<SecondFactors>> {
    let all = factor::overview(&state.db, &state.factors(), &user).await?;
    Ok(Json(SecondFactors {
        totp_since: all.totp_since,
        passkeys: all.passkeys.into_iter().map(Passkey::from).collect(),
        recovery_codes_left: all.recovery_codes_left,
        required: all.required,
        passkeys_possible: all.passkeys_possible,
    }))
}

/// Begin to set up an authenticator app
///
/// Answers a seed, which counts once `confirm_totp` got a code made with it. Wants step-up.
#[utoipa::path(
    tag = "second-factors", operation_id = "create_totp",
    responses((status = 201, body = TotpEnrolment, description = "The seed, shown once"), BareActionProblems)
)]
#[post("/auth/totp")]
async fn create_totp(state: Data<AppState>, user: EnrollingUser) -> ApiResult {
    let enrolment = totp::enrol(&state.db, &state.factors(), &user).await?;
    Ok(HttpResponse::Created().json(TotpEnrolment {
        secret: enrolment.secret.expose_secret().to_owned(),
        uri: enrolment.uri.expose_secret().to_owned(),
    }))
}

/// Finish the set-up of an authenticator app
///
/// With the first factor come ten recovery codes.
#[utoipa::path(
    tag = "second-factors", operation_id = "confirm_totp", request_body = TotpConfirmation,
    responses((status = 200, body = RecoveryCodes, description = "Set up"), CreateProblems)
)]
#[post("/auth/totp/confirm")]
async fn confirm_totp(
    state: Data<AppState>,
    user: EnrollingUser,
    body: Body<TotpConfirmation>,
) -> ApiResult<Json<RecoveryCodes>> {
    let code = body.0.code.expose_secret();
    let codes = totp::confirm(&state.db, &state.factors(), &user, code).await?;
    Ok(Json(codes.into()))
}

/// Remove the authenticator app
///
/// Wants step-up. The last second factor stays where the company wants one of all (409).
#[utoipa::path(
    tag = "second-factors", operation_id = "delete_totp",
    responses((status = 204, description = "Removed"), RemoveProblems)
)]
#[delete("/auth/totp")]
async fn delete_totp(state: Data<AppState>, user: CurrentUser) -> ApiResult {
    totp::remove(&state.db, &user).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Make new recovery codes
///
/// The old ones are worth nothing any more. Wants step-up.
#[utoipa::path(
    tag = "second-factors", operation_id = "create_recovery_codes",
    responses((status = 201, body = RecoveryCodes, description = "Ten codes, shown once"), BareActionProblems)
)]
#[post("/auth/recovery-codes")]
async fn create_recovery_codes(state: Data<AppState>, user: CurrentUser) -> ApiResult {
    let codes = recovery::renew(&state.db, &user).await?;
    Ok(HttpResponse::Created().json(RecoveryCodes::from(codes)))
}

/// Take all second factors of another person away
///
/// For who lost phone and recovery codes. Ends their sessions; they log in with the password and set up a new factor.
/// Wants step-up. One's own are removed in one's own settings (409).
#[utoipa::path(
    tag = "users", operation_id = "reset_user_second_factors",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 204, description = "Taken away"), RemoveProblems)
)]
#[delete("/users/{id}/second-factors")]
async fn reset_user_second_factors(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<UserId>,
) -> ApiResult {
    factor::reset(&state.db, &user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
