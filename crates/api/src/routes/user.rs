//! The people of the tenant.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, HttpResponseBuilder, delete, get, patch, post};
use chrono::{DateTime, Utc};
use domain::ids::UserId;
use domain::page::{Page, PageRequest};
use domain::user::{self, FirstPassword, NewUser, UserChange, invitation, reset};
use domain::{Actor, DomainError};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, CurrentUser, Id, IfMatch, PageOf, PageQuery, QueryOf, etag};
use crate::problems::{
    BareActionProblems, CreateProblems, GetProblems, ListProblems, RemoveProblems, UpdateProblems,
};
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
    /// `invited` (has no password yet), `active` or `disabled`.
    #[schema(example = "active")]
    pub state: &'static str,
    /// Until when the invitation can be accepted; null: there is none, or it
    /// has expired or was revoked.
    pub invitation_expires_at: Option<DateTime<Utc>>,
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
            state: match (row.disabled_at, row.invited) {
                (Some(_), _) => "disabled",
                (None, true) => "invited",
                (None, false) => "active",
            },
            invitation_expires_at: None,
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
    /// Language of the screens and of the mails to the person: `ja` or `en`.
    #[schema(pattern = "^(ja|en)$")]
    pub locale: Option<String>,
    /// Only where mail can't be used: the person has to change it first of all, and within 72 hours.
    /// Without it they get an invitation, and set one that nobody else knows.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    pub password: Option<SecretString>,
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
    /// The person has to change it at the next log-in, and within 72 hours. Better: let them set one
    /// themself, by a link (`send_user_reset`).
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    pub password: Option<SecretString>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_users)
        .service(create_user)
        .service(get_user)
        .service(update_user)
        .service(send_invitation)
        .service(revoke_invitation)
        .service(send_user_reset);
}

/// With what their invitations say.
async fn with_invitations(
    state: &AppState,
    user: &Actor,
    rows: Vec<user::User>,
) -> Result<Vec<User>, DomainError> {
    let open = invitation::open(&state.db, user, &rows).await?;
    let rows = rows.into_iter().map(|row| {
        let until = open.iter().find(|(id, _)| *id == row.id).map(|(_, at)| *at);
        User {
            invitation_expires_at: until,
            ..User::from(row)
        }
    });
    Ok(rows.collect())
}

async fn answer(
    state: &AppState,
    user: &Actor,
    mut response: HttpResponseBuilder,
    row: user::User,
) -> ApiResult {
    let version = row.version;
    let row = with_invitations(state, user, vec![row]).await?.pop();
    Ok(response.insert_header(etag(version)).json(row))
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
    let items = with_invitations(&state, &user, page.items).await?;
    let page = Page {
        items,
        next_cursor: page.next_cursor,
        total: page.total,
    };
    Ok(Json(PageOf::from_page(page, |row| row)))
}

/// Add a person
///
/// Mails them an invitation, with a link that is good for 72 hours.
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
        locale: create.locale,
        password: match create.password {
            Some(password) => FirstPassword::Temporary(password),
            None => FirstPassword::Invitation,
        },
    };
    let (db, keys, role) = (&state.db, &state.keys, &create.role);
    let row = user::create(db, &state.hasher, keys, &user, role, new).await?;
    answer(&state, &user, HttpResponse::Created(), row).await
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
    answer(&state, &user, HttpResponse::Ok(), row).await
}

/// Change a person
///
/// Disabling, another role or a new password ends the person's sessions. The
/// last active owner can't be taken away (409), and who may more than oneself
/// can't be changed (403). A new password wants step-up; one's own is changed with the present one
/// (`change_password`) and not here (409 `own_password`).
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
    answer(&state, &user, HttpResponse::Ok(), row).await
}

/// Invite a person once more
///
/// Mails a new link, good for 72 hours; earlier ones are void.
#[utoipa::path(
    tag = "users", operation_id = "send_invitation",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 200, body = User, description = "Sent", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/users/{id}/invitation")]
async fn send_invitation(state: Data<AppState>, user: CurrentUser, id: Id<UserId>) -> ApiResult {
    let row = invitation::send_again(&state.db, &state.keys, &user, id.0).await?;
    answer(&state, &user, HttpResponse::Ok(), row).await
}

/// Revoke an invitation
///
/// Its link is void at once; the person stays in the list, and can be invited again.
#[utoipa::path(
    tag = "users", operation_id = "revoke_invitation",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 204, description = "Revoked"), RemoveProblems)
)]
#[delete("/users/{id}/invitation")]
async fn revoke_invitation(state: Data<AppState>, user: CurrentUser, id: Id<UserId>) -> ApiResult {
    invitation::revoke(&state.db, &user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Mail a person a link to set a new password
///
/// Good for 15 minutes. The password that they have stays good until they do.
#[utoipa::path(
    tag = "users", operation_id = "send_user_reset",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 202, description = "On its way"), BareActionProblems)
)]
#[post("/users/{id}/password-reset")]
async fn send_user_reset(state: Data<AppState>, user: CurrentUser, id: Id<UserId>) -> ApiResult {
    reset::send_to(&state.db, &state.keys, &user, id.0).await?;
    Ok(HttpResponse::Accepted().finish())
}
