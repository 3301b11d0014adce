//! One's own passkeys.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, patch, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::factor::passkey::{self, ALGORITHMS, Attestation};
use domain::ids::PasskeyId;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::second_factor::shown;
use super::step_up::bytes;
use crate::error::ApiResult;
use crate::extract::{Body, CurrentUser, EnrollingUser, Id};
use crate::problems::{ActionProblems, BareActionProblems, CreateProblems, RemoveProblems};
use crate::state::AppState;

/// A passkey.
#[derive(Debug, Serialize, ToSchema)]
pub struct Passkey {
    pub id: Uuid,
    #[schema(example = "会社のノートPC")]
    pub name: String,
    /// Whether the key lives on more than one device.
    pub backed_up: bool,
    /// Whether it logs in by itself, without login id and password.
    pub discoverable: bool,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

impl From<passkey::Passkey> for Passkey {
    fn from(row: passkey::Passkey) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            backed_up: row.backed_up,
            discoverable: row.discoverable,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// What `navigator.credentials.create` needs: attestation none, user verification and a resident key required. Bytes in base64url.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyChallenge {
    /// Comes back with the answer, within five minutes.
    pub token: String,
    pub challenge: String,
    #[schema(example = "mail.example.co.jp")]
    pub rp_id: String,
    #[schema(example = "Kikubari")]
    pub rp_name: &'static str,
    pub user_id: String,
    #[schema(example = "hanako")]
    pub user_name: String,
    pub user_display_name: String,
    /// COSE algorithms, best first.
    #[schema(example = json!([-7, -8, -257]))]
    pub algorithms: Vec<i64>,
    /// Credentials that are registered already.
    pub exclude_credential_ids: Vec<String>,
}

/// What the browser answered. Bytes in base64url.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyCreate {
    #[schema(max_length = 100)]
    pub token: String,
    /// What the person calls it.
    #[schema(min_length = 1, max_length = 100, example = "会社のノートPC")]
    pub name: String,
    /// `clientDataJSON`
    #[schema(max_length = 8192)]
    pub client_data: String,
    #[schema(max_length = 65536)]
    pub attestation_object: String,
    /// Whether the browser made a discoverable credential (`credProps.rk`): without it the passkey is good for the
    /// second step only.
    #[serde(default)]
    pub discoverable: bool,
}

/// A new passkey.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyCreated {
    pub passkey: Passkey,
    /// Ten with the first factor, shown once; otherwise none.
    pub recovery_codes: Vec<String>,
}

/// Another name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyUpdate {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_passkey_challenge)
        .service(create_passkey)
        .service(update_passkey)
        .service(delete_passkey);
}

/// Begin to add a passkey
///
/// Wants step-up. 409 where the service's address allows no passkeys.
#[utoipa::path(
    tag = "second-factors", operation_id = "create_passkey_challenge",
    responses((status = 200, body = PasskeyChallenge, description = "For the browser"), BareActionProblems)
)]
#[post("/auth/passkey-challenges")]
async fn create_passkey_challenge(
    state: Data<AppState>,
    user: EnrollingUser,
) -> ApiResult<Json<PasskeyChallenge>> {
    let options = passkey::begin(&state.db, &state.factors(), &user).await?;
    Ok(Json(PasskeyChallenge {
        token: options.token.expose_secret().to_owned(),
        challenge: URL_SAFE_NO_PAD.encode(options.challenge),
        rp_id: options.party,
        rp_name: "Kikubari",
        user_id: URL_SAFE_NO_PAD.encode(options.user_handle),
        user_name: options.user_name,
        user_display_name: options.display_name,
        algorithms: ALGORITHMS.to_vec(),
        exclude_credential_ids: options
            .exclude
            .iter()
            .map(|id| URL_SAFE_NO_PAD.encode(id))
            .collect(),
    }))
}

/// Add a passkey
#[utoipa::path(
    tag = "second-factors", operation_id = "create_passkey", request_body = PasskeyCreate,
    responses((status = 201, body = PasskeyCreated, description = "Added"), CreateProblems)
)]
#[post("/auth/passkeys")]
async fn create_passkey(
    state: Data<AppState>,
    user: EnrollingUser,
    body: Body<PasskeyCreate>,
) -> ApiResult {
    let Body(create) = body;
    let answer = Attestation {
        client_data: bytes("/client_data", &create.client_data, 8192)?,
        attestation_object: bytes("/attestation_object", &create.attestation_object, 65_536)?,
        discoverable: create.discoverable,
    };
    let (row, codes) = passkey::register(
        &state.db,
        &state.factors(),
        &user,
        &create.token,
        &create.name,
        &answer,
    )
    .await?;
    Ok(HttpResponse::Created().json(PasskeyCreated {
        passkey: row.into(),
        recovery_codes: shown(codes),
    }))
}

/// Rename a passkey
#[utoipa::path(
    tag = "second-factors", operation_id = "update_passkey", request_body = PasskeyUpdate,
    params(("id" = Uuid, Path, description = "Passkey")),
    responses((status = 200, body = Passkey, description = "Renamed"), ActionProblems)
)]
#[patch("/auth/passkeys/{id}")]
async fn update_passkey(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<PasskeyId>,
    body: Body<PasskeyUpdate>,
) -> ApiResult<Json<Passkey>> {
    let row = passkey::rename(&state.db, &user, id.0, &body.name).await?;
    Ok(Json(row.into()))
}

/// Remove a passkey
///
/// Wants step-up. The last second factor stays where the company wants one of all (409).
#[utoipa::path(
    tag = "second-factors", operation_id = "delete_passkey",
    params(("id" = Uuid, Path, description = "Passkey")),
    responses((status = 204, description = "Removed"), RemoveProblems)
)]
#[delete("/auth/passkeys/{id}")]
async fn delete_passkey(state: Data<AppState>, user: CurrentUser, id: Id<PasskeyId>) -> ApiResult {
    passkey::remove(&state.db, &user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
