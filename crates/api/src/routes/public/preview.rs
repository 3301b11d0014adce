//! The HTML part of a preview, for a frame of the SPA.

use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use domain::mail::preview;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::ApiResult;
use crate::problems::PublicProblems;
use crate::state::AppState;

/// What a mail may do in a browser: look like a mail. The sandbox gives it an
/// origin of its own, without scripts, forms and navigation of our page.
const POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; \
    style-src 'unsafe-inline' https:; font-src https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_preview_page);
}

/// HTML part of a preview
///
/// Answered with a sandbox policy; the address is valid for 10 minutes.
#[utoipa::path(
    tag = "public", operation_id = "get_preview_page", security(()),
    params(("token" = String, Path, description = "From `frame_url`")),
    responses((status = 200, body = String, content_type = "text/html", description = "The mail"), PublicProblems)
)]
#[get("/p/preview/{token}")]
async fn get_preview_page(state: Data<AppState>, token: Path<String>) -> ApiResult {
    let html = preview::html(&state.db, &state.keys, &token).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_FRAME_OPTIONS, "SAMEORIGIN"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(html))
}
