//! Templates: starts for mails.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, Utc};
use domain::ids::{FolderId, TemplateId};
use domain::mail::content::{self, ContentChange};
use domain::page::PageRequest;
use domain::template::{self, NewTemplate, TemplateChange, TemplateFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, QueryOf, etag, nullable, search};
use crate::problems::{CreateProblems, DeleteProblems, GetProblems, ListProblems, UpdateProblems};
use crate::routes::mail::dto::{MailContent, content_change};
use crate::state::AppState;
use crate::words::{MailLocale, MailSort, TextMode};

/// A template.
#[derive(Debug, Serialize, ToSchema)]
pub struct Template {
    pub id: Uuid,
    pub folder_id: Option<Uuid>,
    #[schema(example = "ニュースレター")]
    pub name: String,
    pub description: String,
    /// Came with the product.
    pub supplied: bool,
    #[serde(flatten)]
    pub content: MailContent,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub updated_by: Option<Uuid>,
    pub version: i32,
}

impl From<template::Template> for Template {
    fn from(row: template::Template) -> Self {
        Self {
            id: row.id.0,
            folder_id: row.folder_id.map(|id| id.0),
            name: row.name,
            description: row.description,
            supplied: row.supplied_key.is_some(),
            content: row.content.into(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            updated_by: row.updated_by.map(|id| id.0),
            version: row.version,
        }
    }
}

/// A template in a list: without its parts.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateItem {
    pub id: Uuid,
    pub folder_id: Option<Uuid>,
    pub name: String,
    pub description: String,
    pub supplied: bool,
    pub subject: String,
    #[schema(value_type = MailLocale)]
    pub locale: content::Locale,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub updated_by: Option<Uuid>,
    pub version: i32,
}

impl From<template::TemplateItem> for TemplateItem {
    fn from(row: template::TemplateItem) -> Self {
        Self {
            id: row.id.0,
            folder_id: row.folder_id.map(|id| id.0),
            name: row.name,
            description: row.description,
            supplied: row.supplied_key.is_some(),
            subject: row.subject,
            locale: row.locale,
            created_at: row.created_at,
            updated_at: row.updated_at,
            updated_by: row.updated_by.map(|id| id.0),
            version: row.version,
        }
    }
}

/// A template to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateCreate {
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: String,
    pub folder_id: Option<Uuid>,
    #[schema(max_length = 998)]
    pub subject: Option<String>,
    #[schema(max_length = 998)]
    pub preheader: Option<String>,
    #[schema(max_length = 200)]
    pub sender_name: Option<String>,
    #[schema(max_length = 320)]
    pub sender_address: Option<String>,
    #[schema(max_length = 320)]
    pub reply_to: Option<String>,
    #[schema(max_length = 1048576)]
    pub text: Option<String>,
    #[schema(max_length = 1048576)]
    pub html: Option<String>,
    #[schema(value_type = Option<TextMode>)]
    pub text_mode: Option<content::TextMode>,
    #[schema(value_type = Option<MailLocale>)]
    pub locale: Option<content::Locale>,
}

/// A change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateUpdate {
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// null moves it to the top.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Uuid>)]
    pub folder_id: Option<Option<Uuid>>,
    #[schema(max_length = 998)]
    pub subject: Option<String>,
    #[schema(max_length = 998)]
    pub preheader: Option<String>,
    #[schema(max_length = 200)]
    pub sender_name: Option<String>,
    #[schema(max_length = 320)]
    pub sender_address: Option<String>,
    #[schema(max_length = 320)]
    pub reply_to: Option<String>,
    #[schema(max_length = 1048576)]
    pub text: Option<String>,
    #[schema(max_length = 1048576)]
    pub html: Option<String>,
    #[schema(value_type = Option<TextMode>)]
    pub text_mode: Option<content::TextMode>,
    #[schema(value_type = Option<MailLocale>)]
    pub locale: Option<content::Locale>,
}

/// Which templates.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TemplateQuery {
    pub folder_id: Option<Uuid>,
    /// A part of the name or subject.
    #[param(max_length = 200)]
    pub q: Option<String>,
    #[param(inline, value_type = Option<MailSort>)]
    pub sort: Option<domain::mail::MailSort>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_templates)
        .service(create_template)
        .service(get_template)
        .service(update_template)
        .service(delete_template);
}

fn answer(mut builder: actix_web::HttpResponseBuilder, row: template::Template) -> HttpResponse {
    builder
        .insert_header(etag(row.version))
        .json(Template::from(row))
}

/// Templates, own and supplied ones
#[utoipa::path(
    tag = "templates", operation_id = "list_templates", params(TemplateQuery),
    responses((status = 200, body = PageOf<TemplateItem>, description = "A page"), ListProblems)
)]
#[get("/templates")]
async fn list_templates(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<TemplateQuery>,
) -> ApiResult<Json<PageOf<TemplateItem>>> {
    let QueryOf(query) = query;
    let filter = TemplateFilter {
        folder_id: query.folder_id.map(FolderId),
        q: search(query.q, 200)?,
        sort: query.sort.unwrap_or_default(),
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = template::list(&state.db, &user, &filter, &page).await?;
    Ok(Json(PageOf::from_page(page, TemplateItem::from)))
}

/// Make a template
#[utoipa::path(
    tag = "templates", operation_id = "create_template", request_body = TemplateCreate,
    responses((status = 201, body = Template, description = "Made", headers(("ETag" = String))), CreateProblems)
)]
#[post("/templates")]
async fn create_template(
    state: Data<AppState>,
    user: Caller,
    body: Body<TemplateCreate>,
) -> ApiResult {
    let Body(body) = body;
    let new = NewTemplate {
        name: body.name,
        description: body.description,
        folder_id: body.folder_id.map(FolderId),
        content: content_change!(body),
    };
    Ok(answer(
        HttpResponse::Created(),
        template::create(&state.db, &user, new).await?,
    ))
}

/// One template
#[utoipa::path(
    tag = "templates", operation_id = "get_template",
    params(("id" = Uuid, Path, description = "Template")),
    responses((status = 200, body = Template, description = "The template", headers(("ETag" = String))), GetProblems)
)]
#[get("/templates/{id}")]
async fn get_template(state: Data<AppState>, user: Caller, id: Id<TemplateId>) -> ApiResult {
    Ok(answer(
        HttpResponse::Ok(),
        template::get(&state.db, &user, id.0).await?,
    ))
}

/// Change a template
///
/// Mails made from it keep what they have.
#[utoipa::path(
    tag = "templates", operation_id = "update_template", request_body = TemplateUpdate,
    params(
        ("id" = Uuid, Path, description = "Template"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = Template, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/templates/{id}")]
async fn update_template(
    state: Data<AppState>,
    user: Caller,
    id: Id<TemplateId>,
    version: IfMatch,
    body: Body<TemplateUpdate>,
) -> ApiResult {
    let Body(body) = body;
    let change = TemplateChange {
        name: body.name,
        description: body.description,
        folder_id: body.folder_id.map(|id| id.map(FolderId)),
        content: content_change!(body),
    };
    Ok(answer(
        HttpResponse::Ok(),
        template::update(&state.db, &user, id.0, version.0, change).await?,
    ))
}

/// Delete a template
///
/// A supplied one does not come back.
#[utoipa::path(
    tag = "templates", operation_id = "delete_template",
    params(
        ("id" = Uuid, Path, description = "Template"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/templates/{id}")]
async fn delete_template(
    state: Data<AppState>,
    user: Caller,
    id: Id<TemplateId>,
    version: IfMatch,
) -> ApiResult {
    template::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
