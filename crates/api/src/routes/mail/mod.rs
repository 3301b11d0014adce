//! Mails, their versions and previews.

pub mod dto;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, patch, post};
use domain::DomainError;
use domain::ids::{ContactId, FolderId, MailId};
use domain::mail::content::ContentChange;
use domain::mail::{self, MailFilter, merge_field, preview, version};
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use self::dto::{
    Mail, MailContent, MailCopy, MailCreate, MailItem, MailUpdate, MailVersion, Preview,
    PreviewRequest,
};
use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, QueryOf, etag, search};
use crate::middleware::access::shows;
use crate::problems::{
    ActionProblems, BareActionProblems, CreateProblems, DeleteProblems, GetProblems, ListProblems,
    UpdateProblems,
};
use crate::state::AppState;
use crate::words::{MailSort, MergeFieldGroup};

/// Which mails.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MailQuery {
    pub folder_id: Option<Uuid>,
    /// A part of the name or subject.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// Those in the archive instead.
    #[serde(default)]
    pub archived: bool,
    #[param(inline, value_type = Option<MailSort>)]
    pub sort: Option<mail::MailSort>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
    /// Tell `total` too.
    #[serde(default)]
    pub count: bool,
}

/// Something to put into a mail.
#[derive(Debug, Serialize, ToSchema)]
pub struct MergeField {
    #[schema(example = "{{ name | sama }}")]
    pub token: String,
    pub label: String,
    #[schema(value_type = MergeFieldGroup)]
    pub group: merge_field::Group,
    /// What it may look like in a mail.
    pub sample: String,
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config.service(list_mails).service(get_mail);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_mails)
        .service(create_mail)
        .service(get_mail)
        .service(update_mail)
        .service(delete_mail)
        .service(copy_mail)
        .service(list_mail_versions)
        .service(get_mail_version)
        .service(restore_mail_version)
        .service(preview_mail)
        .service(list_merge_fields);
}

fn answer(mut builder: actix_web::HttpResponseBuilder, row: mail::Mail) -> HttpResponse {
    builder
        .insert_header(etag(row.version))
        .json(Mail::from(row))
}

/// Mails
#[utoipa::path(
    tag = "mails", operation_id = "list_mails", params(MailQuery),
    responses((status = 200, body = PageOf<MailItem>, description = "A page"), ListProblems)
)]
#[get("/mails")]
async fn list_mails(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<MailQuery>,
) -> ApiResult<Json<PageOf<MailItem>>> {
    let QueryOf(query) = query;
    let filter = MailFilter {
        folder_id: query.folder_id.map(FolderId),
        q: search(query.q, 200)?,
        archived: query.archived,
        sort: query.sort.unwrap_or_default(),
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: query.count,
    };
    let page = mail::list(&state.db, &user, &filter, &page).await?;
    Ok(Json(PageOf::from_page(page, MailItem::from)))
}

/// Make a mail
#[utoipa::path(
    tag = "mails", operation_id = "create_mail", request_body = MailCreate,
    responses((status = 201, body = Mail, description = "Made", headers(("ETag" = String))), CreateProblems)
)]
#[post("/mails")]
async fn create_mail(state: Data<AppState>, user: Caller, body: Body<MailCreate>) -> ApiResult {
    Ok(answer(
        HttpResponse::Created(),
        mail::create(&state.db, &user, body.0.into()).await?,
    ))
}

/// One mail
#[utoipa::path(
    tag = "mails", operation_id = "get_mail",
    params(("id" = Uuid, Path, description = "Mail")),
    responses((status = 200, body = Mail, description = "The mail", headers(("ETag" = String))), GetProblems)
)]
#[get("/mails/{id}")]
async fn get_mail(state: Data<AppState>, user: Caller, id: Id<MailId>) -> ApiResult {
    Ok(answer(
        HttpResponse::Ok(),
        mail::get(&state.db, &user, id.0).await?,
    ))
}

