//! Blocks: parts that mails share.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, Utc};
use domain::block::{self, BlockChange, NewBlock};
use domain::ids::BlockId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, etag};
use crate::problems::{CreateProblems, DeleteProblems, GetProblems, ListProblems, UpdateProblems};
use crate::state::AppState;

/// A shared part; mails put it in with `{{ block("key") }}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Block {
    pub id: Uuid,
    #[schema(example = "footer")]
    pub key: String,
    #[schema(example = "署名とフッター")]
    pub name: String,
    /// What stands in text parts; made from the HTML when empty.
    pub text: String,
    /// What stands in HTML parts; the text when empty.
    pub html: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i32,
}

impl From<block::Block> for Block {
    fn from(row: block::Block) -> Self {
        Self {
            id: row.id.0,
            key: row.key,
            name: row.name,
            text: row.text,
            html: row.html,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

/// A block to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockCreate {
    /// Can't be changed later, since mails call by it.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,62}$", example = "footer")]
    pub key: String,
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    #[serde(default)]
    #[schema(max_length = 262144)]
    pub text: String,
    #[serde(default)]
    #[schema(max_length = 262144)]
    pub html: String,
}

/// A change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockUpdate {
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    #[schema(max_length = 262144)]
    pub text: Option<String>,
    #[schema(max_length = 262144)]
    pub html: Option<String>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_blocks)
        .service(create_block)
        .service(get_block)
        .service(update_block)
        .service(delete_block);
}

fn answer(mut builder: actix_web::HttpResponseBuilder, row: block::Block) -> HttpResponse {
    builder
        .insert_header(etag(row.version))
        .json(Block::from(row))
}

/// All blocks, by key
#[utoipa::path(
    tag = "blocks", operation_id = "list_blocks",
    responses((status = 200, body = PageOf<Block>, description = "All of them"), ListProblems)
)]
#[get("/blocks")]
async fn list_blocks(state: Data<AppState>, user: Caller) -> ApiResult<Json<PageOf<Block>>> {
    let blocks = block::list(&state.db, &user).await?;
    Ok(Json(PageOf::whole(
        blocks.into_iter().map(Block::from).collect(),
    )))
}

/// Make a block
#[utoipa::path(
    tag = "blocks", operation_id = "create_block", request_body = BlockCreate,
    responses((status = 201, body = Block, description = "Made", headers(("ETag" = String))), CreateProblems)
)]
#[post("/blocks")]
async fn create_block(state: Data<AppState>, user: Caller, body: Body<BlockCreate>) -> ApiResult {
    let Body(create) = body;
    let new = NewBlock {
        key: create.key,
        name: create.name,
        text: create.text,
        html: create.html,
    };
    Ok(answer(
        HttpResponse::Created(),
        block::create(&state.db, &user, new).await?,
    ))
}

/// One block
#[utoipa::path(
    tag = "blocks", operation_id = "get_block",
    params(("id" = Uuid, Path, description = "Block")),
    responses((status = 200, body = Block, description = "The block", headers(("ETag" = String))), GetProblems)
)]
#[get("/blocks/{id}")]
async fn get_block(state: Data<AppState>, user: Caller, id: Id<BlockId>) -> ApiResult {
    Ok(answer(
        HttpResponse::Ok(),
        block::get(&state.db, &user, id.0).await?,
    ))
}

/// Change a block
///
/// Every mail that calls it changes with it; what was sent stays as it was.
#[utoipa::path(
    tag = "blocks", operation_id = "update_block", request_body = BlockUpdate,
    params(
        ("id" = Uuid, Path, description = "Block"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = Block, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/blocks/{id}")]
async fn update_block(
    state: Data<AppState>,
    user: Caller,
    id: Id<BlockId>,
    version: IfMatch,
    body: Body<BlockUpdate>,
) -> ApiResult {
    let Body(update) = body;
    let change = BlockChange {
        name: update.name,
        text: update.text,
        html: update.html,
    };
    Ok(answer(
        HttpResponse::Ok(),
        block::update(&state.db, &user, id.0, version.0, change).await?,
    ))
}

/// Delete a block
#[utoipa::path(
    tag = "blocks", operation_id = "delete_block",
    params(
        ("id" = Uuid, Path, description = "Block"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/blocks/{id}")]
async fn delete_block(
    state: Data<AppState>,
    user: Caller,
    id: Id<BlockId>,
    version: IfMatch,
) -> ApiResult {
    block::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
