//! Folders of mails, templates and lists.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, Utc};
use domain::folder::{self, FolderChange, NewFolder};
use domain::ids::FolderId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, QueryOf, etag, nullable};
use crate::problems::{CreateProblems, DeleteProblems, GetProblems, ListProblems, UpdateProblems};
use crate::state::AppState;
use crate::words::FolderKind;

/// A folder.
#[derive(Debug, Serialize, ToSchema)]
pub struct Folder {
    pub id: Uuid,
    #[schema(value_type = FolderKind)]
    pub kind: folder::FolderKind,
    #[schema(example = "キャンペーン")]
    pub name: String,
    /// The folder it lies in; null at the top.
    pub parent_id: Option<Uuid>,
    /// Order among its siblings; equal ones by name.
    pub position: i32,
    pub created_at: DateTime<Utc>,
    pub version: i32,
}

impl From<folder::Folder> for Folder {
    fn from(row: folder::Folder) -> Self {
        Self {
            id: row.id.0,
            kind: row.kind,
            name: row.name,
            parent_id: row.parent_id.map(|id| id.0),
            position: row.position,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// A folder to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderCreate {
    #[schema(value_type = FolderKind)]
    pub kind: folder::FolderKind,
    #[schema(min_length = 1, max_length = 100, example = "キャンペーン")]
    pub name: String,
    pub parent_id: Option<Uuid>,
    #[serde(default)]
    pub position: i32,
}

/// A change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderUpdate {
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// null moves it to the top.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Uuid>)]
    pub parent_id: Option<Option<Uuid>>,
    pub position: Option<i32>,
}

/// Which folders.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FolderQuery {
    #[param(value_type = FolderKind)]
    pub kind: folder::FolderKind,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_folders)
        .service(create_folder)
        .service(get_folder)
        .service(update_folder)
        .service(delete_folder);
}

fn answer(mut builder: actix_web::HttpResponseBuilder, row: folder::Folder) -> HttpResponse {
    builder
        .insert_header(etag(row.version))
        .json(Folder::from(row))
}

/// All folders of a kind, in their order
#[utoipa::path(
    tag = "folders", operation_id = "list_folders", params(FolderQuery),
    responses((status = 200, body = PageOf<Folder>, description = "The whole tree"), ListProblems)
)]
#[get("/folders")]
async fn list_folders(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<FolderQuery>,
) -> ApiResult<Json<PageOf<Folder>>> {
    let folders = folder::list(&state.db, &user, query.kind).await?;
    Ok(Json(PageOf::whole(
        folders.into_iter().map(Folder::from).collect(),
    )))
}

/// Make a folder
#[utoipa::path(
    tag = "folders", operation_id = "create_folder", request_body = FolderCreate,
    responses((status = 201, body = Folder, description = "Made", headers(("ETag" = String))), CreateProblems)
)]
#[post("/folders")]
async fn create_folder(state: Data<AppState>, user: Caller, body: Body<FolderCreate>) -> ApiResult {
    let Body(create) = body;
    let new = NewFolder {
        kind: create.kind,
        name: create.name,
        parent_id: create.parent_id.map(FolderId),
        position: create.position,
    };
    Ok(answer(
        HttpResponse::Created(),
        folder::create(&state.db, &user, new).await?,
    ))
}

/// One folder
#[utoipa::path(
    tag = "folders", operation_id = "get_folder",
    params(("id" = Uuid, Path, description = "Folder")),
    responses((status = 200, body = Folder, description = "The folder", headers(("ETag" = String))), GetProblems)
)]
#[get("/folders/{id}")]
async fn get_folder(state: Data<AppState>, user: Caller, id: Id<FolderId>) -> ApiResult {
    Ok(answer(
        HttpResponse::Ok(),
        folder::get(&state.db, &user, id.0).await?,
    ))
}

/// Rename or move a folder
#[utoipa::path(
    tag = "folders", operation_id = "update_folder", request_body = FolderUpdate,
    params(
        ("id" = Uuid, Path, description = "Folder"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = Folder, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/folders/{id}")]
async fn update_folder(
    state: Data<AppState>,
    user: Caller,
    id: Id<FolderId>,
    version: IfMatch,
    body: Body<FolderUpdate>,
) -> ApiResult {
    let Body(update) = body;
    let change = FolderChange {
        name: update.name,
        parent_id: update.parent_id.map(|parent| parent.map(FolderId)),
        position: update.position,
    };
    Ok(answer(
        HttpResponse::Ok(),
        folder::update(&state.db, &user, id.0, version.0, change).await?,
    ))
}

/// Delete an empty folder
///
/// One that holds something answers 409.
#[utoipa::path(
    tag = "folders", operation_id = "delete_folder",
    params(
        ("id" = Uuid, Path, description = "Folder"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/folders/{id}")]
async fn delete_folder(
    state: Data<AppState>,
    user: Caller,
    id: Id<FolderId>,
    version: IfMatch,
) -> ApiResult {
    folder::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
