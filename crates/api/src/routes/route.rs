//! Routes: the ways that mails go out, by a relay or direct. A password goes in
//! and never comes back.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, Utc};
use domain::ids::RouteId;
use domain::route::{self, Auth, Kind, NewRoute, RouteChange, Security};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, PageQuery, QueryOf, etag};
use crate::problems::{CreateProblems, DeleteProblems, GetProblems, ListProblems, UpdateProblems};
use crate::state::AppState;
use crate::words::{RouteAuth, RouteKind, RouteSecurity};

/// A way out: a relay, or direct to the recipients' servers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Route {
    pub id: Uuid,
    #[schema(example = "社内メールサーバー")]
    pub name: String,
    #[schema(value_type = RouteKind)]
    pub kind: Kind,
    /// Null when it goes direct, as `port` and `security`.
    #[schema(example = "smtp.example.co.jp")]
    pub host: Option<String>,
    #[schema(minimum = 1, maximum = 65535, example = 587)]
    pub port: Option<i32>,
    #[schema(value_type = Option<RouteSecurity>)]
    pub security: Option<Security>,
    #[schema(value_type = RouteAuth)]
    pub auth: Auth,
    /// Empty without log-in.
    pub username: String,
    /// Whether a password is kept; it is never shown.
    pub has_password: bool,
    /// Address of the mailer's machine that sessions come from; empty: whichever the system takes.
    #[schema(example = "203.0.113.10")]
    pub source_address: String,
    /// Name that EHLO says; empty: the mailer's own.
    #[schema(example = "mail.example.co.jp")]
    pub helo: String,
    /// Most sessions at a time of one mailer.
    pub max_sessions: i32,
    /// Whether mails are signed with DKIM here; false when the relay does it.
    pub sign: bool,
    pub enabled: bool,
    /// A campaign that names no route goes by the enabled ones of the lowest
    /// position, and by the next while none of those answers.
    pub position: i32,
    /// Share of the mails among the enabled routes of the same position.
    #[schema(minimum = 1, maximum = 1000, example = 100)]
    pub weight: i32,
    /// The last time that it did not answer; null when it always has.
    pub health: Option<RouteHealth>,
    pub created_at: DateTime<Utc>,
    pub version: i32,
}

/// What a mailer saw of a relay that did not answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct RouteHealth {
    /// Whether it is left alone at present; its share goes to the others.
    pub down: bool,
    /// Tries in a row without a session.
    pub failures: i32,
    /// Partly the server's own words.
    pub error: String,
    pub failed_at: DateTime<Utc>,
    /// When it is tried again, if it is down.
    pub retry_at: DateTime<Utc>,
    pub recovered_at: Option<DateTime<Utc>>,
}

impl From<route::Health> for RouteHealth {
    fn from(seen: route::Health) -> Self {
        Self {
            down: seen.recovered_at.is_none(),
            failures: seen.failures,
            error: seen.error,
            failed_at: seen.failed_at,
            retry_at: seen.retry_at,
            recovered_at: seen.recovered_at,
        }
    }
}

impl From<route::Route> for Route {
    fn from(row: route::Route) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            kind: row.kind,
            host: row.host,
            port: row.port,
            security: row.security,
            auth: row.auth,
            username: row.username,
            has_password: row.has_password,
            source_address: row
                .source_address
                .map_or_else(String::new, |net| net.addr().to_string()),
            helo: row.helo,
            max_sessions: row.max_sessions,
            sign: row.sign,
            enabled: row.enabled,
            position: row.position,
            weight: row.weight,
            health: row.health.map(RouteHealth::from),
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// A route to be added. A relay needs `host`, `port` and `security` (other than
/// `none` with a password); a direct route has neither these nor a log-in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteCreate {
    #[schema(min_length = 1, max_length = 100, example = "社内メールサーバー")]
    pub name: String,
    #[serde(default = "relay")]
    #[schema(value_type = RouteKind, default = "relay")]
    pub kind: Kind,
    /// Host name or IP address.
    #[schema(min_length = 1, max_length = 253, example = "smtp.example.co.jp")]
    pub host: Option<String>,
    #[schema(minimum = 1, maximum = 65535, example = 587)]
    pub port: Option<i32>,
    #[schema(value_type = Option<RouteSecurity>, example = "starttls")]
    pub security: Option<Security>,
    #[serde(default = "no_log_in")]
    #[schema(value_type = RouteAuth, default = "none", example = "none")]
    pub auth: Auth,
    #[schema(max_length = 320)]
    pub username: Option<String>,
    /// At most 1,000 characters; with `xoauth2` the access token (8,000), to be
    /// set anew before it ends.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 8000, write_only)]
    pub password: Option<SecretString>,
    /// An address of the mailer's machine that sessions come from.
    #[schema(max_length = 45, example = "203.0.113.10")]
    pub source_address: Option<String>,
    /// Name that EHLO says, the one that the address leads back to (PTR).
    #[schema(max_length = 253, example = "mail.example.co.jp")]
    pub helo: Option<String>,
    #[serde(default = "ten")]
    #[schema(minimum = 1, maximum = 500, default = 10)]
    pub max_sessions: i32,
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub sign: bool,
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
    #[serde(default)]
    pub position: i32,
    #[serde(default = "hundred")]
    #[schema(minimum = 1, maximum = 1000, default = 100)]
    pub weight: i32,
}

