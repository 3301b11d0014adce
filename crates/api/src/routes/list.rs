//! Lists (配信グループ).

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, Utc};
use domain::DomainError;
use domain::ids::{ContactId, FolderId, ListId};
use domain::list::{self, ListChange, ListSort, NewList};
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, QueryOf, etag};
use crate::problems::{
    ActionProblems, CreateProblems, DeleteProblems, GetProblems, ListProblems, RemoveProblems,
    UpdateProblems,
};
use crate::routes::contact_field::present;
use crate::state::AppState;

/// Colour of a list.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListColour {
    #[default]
    Gray,
    Red,
    Orange,
    Yellow,
    Green,
    Teal,
    Blue,
    Purple,
}

impl ListColour {
    fn as_str(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Teal => "teal",
            Self::Blue => "blue",
            Self::Purple => "purple",
        }
    }
}

/// A list that contacts subscribe to.
#[derive(Debug, Serialize, ToSchema)]
pub struct List {
    pub id: Uuid,
    #[schema(example = "月刊ニュース")]
    pub name: String,
    pub description: String,
    #[schema(value_type = ListColour)]
    pub colour: String,
    pub folder_id: Option<Uuid>,
    /// Subscribed contacts.
    #[schema(example = 1200)]
    pub member_count: i64,
    pub created_at: DateTime<Utc>,
    pub version: i32,
}

impl From<list::List> for List {
    fn from(row: list::List) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            description: row.description,
            colour: row.colour,
            folder_id: row.folder_id.map(|id| id.0),
            member_count: row.member_count,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// A list to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListCreate {
    #[schema(example = "月刊ニュース", min_length = 1, max_length = 100)]
    pub name: String,
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: String,
    #[serde(default)]
    pub colour: ListColour,
    /// A folder of kind `list`.
    pub folder_id: Option<Uuid>,
}

/// A change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListUpdate {
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    pub colour: Option<ListColour>,
    /// Null takes the list out of its folder.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Uuid>)]
    pub folder_id: Option<Option<Uuid>>,
}

/// Contacts to be subscribed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMembersCreate {
    #[schema(max_items = 10_000)]
    pub contact_ids: Vec<Uuid>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListMembersAdded {
    /// How many were not subscribed before.
    #[schema(example = 12)]
    pub added: usize,
}

/// Order of lists.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub enum ListOrder {
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-created_at")]
    NewestFirst,
}

/// Which lists, in which order, which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Only those in this folder.
    pub folder_id: Option<Uuid>,
    /// `name` unless said otherwise.
    #[param(inline)]
    pub sort: Option<ListOrder>,
    /// Rows in the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config.service(list_lists).service(get_list);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_lists)
        .service(create_list)
        .service(get_list)
        .service(update_list)
        .service(delete_list)
        .service(create_list_members)
        .service(delete_list_member);
}

/// The lists
#[utoipa::path(
    tag = "lists", operation_id = "list_lists", params(ListQuery),
    responses((status = 200, body = PageOf<List>, description = "A page"), ListProblems)
)]
#[get("/lists")]
async fn list_lists(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<ListQuery>,
) -> ApiResult<Json<PageOf<List>>> {
    let QueryOf(query) = query;
    let sort = match query.sort {
        None | Some(ListOrder::Name) => ListSort::Name,
        Some(ListOrder::NewestFirst) => ListSort::NewestFirst,
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = list::list(&state.db, &user, query.folder_id.map(FolderId), sort, &page).await?;
    Ok(Json(PageOf::from_page(page, List::from)))
}

/// Make a list
#[utoipa::path(
    tag = "lists", operation_id = "create_list", request_body = ListCreate,
    responses((status = 201, body = List, description = "Made", headers(("ETag" = String))), CreateProblems)
)]
#[post("/lists")]
async fn create_list(state: Data<AppState>, user: Caller, body: Body<ListCreate>) -> ApiResult {
    let Body(create) = body;
    let new = NewList {
        name: create.name,
        description: create.description,
        colour: create.colour.as_str().to_owned(),
        folder_id: create.folder_id.map(FolderId),
    };
    let row = list::create(&state.db, &user, new).await?;
    Ok(HttpResponse::Created()
        .insert_header(etag(row.version))
        .json(List::from(row)))
}

/// One list
#[utoipa::path(
    tag = "lists", operation_id = "get_list",
    params(("id" = Uuid, Path, description = "List")),
    responses((status = 200, body = List, description = "The list", headers(("ETag" = String))), GetProblems)
)]
#[get("/lists/{id}")]
async fn get_list(state: Data<AppState>, user: Caller, id: Id<ListId>) -> ApiResult {
    let row = list::get(&state.db, &user, id.0).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(row.version))
        .json(List::from(row)))
}

/// Change a list
#[utoipa::path(
    tag = "lists", operation_id = "update_list", request_body = ListUpdate,
    params(
        ("id" = Uuid, Path, description = "List"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = List, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/lists/{id}")]
async fn update_list(
    state: Data<AppState>,
    user: Caller,
    id: Id<ListId>,
    version: IfMatch,
    body: Body<ListUpdate>,
) -> ApiResult {
    let Body(update) = body;
    let change = ListChange {
        name: update.name,
        description: update.description,
        colour: update.colour.map(|colour| colour.as_str().to_owned()),
        folder_id: update.folder_id.map(|id| id.map(FolderId)),
    };
    let row = list::update(&state.db, &user, id.0, version.0, change).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(row.version))
        .json(List::from(row)))
}

/// Delete a list
///
/// Its contacts stay.
#[utoipa::path(
    tag = "lists", operation_id = "delete_list",
    params(
        ("id" = Uuid, Path, description = "List"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/lists/{id}")]
async fn delete_list(
    state: Data<AppState>,
    user: Caller,
    id: Id<ListId>,
    version: IfMatch,
) -> ApiResult {
    list::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Subscribe contacts to a list
#[utoipa::path(
    tag = "lists", operation_id = "create_list_members", request_body = ListMembersCreate,
    params(("id" = Uuid, Path, description = "List")),
    responses((status = 200, body = ListMembersAdded, description = "Subscribed"), ActionProblems)
)]
#[post("/lists/{id}/members")]
async fn create_list_members(
    state: Data<AppState>,
    user: Caller,
    id: Id<ListId>,
    body: Body<ListMembersCreate>,
) -> ApiResult<Json<ListMembersAdded>> {
    let contacts: Vec<ContactId> = body.contact_ids.iter().copied().map(ContactId).collect();
    let added = list::add_members(&state.db, &user, id.0, &contacts).await?;
    Ok(Json(ListMembersAdded { added }))
}

/// Unsubscribe a contact from a list
#[utoipa::path(
    tag = "lists", operation_id = "delete_list_member",
    params(("id" = Uuid, Path, description = "List"), ("contact_id" = Uuid, Path, description = "Contact")),
    responses((status = 204, description = "Unsubscribed"), RemoveProblems)
)]
#[delete("/lists/{id}/members/{contact_id}")]
async fn delete_list_member(
    state: Data<AppState>,
    user: Caller,
    path: Path<(String, String)>,
) -> ApiResult {
    let (list, contact) = path.into_inner();
    let list: ListId = list.parse().map_err(|_| DomainError::not_found("list"))?;
    let contact: ContactId = contact
        .parse()
        .map_err(|_| DomainError::not_found("member"))?;
    list::remove_member(&state.db, &user, list, contact).await?;
    Ok(HttpResponse::NoContent().finish())
}
