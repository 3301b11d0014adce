//! Roles: builtin ones, and the company's own.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, Utc};
use domain::ids::RoleId;
use domain::role::{self, NewRole, RoleChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, CurrentUser, Id, IfMatch, PageOf, etag};
use crate::problems::{BareProblems, CreateProblems, DeleteProblems, GetProblems, UpdateProblems};
use crate::state::AppState;

/// A named set of permissions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Role {
    pub id: Uuid,
    /// What a user names it by: `owner`, `admin`, `editor`, `approver`, `analyst`, `viewer`, or the id of an own one.
    #[schema(example = "editor")]
    pub key: String,
    #[schema(example = "編集者")]
    pub name: String,
    /// A builtin role can't be changed; what it allows may grow with the product.
    pub builtin: bool,
    #[schema(example = json!(["contacts.read", "mails.read", "mails.write"]))]
    pub permissions: Vec<&'static str>,
    /// How many people have it, disabled ones too.
    #[schema(example = 3)]
    pub people: i64,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<role::Role> for Role {
    fn from(row: role::Role) -> Self {
        Self {
            id: row.id.0,
            key: row.key,
            name: row.name,
            builtin: row.builtin,
            permissions: row.permissions.iter().map(|p| p.as_str()).collect(),
            people: row.people,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A role to be made. To copy one, name its permissions.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleCreate {
    #[schema(example = "編集者（配信は不可）", min_length = 1, max_length = 100)]
    pub name: String,
    /// Only those that one has oneself.
    #[schema(example = json!(["contacts.read", "mails.read", "mails.write"]), min_items = 1, max_items = 100)]
    pub permissions: Vec<String>,
}

/// A change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleUpdate {
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    #[schema(example = json!(["contacts.read", "mails.read"]), min_items = 1, max_items = 100)]
    pub permissions: Option<Vec<String>>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_roles)
        .service(create_role)
        .service(get_role)
        .service(update_role)
        .service(delete_role);
}

/// The roles: builtin ones first, from who may most; then own ones by name
#[utoipa::path(
    tag = "roles", operation_id = "list_roles",
    responses((status = 200, body = PageOf<Role>, description = "All of them"), BareProblems)
)]
#[get("/roles")]
async fn list_roles(state: Data<AppState>, caller: Caller) -> ApiResult<Json<PageOf<Role>>> {
    let rows = role::list(&state.db, &caller).await?;
    let items = rows.into_iter().map(Role::from).collect();
    Ok(Json(PageOf::whole(items)))
}

/// Make a role
///
/// Of permissions that one has oneself (403 otherwise); at most 50 in all.
#[utoipa::path(
    tag = "roles", operation_id = "create_role", security(("access_token" = [])), request_body = RoleCreate,
    responses((status = 201, body = Role, description = "Made", headers(("ETag" = String))), CreateProblems)
)]
#[post("/roles")]
async fn create_role(
    state: Data<AppState>,
    user: CurrentUser,
    body: Body<RoleCreate>,
) -> ApiResult {
    let Body(RoleCreate { name, permissions }) = body;
    let row = role::create(&state.db, &user, NewRole { name, permissions }).await?;
    Ok(HttpResponse::Created()
        .insert_header(etag(row.version))
        .json(Role::from(row)))
}

/// One role
#[utoipa::path(
    tag = "roles", operation_id = "get_role",
    params(("id" = Uuid, Path, description = "Role")),
    responses((status = 200, body = Role, description = "The role", headers(("ETag" = String))), GetProblems)
)]
#[get("/roles/{id}")]
async fn get_role(state: Data<AppState>, caller: Caller, id: Id<RoleId>) -> ApiResult {
    let row = role::get(&state.db, &caller, id.0).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(row.version))
        .json(Role::from(row)))
}

/// Change a role of one's own company
///
/// Holds at once for everybody who has it. Neither what it allowed nor what it
/// will may be more than one has oneself (403). Builtin roles stay (409).
#[utoipa::path(
    tag = "roles", operation_id = "update_role", security(("access_token" = [])), request_body = RoleUpdate,
    params(
        ("id" = Uuid, Path, description = "Role"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = Role, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/roles/{id}")]
async fn update_role(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<RoleId>,
    version: IfMatch,
    body: Body<RoleUpdate>,
) -> ApiResult {
    let Body(RoleUpdate { name, permissions }) = body;
    let change = RoleChange { name, permissions };
    let row = role::update(&state.db, &user, id.0, version.0, change).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(row.version))
        .json(Role::from(row)))
}

/// Delete a role that nobody has
#[utoipa::path(
    tag = "roles", operation_id = "delete_role", security(("access_token" = [])),
    params(
        ("id" = Uuid, Path, description = "Role"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/roles/{id}")]
async fn delete_role(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<RoleId>,
    version: IfMatch,
) -> ApiResult {
    role::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
