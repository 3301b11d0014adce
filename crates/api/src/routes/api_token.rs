//! API tokens: what programs log in with.

use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, HttpResponseBuilder, get, patch, post};
use chrono::{DateTime, Utc};
use domain::api_token::{self, ApiTokenChange, NewApiToken, Rotation, Shown};
use domain::ids::ApiTokenId;
use domain::page::PageRequest;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, CurrentUser, Id, IfMatch, PageOf, PageQuery, QueryOf, etag};
use crate::problems::{
    ActionProblems, BareActionProblems, CreateProblems, GetProblems, ListProblems, UpdateProblems,
};
use crate::state::AppState;

/// An API token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiToken {
    pub id: Uuid,
    /// For `POST /v1/auth/token`; no secret.
    pub client_id: String,
    #[schema(example = "基幹システム連携")]
    pub name: String,
    /// Permissions that programs with it have.
    #[schema(example = json!(["contacts.read", "contacts.write"]))]
    pub scopes: Vec<&'static str>,
    /// Addresses and networks that it may be used from; empty: from everywhere.
    #[schema(example = json!(["203.0.113.0/24"]))]
    pub allowed_ips: Vec<String>,
    /// The last letters of its secret, to tell it from others.
    #[schema(example = "x9Qz")]
    pub secret_end: String,
    pub secret_made_at: DateTime<Utc>,
    /// Until when the secret before the last rotation stays good; null when it is not.
    pub old_secret_until: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
    /// `active`; `ending` when it is over within 14 days; `expired`; `revoked`.
    #[schema(example = "active")]
    pub state: &'static str,
    /// Who made it; null for nobody that is known any more.
    pub created_by: Option<ApiTokenMaker>,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    #[schema(example = "203.0.113.9")]
    pub last_used_ip: Option<String>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub version: i32,
}

/// Who made an API token.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiTokenMaker {
    pub id: Uuid,
    #[schema(example = "山田 花子")]
    pub display_name: String,
    /// The token lives on without them; they have seen its secret, so rotate it.
    pub disabled: bool,
}

/// An API token with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiTokenSecret {
    pub token: ApiToken,
    /// 256 random bits behind `kkb_`, with a checksum at the end.
    pub client_secret: String,
}

impl From<api_token::ApiToken> for ApiToken {
    fn from(row: api_token::ApiToken) -> Self {
        Self {
            id: row.id.0,
            client_id: row.client_id,
            name: row.name,
            scopes: row.scopes.iter().map(|scope| scope.as_str()).collect(),
            allowed_ips: row.allowed_ips.iter().map(ToString::to_string).collect(),
            secret_end: row.secret_end,
            secret_made_at: row.secret_made_at,
            old_secret_until: row.old_secret_until,
            expires_at: row.expires_at,
            state: row.state.as_str(),
            created_by: row.created_by.map(|maker| ApiTokenMaker {
                id: maker.id.0,
                display_name: maker.display_name,
                disabled: maker.disabled,
            }),
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            last_used_ip: row.last_used_ip.map(|ip| ip.addr().to_string()),
            revoked_at: row.revoked_at,
            version: row.version,
        }
    }
}

/// An API token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiTokenCreate {
    #[schema(example = "基幹システム連携", min_length = 1, max_length = 100)]
    pub name: String,
    /// Only those that one has oneself, and none that are for persons only.
    #[schema(example = json!(["contacts.read", "contacts.write"]), min_items = 1, max_items = 100)]
    pub scopes: Vec<String>,
    /// Addresses and networks; left out or empty: from everywhere.
    #[serde(default)]
    #[schema(example = json!(["203.0.113.0/24", "2001:db8::/32"]), max_items = 50)]
    pub allowed_ips: Vec<String>,
    /// Days; left out: 90.
    #[schema(minimum = 1, maximum = 365, example = 90)]
    pub lifetime_days: Option<i64>,
}

/// A change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiTokenUpdate {
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    #[schema(min_items = 1, max_items = 100)]
    pub scopes: Option<Vec<String>>,
    #[schema(max_items = 50)]
    pub allowed_ips: Option<Vec<String>>,
}

/// How a secret is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiTokenRotate {
    /// Days that the old secret stays good; 0: it is over at once, with all access tokens given for it.
    #[schema(minimum = 0, maximum = 7, example = 1)]
    pub overlap_days: i64,
    /// Days from now until the token's end; left out: its end stays.
    #[schema(minimum = 1, maximum = 365, example = 90)]
    pub lifetime_days: Option<i64>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_api_tokens)
        .service(create_api_token)
        .service(get_api_token)
        .service(update_api_token)
        .service(rotate_api_token)
        .service(revoke_api_token);
}