fn relay() -> Kind {
    Kind::Relay
}

fn no_log_in() -> Auth {
    Auth::None
}

fn hundred() -> i32 {
    100
}

fn ten() -> i32 {
    10
}

fn yes() -> bool {
    true
}

/// A change; what is left out or null stays. With `auth: none` user name and
/// password are forgotten, with `kind: direct` all that a relay has.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteUpdate {
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    #[schema(value_type = Option<RouteKind>)]
    pub kind: Option<Kind>,
    #[schema(min_length = 1, max_length = 253)]
    pub host: Option<String>,
    #[schema(minimum = 1, maximum = 65535)]
    pub port: Option<i32>,
    #[schema(value_type = Option<RouteSecurity>)]
    pub security: Option<Security>,
    #[schema(value_type = Option<RouteAuth>)]
    pub auth: Option<Auth>,
    #[schema(max_length = 320)]
    pub username: Option<String>,
    /// At most 1,000 characters; with `xoauth2` the access token (8,000), to be
    /// set anew before it ends.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 8000, write_only)]
    pub password: Option<SecretString>,
    /// Empty: none from now on.
    #[schema(max_length = 45)]
    pub source_address: Option<String>,
    /// Empty: the mailer's own from now on.
    #[schema(max_length = 253)]
    pub helo: Option<String>,
    #[schema(minimum = 1, maximum = 500)]
    pub max_sessions: Option<i32>,
    pub sign: Option<bool>,
    pub enabled: Option<bool>,
    pub position: Option<i32>,
    #[schema(minimum = 1, maximum = 1000)]
    pub weight: Option<i32>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_routes)
        .service(create_route)
        .service(get_route)
        .service(update_route)
        .service(delete_route);
}

fn answer(mut builder: actix_web::HttpResponseBuilder, row: route::Route) -> HttpResponse {
    builder
        .insert_header(etag(row.version))
        .json(Route::from(row))
}

/// The routes, in their order
#[utoipa::path(
    tag = "routes", operation_id = "list_routes", params(PageQuery),
    responses((status = 200, body = PageOf<Route>, description = "A page"), ListProblems)
)]
#[get("/routes")]
async fn list_routes(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<Route>>> {
    let page = route::list(&state.db, &user, &(&query.0).into()).await?;
    Ok(Json(PageOf::from_page(page, Route::from)))
}

/// Add a route
#[utoipa::path(
    tag = "routes", operation_id = "create_route", request_body = RouteCreate,
    responses((status = 201, body = Route, description = "Added", headers(("ETag" = String))), CreateProblems)
)]
#[post("/routes")]
async fn create_route(state: Data<AppState>, user: Caller, body: Body<RouteCreate>) -> ApiResult {
    let Body(create) = body;
    let new = NewRoute {
        name: create.name,
        kind: create.kind,
        host: create.host,
        port: create.port,
        security: create.security,
        auth: create.auth,
        username: create.username.unwrap_or_default(),
        password: create.password,
        source_address: create.source_address.unwrap_or_default(),
        helo: create.helo.unwrap_or_default(),
        max_sessions: create.max_sessions,
        sign: create.sign,
        enabled: create.enabled,
        position: create.position,
        weight: create.weight,
    };
    Ok(answer(
        HttpResponse::Created(),
        route::create(&state.db, &state.keys, &user, new).await?,
    ))
}

/// One route
#[utoipa::path(
    tag = "routes", operation_id = "get_route",
    params(("id" = Uuid, Path, description = "Route")),
    responses((status = 200, body = Route, description = "The route", headers(("ETag" = String))), GetProblems)
)]
#[get("/routes/{id}")]
async fn get_route(state: Data<AppState>, user: Caller, id: Id<RouteId>) -> ApiResult {
    Ok(answer(
        HttpResponse::Ok(),
        route::get(&state.db, &user, id.0).await?,
    ))
}

/// Change a route
///
/// Mails that are being handed over still go by the old settings.
#[utoipa::path(
    tag = "routes", operation_id = "update_route", request_body = RouteUpdate,
    params(
        ("id" = Uuid, Path, description = "Route"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = Route, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/routes/{id}")]
async fn update_route(
    state: Data<AppState>,
    user: Caller,
    id: Id<RouteId>,
    version: IfMatch,
    body: Body<RouteUpdate>,
) -> ApiResult {
    let Body(update) = body;
    let change = RouteChange {
        name: update.name,
        kind: update.kind,
        host: update.host,
        port: update.port,
        security: update.security,
        auth: update.auth,
        username: update.username,
        password: update.password,
        source_address: update.source_address,
        helo: update.helo,
        max_sessions: update.max_sessions,
        sign: update.sign,
        enabled: update.enabled,
        position: update.position,
        weight: update.weight,
    };
    let row = route::update(&state.db, &state.keys, &user, id.0, version.0, change).await?;
    Ok(answer(HttpResponse::Ok(), row))
}

/// Delete a route that no campaign names
///
/// One that a campaign went or goes by answers 409: turn it off instead.
#[utoipa::path(
    tag = "routes", operation_id = "delete_route",
    params(
        ("id" = Uuid, Path, description = "Route"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/routes/{id}")]
async fn delete_route(
    state: Data<AppState>,
    user: Caller,
    id: Id<RouteId>,
    version: IfMatch,
) -> ApiResult {
    route::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