/// Save a mail
///
/// Content goes into the current version while the same person keeps on
/// writing within ten minutes, otherwise into a new one.
#[utoipa::path(
    tag = "mails", operation_id = "update_mail", request_body = MailUpdate,
    params(
        ("id" = Uuid, Path, description = "Mail"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = Mail, description = "Saved", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/mails/{id}")]
async fn update_mail(
    state: Data<AppState>,
    user: Caller,
    id: Id<MailId>,
    version: IfMatch,
    body: Body<MailUpdate>,
) -> ApiResult {
    Ok(answer(
        HttpResponse::Ok(),
        mail::update(&state.db, &user, id.0, version.0, body.0.into()).await?,
    ))
}

/// Delete a mail
///
/// One that a campaign holds on to answers 409; archive it instead.
#[utoipa::path(
    tag = "mails", operation_id = "delete_mail",
    params(
        ("id" = Uuid, Path, description = "Mail"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/mails/{id}")]
async fn delete_mail(
    state: Data<AppState>,
    user: Caller,
    id: Id<MailId>,
    version: IfMatch,
) -> ApiResult {
    mail::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Copy a mail
#[utoipa::path(
    tag = "mails", operation_id = "copy_mail", request_body = MailCopy,
    params(("id" = Uuid, Path, description = "Mail")),
    responses((status = 201, body = Mail, description = "The copy", headers(("ETag" = String))), ActionProblems)
)]
#[post("/mails/{id}/copy")]
async fn copy_mail(
    state: Data<AppState>,
    user: Caller,
    id: Id<MailId>,
    body: Body<MailCopy>,
) -> ApiResult {
    let Body(copy) = body;
    let folder = copy.folder_id.map(|id| id.map(FolderId));
    Ok(answer(
        HttpResponse::Created(),
        mail::copy(&state.db, &user, id.0, copy.name, folder).await?,
    ))
}

/// Kept versions, the newest first
#[utoipa::path(
    tag = "mails", operation_id = "list_mail_versions",
    params(("id" = Uuid, Path, description = "Mail")),
    responses((status = 200, body = PageOf<MailVersion>, description = "The newest 200"), GetProblems)
)]
#[get("/mails/{id}/versions")]
async fn list_mail_versions(
    state: Data<AppState>,
    user: Caller,
    id: Id<MailId>,
) -> ApiResult<Json<PageOf<MailVersion>>> {
    let versions = version::list(&state.db, &user, id.0).await?;
    Ok(Json(PageOf::whole(
        versions.into_iter().map(MailVersion::from).collect(),
    )))
}

/// The number in the path; one that can't be names no version.
fn number(path: &Path<(String, String)>) -> Result<i32, DomainError> {
    path.1
        .parse()
        .map_err(|_| DomainError::not_found("version"))
}

/// Content of one version
#[utoipa::path(
    tag = "mails", operation_id = "get_mail_version",
    params(("id" = Uuid, Path, description = "Mail"), ("number" = i32, Path, description = "Version")),
    responses((status = 200, body = MailContent, description = "Its content"), GetProblems)
)]
#[get("/mails/{id}/versions/{number}")]
async fn get_mail_version(
    state: Data<AppState>,
    user: Caller,
    id: Id<MailId>,
    path: Path<(String, String)>,
) -> ApiResult<Json<MailContent>> {
    let content = version::get(&state.db, &user, id.0, number(&path)?).await?;
    Ok(Json(content.into()))
}

/// Go back to a version
///
/// Its content becomes a new version; nothing is lost.
#[utoipa::path(
    tag = "mails", operation_id = "restore_mail_version",
    params(("id" = Uuid, Path, description = "Mail"), ("number" = i32, Path, description = "Version")),
    responses((status = 200, body = Mail, description = "The mail now", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/mails/{id}/versions/{number}/restore")]
async fn restore_mail_version(
    state: Data<AppState>,
    user: Caller,
    id: Id<MailId>,
    path: Path<(String, String)>,
) -> ApiResult {
    Ok(answer(
        HttpResponse::Ok(),
        mail::restore(&state.db, &user, id.0, number(&path)?).await?,
    ))
}

/// See a mail as one person would get it
///
/// With changes that are not saved yet. A mistake in the template answers 422
/// with the part and line.
#[utoipa::path(
    tag = "mails", operation_id = "preview_mail", request_body = PreviewRequest,
    params(("id" = Uuid, Path, description = "Mail")),
    responses((status = 200, body = Preview, description = "The preview"), ActionProblems)
)]
#[post("/mails/{id}/preview")]
async fn preview_mail(
    state: Data<AppState>,
    user: Caller,
    id: Id<MailId>,
    body: Body<PreviewRequest>,
) -> ApiResult<Json<Preview>> {
    let Body(request) = body;
    let change = ContentChange {
        subject: request.subject,
        preheader: request.preheader,
        text: request.text,
        html: request.html,
        text_mode: request.text_mode,
        ..ContentChange::default()
    };
    let contact = request.contact_id.map(ContactId);
    let preview = preview::create(
        &state.db,
        &user,
        &state.installation(),
        id.0,
        contact,
        change,
    )
    .await?;
    shows(contact);
    Ok(Json(preview.into()))
}

/// What can be put into a mail
#[utoipa::path(
    tag = "mails", operation_id = "list_merge_fields",
    responses((status = 200, body = PageOf<MergeField>, description = "All of it"), ListProblems)
)]
#[get("/merge-fields")]
async fn list_merge_fields(
    state: Data<AppState>,
    user: Caller,
) -> ApiResult<Json<PageOf<MergeField>>> {
    let fields = merge_field::list(&state.db, &user).await?;
    let fields = fields
        .into_iter()
        .map(|f| MergeField {
            token: f.token,
            label: f.label,
            group: f.group,
            sample: f.sample,
        })
        .collect();
    Ok(Json(PageOf::whole(fields)))
}
