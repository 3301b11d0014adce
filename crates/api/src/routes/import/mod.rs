//! Import of contacts: upload, plan, check, run.

pub mod dto;

use actix_web::http::header;
use actix_web::web::{Data, Json, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use domain::contact::import::{self, Upload};
use domain::ids::ImportId;
use domain::page::PageRequest;
use futures_util::StreamExt;
use utoipa_actix_web::service_config::ServiceConfig;

pub use dto::FileEncoding;
use dto::{Import, ImportPlan, UploadQuery};

use crate::error::{ApiError, ApiResult};
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, PageQuery, QueryOf, etag};
use crate::problems::{
    BareActionProblems, GetProblems, ListProblems, RemoveProblems, UpdateProblems, UploadProblems,
};
use crate::routes::download::{FileBytes, attachment};
use crate::routes::job::Job;
use crate::state::AppState;

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_imports)
        .service(create_import)
        .service(get_import)
        .service(delete_import)
        .service(update_import_plan)
        .service(check_import)
        .service(run_import)
        .service(get_import_rejected);
}

/// Past imports, newest first
#[utoipa::path(
    tag = "imports", operation_id = "list_imports", params(PageQuery),
    responses((status = 200, body = PageOf<Import>, description = "A page"), ListProblems)
)]
#[get("/imports")]
async fn list_imports(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<Import>>> {
    let page = import::list(&state.db, &user, &PageRequest::from(&query.0)).await?;
    Ok(Json(PageOf::from_page(page, Import::from)))
}

/// Upload a file of contacts (CSV, TSV); changes nobody yet
#[utoipa::path(
    tag = "imports", operation_id = "create_import", params(UploadQuery),
    request_body(content(
        (FileBytes = "application/octet-stream"), (FileBytes = "text/csv"), (FileBytes = "text/tab-separated-values")
    ), description = "The file as it is"),
    responses(
        (status = 201, body = Import, description = "Read; waits for its plan", headers(("ETag" = String, description = "Version"))),
        UploadProblems
    )
)]
#[post("/imports")]
async fn create_import(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<UploadQuery>,
    request: HttpRequest,
    mut payload: Payload,
) -> ApiResult {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    if !matches!(
        content_type.as_deref(),
        Some("application/octet-stream" | "text/csv" | "text/tab-separated-values")
    ) {
        return Err(ApiError::UnsupportedMediaType("application/octet-stream"));
    }
    let limit = state.config.upload_limit;
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    let filename = query.filename.as_deref().unwrap_or("upload.csv");
    let mut upload = Upload::begin(&state.db, &user, filename, limit).await?;
    if announced.is_some_and(|size| size > limit) {
        upload.abandon().await?;
        return Err(domain::file::too_large(limit).into());
    }
    while let Some(piece) = payload.next().await {
        let written = match piece {
            Ok(piece) => upload.write(&piece).await.map_err(ApiError::from),
            Err(error) => Err(ApiError::Malformed(format!(
                "the upload ended early: {error}"
            ))),
        };
        if let Err(error) = written {
            upload.abandon().await?;
            return Err(error);
        }
    }
    let import = upload.finish(&state.db, &user).await?;
    Ok(HttpResponse::Created()
        .insert_header(etag(import.version))
        .json(Import::from(import)))
}

/// One import
#[utoipa::path(
    tag = "imports", operation_id = "get_import", params(("id" = Uuid, Path, description = "Import")),
    responses(
        (status = 200, body = Import, description = "The import", headers(("ETag" = String, description = "Version"))),
        GetProblems
    )
)]
#[get("/imports/{id}")]
async fn get_import(state: Data<AppState>, user: Caller, id: Id<ImportId>) -> ApiResult {
    answer(import::get(&state.db, &user, id.0).await?)
}

fn answer(import: import::Import) -> ApiResult {
    Ok(HttpResponse::Ok()
        .insert_header(etag(import.version))
        .json(Import::from(import)))
}

/// Delete an import with its file; contacts stay
#[utoipa::path(
    tag = "imports", operation_id = "delete_import", params(("id" = Uuid, Path, description = "Import")),
    responses((status = 204, description = "Deleted"), RemoveProblems)
)]
#[delete("/imports/{id}")]
async fn delete_import(state: Data<AppState>, user: Caller, id: Id<ImportId>) -> ApiResult {
    import::delete(&state.db, &user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Say how the file is read, which column goes where, and what happens to people who are there
#[utoipa::path(
    put, tag = "imports", operation_id = "update_import_plan", request_body = ImportPlan,
    params(
        ("id" = Uuid, Path, description = "Import"),
        ("If-Match" = String, Header, description = "ETag of the version that the change builds on")
    ),
    responses(
        (status = 200, body = Import, description = "Kept; the check of before is void", headers(("ETag" = String, description = "Version"))),
        UpdateProblems
    )
)]
#[put("/imports/{id}/plan")]
async fn update_import_plan(
    state: Data<AppState>,
    user: Caller,
    id: Id<ImportId>,
    version: IfMatch,
    body: Body<ImportPlan>,
) -> ApiResult {
    let plan = body.0.parse()?;
    answer(import::update_plan(&state.db, &user, id.0, version.0, plan).await?)
}

/// Check the whole file without changing anything: exact counts, and every row that would be refused
#[utoipa::path(
    tag = "imports", operation_id = "check_import", params(("id" = Uuid, Path, description = "Import")),
    responses((status = 202, body = Job, description = "Under way"), BareActionProblems)
)]
#[post("/imports/{id}/dry-run")]
async fn check_import(state: Data<AppState>, user: Caller, id: Id<ImportId>) -> ApiResult {
    let job = import::start_check(&state.db, &user, id.0).await?;
    Ok(HttpResponse::Accepted().json(Job::from(job)))
}

/// Import the file
#[utoipa::path(
    tag = "imports", operation_id = "run_import", params(("id" = Uuid, Path, description = "Import")),
    responses((status = 202, body = Job, description = "Under way"), BareActionProblems)
)]
#[post("/imports/{id}/run")]
async fn run_import(state: Data<AppState>, user: Caller, id: Id<ImportId>) -> ApiResult {
    let job = import::start_run(&state.db, &user, id.0).await?;
    Ok(HttpResponse::Accepted().json(Job::from(job)))
}

/// The refused rows as a CSV file in the encoding of the upload, each with its line and reasons
#[utoipa::path(
    tag = "imports", operation_id = "get_import_rejected", params(("id" = Uuid, Path, description = "Import")),
    responses((status = 200, body = FileBytes, content_type = "text/csv", description = "To mend and import again"), GetProblems)
)]
#[get("/imports/{id}/rejected")]
async fn get_import_rejected(state: Data<AppState>, user: Caller, id: Id<ImportId>) -> ApiResult {
    let file = import::rejected(&state.db, &user, id.0).await?;
    Ok(attachment(&state, &user, &file))
}