fn answer(row: api_token::ApiToken) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(etag(row.version))
        .json(ApiToken::from(row))
}

fn shown(response: &mut HttpResponseBuilder, shown: Shown) -> HttpResponse {
    response
        .insert_header(etag(shown.token.version))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(ApiTokenSecret {
            client_secret: shown.secret.expose_secret().to_owned(),
            token: shown.token.into(),
        })
}

/// The API tokens, newest first; those that are over can be looked up for 90 days
#[utoipa::path(
    tag = "api-tokens", operation_id = "list_api_tokens", security(("access_token" = [])), params(PageQuery),
    responses((status = 200, body = PageOf<ApiToken>, description = "A page"), ListProblems)
)]
#[get("/api-tokens")]
async fn list_api_tokens(
    state: Data<AppState>,
    user: CurrentUser,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<ApiToken>>> {
    let page = api_token::list(&state.db, &user, &PageRequest::from(&query.0)).await?;
    Ok(Json(PageOf::from_page(page, ApiToken::from)))
}

/// Make an API token
///
/// Its secret is in the answer, this once. It belongs to the company, and lives on when who made it leaves.
/// This answer is not kept for `Idempotency-Key`.
#[utoipa::path(
    tag = "api-tokens", operation_id = "create_api_token", security(("access_token" = [])), request_body = ApiTokenCreate,
    responses((status = 201, body = ApiTokenSecret, description = "Made", headers(("ETag" = String))), CreateProblems)
)]
#[post("/api-tokens")]
async fn create_api_token(
    state: Data<AppState>,
    user: CurrentUser,
    body: Body<ApiTokenCreate>,
) -> ApiResult {
    let Body(create) = body;
    let new = NewApiToken {
        name: create.name,
        scopes: create.scopes,
        allowed_ips: create.allowed_ips,
        lifetime_days: create.lifetime_days,
    };
    let made = api_token::create(&state.db, &user, new).await?;
    Ok(shown(&mut HttpResponse::Created(), made))
}

/// One API token
#[utoipa::path(
    tag = "api-tokens", operation_id = "get_api_token", security(("access_token" = [])),
    params(("id" = Uuid, Path, description = "API token")),
    responses((status = 200, body = ApiToken, description = "The token", headers(("ETag" = String))), GetProblems)
)]
#[get("/api-tokens/{id}")]
async fn get_api_token(state: Data<AppState>, user: CurrentUser, id: Id<ApiTokenId>) -> ApiResult {
    Ok(answer(api_token::get(&state.db, &user, id.0).await?))
}

/// Change name, scopes or networks
///
/// Holds from the token's next request on.
#[utoipa::path(
    tag = "api-tokens", operation_id = "update_api_token", security(("access_token" = [])), request_body = ApiTokenUpdate,
    params(
        ("id" = Uuid, Path, description = "API token"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = ApiToken, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/api-tokens/{id}")]
async fn update_api_token(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<ApiTokenId>,
    version: IfMatch,
    body: Body<ApiTokenUpdate>,
) -> ApiResult {
    let Body(update) = body;
    let change = ApiTokenChange {
        name: update.name,
        scopes: update.scopes,
        allowed_ips: update.allowed_ips,
    };
    let row = api_token::update(&state.db, &user, id.0, version.0, change).await?;
    Ok(answer(row))
}

/// New secret
///
/// It is in the answer, this once. The old one stays good for the days of the overlap.
#[utoipa::path(
    tag = "api-tokens", operation_id = "rotate_api_token", security(("access_token" = [])), request_body = ApiTokenRotate,
    params(("id" = Uuid, Path, description = "API token")),
    responses((status = 200, body = ApiTokenSecret, description = "The new secret", headers(("ETag" = String))), ActionProblems)
)]
#[post("/api-tokens/{id}/rotate")]
async fn rotate_api_token(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<ApiTokenId>,
    body: Body<ApiTokenRotate>,
) -> ApiResult {
    let rotation = Rotation {
        overlap_days: body.overlap_days,
        lifetime_days: body.lifetime_days,
    };
    let made = api_token::rotate(&state.db, &user, id.0, rotation).await?;
    Ok(shown(&mut HttpResponse::Ok(), made))
}

/// Revoke an API token
///
/// It ends at once, with every access token that was given for it.
#[utoipa::path(
    tag = "api-tokens", operation_id = "revoke_api_token", security(("access_token" = [])),
    params(("id" = Uuid, Path, description = "API token")),
    responses((status = 200, body = ApiToken, description = "Revoked", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/api-tokens/{id}/revoke")]
async fn revoke_api_token(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<ApiTokenId>,
) -> ApiResult {
    Ok(answer(api_token::revoke(&state.db, &user, id.0).await?))
}
