//! The people of the tenant.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, patch, post};
use chrono::{DateTime, Utc};
use domain::ids::UserId;
use domain::page::PageRequest;
use domain::user::{self, NewUser, UserChange};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, CurrentUser, Id, IfMatch, PageOf, PageQuery, QueryOf, etag};
use crate::problems::{CreateProblems, GetProblems, ListProblems, UpdateProblems};
use crate::state::AppState;

/// A person who logs in.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    pub id: Uuid,
    #[schema(example = "hanako")]
    pub login_id: String,
    pub display_name: String,
    pub email: String,
    /// Key of the role: `owner`, `admin` … of a builtin one, the id of an own one.
    #[schema(example = "editor")]
    pub role: String,
    /// As the company calls it.
    #[schema(example = "編集者")]
    pub role_name: String,
    #[schema(example = "ja")]
    pub locale: String,
    pub disabled: bool,
    /// Whether they have a second factor.
    pub second_factor: bool,
    pub last_login_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub version: i32,
}

impl From<user::User> for User {
    fn from(row: user::User) -> Self {
        Self {
            id: row.id.0,
            login_id: row.login_id,
            display_name: row.display_name,
            email: row.email,
            role: row.role,
            role_name: row.role_name,
            locale: row.locale,
            disabled: row.disabled_at.is_some(),
            second_factor: row.second_factor_at.is_some(),
            last_login_at: row.last_login_at,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// A person to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserCreate {
    /// One across the installation, for example the mail address.
    #[schema(example = "taro@example.co.jp", min_length = 3, max_length = 100)]
    pub login_id: String,
    #[schema(min_length = 1, max_length = 100)]
    pub display_name: String,
    #[schema(max_length = 320)]
    pub email: String,
    /// Key of a role that allows nothing that one may not oneself.
    #[schema(example = "editor", max_length = 100)]
    pub role: String,
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 256)]
    pub password: SecretString,
}

/// A change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserUpdate {
    #[schema(min_length = 1, max_length = 100)]
    pub display_name: Option<String>,
    #[schema(max_length = 320)]
    pub email: Option<String>,
    /// Key of a role that allows nothing that one may not oneself.
    #[schema(example = "viewer", max_length = 100)]
    pub role: Option<String>,
    #[schema(pattern = "^(ja|en)$")]
    pub locale: Option<String>,
    /// A disabled person can't log in; their sessions end at once.
    pub disabled: Option<bool>,
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    pub password: Option<SecretString>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_users)
        .service(create_user)
        .service(get_user)
        .service(update_user);
}

/// The people, oldest first
#[utoipa::path(
    tag = "users", operation_id = "list_users", params(PageQuery),
    responses((status = 200, body = PageOf<User>, description = "A page"), ListProblems)
)]
#[get("/users")]
async fn list_users(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<User>>> {
    let page = user::list(&state.db, &user, &PageRequest::from(&query.0)).await?;
    Ok(Json(PageOf::from_page(page, User::from)))
}

/// Add a person
#[utoipa::path(
    tag = "users", operation_id = "create_user", security(("access_token" = [])), request_body = UserCreate,
    responses((status = 201, body = User, description = "Added", headers(("ETag" = String))), CreateProblems)
)]
#[post("/users")]
async fn create_user(
    state: Data<AppState>,
    user: CurrentUser,
    body: Body<UserCreate>,
) -> ApiResult {
    let Body(create) = body;
    let new = NewUser {
        login_id: create.login_id,
        display_name: create.display_name,
        email: create.email,
        password: create.password,
    };
    let row = user::create(&state.db, &state.hasher, &user, &create.role, new).await?;
    Ok(HttpResponse::Created()
        .insert_header(etag(row.version))
        .json(User::from(row)))
}

/// One person
#[utoipa::path(
    tag = "users", operation_id = "get_user",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 200, body = User, description = "The person", headers(("ETag" = String))), GetProblems)
)]
#[get("/users/{id}")]
async fn get_user(state: Data<AppState>, user: Caller, id: Id<UserId>) -> ApiResult {
    let row = user::get(&state.db, &user, id.0).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(row.version))
        .json(User::from(row)))
}

/// Change a person
///
/// Disabling, another role or a new password ends the person's sessions. The
/// last active owner can't be taken away (409), and who may more than oneself
/// can't be changed (403). A new password wants step-up.
#[utoipa::path(
    tag = "users", operation_id = "update_user", security(("access_token" = [])), request_body = UserUpdate,
    params(
        ("id" = Uuid, Path, description = "User"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = User, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/users/{id}")]
async fn update_user(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<UserId>,
    version: IfMatch,
    body: Body<UserUpdate>,
) -> ApiResult {
    let Body(update) = body;
    let change = UserChange {
        display_name: update.display_name,
        email: update.email,
        role: update.role,
        locale: update.locale,
        disabled: update.disabled,
        password: update.password,
    };
    let row = user::update(&state.db, &state.hasher, &user, id.0, version.0, change).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(row.version))
        .json(User::from(row)))
}
