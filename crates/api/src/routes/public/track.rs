//! The pixel and the counted links of a mail. The answer never waits for the
//! database but for a link with merge fields; the hit goes into a queue
//! (`visitors/tracker.rs`).

use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, get};
use domain::DomainError;
use domain::delivery::token::{DeliveryToken, Purpose};
use domain::event::machine::{self, rule_of};
use domain::event::track::Hit;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{cancel, page};
use crate::error::{ApiError, ApiResult};
use crate::extract::client_ip;
use crate::problems::PublicProblems;
use crate::state::AppState;

/// A transparent GIF of one pixel.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

const ROBOTS: (HeaderName, &str) = (HeaderName::from_static("x-robots-tag"), "noindex, nofollow");

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_open_pixel)
        .service(follow_link)
        .route("/t/o/{token}", web::head().to(head_open_pixel))
        .route("/t/c/{token}", web::head().to(head_link));
}

/// Pixel that tells that a mail was opened
#[utoipa::path(
    tag = "public", operation_id = "get_open_pixel", security(()),
    params(("token" = String, Path, description = "From the mail", max_length = 100)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "image/gif", description = "One transparent pixel"),
        PublicProblems
    )
)]
#[get("/t/o/{token}")]
async fn get_open_pixel(request: HttpRequest, state: Data<AppState>) -> ApiResult {
    open(&request, &state).await
}

async fn head_open_pixel(request: HttpRequest, state: Data<AppState>) -> ApiResult {
    open(&request, &state).await
}

async fn open(request: &HttpRequest, state: &AppState) -> ApiResult {
    let is_open = |purpose| purpose == Purpose::Open;
    let token = token(request, state, is_open)?;
    keep(request, state, &token).await;
    Ok(HttpResponse::Ok()
        .content_type("image/gif")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(ROBOTS)
        .body(PIXEL))
}

/// Counted link of a mail
///
/// Leads to where the mail's writer linked to; the address never stands in the link.
#[utoipa::path(
    tag = "public", operation_id = "follow_link", security(()),
    params(("token" = String, Path, description = "From the mail", max_length = 100)),
    responses(
        (status = 302, description = "To the link's target", headers(("Location" = String))),
        (status = 404, body = String, content_type = "text/html", description = "No link of ours: a page that says so"),
        (status = 429, body = String, content_type = "text/html", description = "Too often; wait for the seconds in Retry-After"),
        (status = 503, body = String, content_type = "text/html", description = "A part does not answer; try again later")
    )
)]
#[get("/t/c/{token}")]
async fn follow_link(request: HttpRequest, state: Data<AppState>) -> HttpResponse {
    click(&request, &state).await
}

async fn head_link(request: HttpRequest, state: Data<AppState>) -> HttpResponse {
    click(&request, &state).await
}

async fn click(request: &HttpRequest, state: &AppState) -> HttpResponse {
    match target(request, state).await {
        Ok(url) => HttpResponse::build(StatusCode::FOUND)
            .insert_header((header::LOCATION, url))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header(ROBOTS)
            .finish(),
        Err(error) => page::failure(request, &error),
    }
}

async fn target(request: &HttpRequest, state: &AppState) -> Result<String, ApiError> {
    let is_click = |purpose| matches!(purpose, Purpose::Click { .. });
    let token = token(request, state, is_click)?;
    let url = state.visitors.targets.resolve(&token).await?;
    let url = url.ok_or_else(|| DomainError::not_found("link"))?;
    keep(request, state, &token).await;
    Ok(url)
}

fn token(
    request: &HttpRequest,
    state: &AppState,
    is_ours: impl Fn(Purpose) -> bool,
) -> Result<DeliveryToken, DomainError> {
    let text = request.match_info().get("token").unwrap_or("");
    DeliveryToken::decode(&state.keys, text)
        .filter(|token| is_ours(token.purpose))
        .ok_or_else(|| state.visitors.limits.wrong(client_ip(request)))
}

/// Takes the hit in, unless this mail has had its fill.
async fn keep(request: &HttpRequest, state: &AppState, token: &DeliveryToken) {
    if !state.visitors.limits.keeps(token.delivery) {
        return;
    }
    let visitor = cancel::visitor(request);
    let machine = rule_of(machine::Request {
        user_agent: &visitor.user_agent,
        is_head: *request.method() == Method::HEAD,
        is_prefetch: is_prefetch(request),
    });
    if let Some(hit) = Hit::of(token, visitor, machine, state.db.now()) {
        state.visitors.tracker.record(hit).await;
    }
}

fn is_prefetch(request: &HttpRequest) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"]
        .into_iter()
        .filter_map(|name| request.headers().get(name)?.to_str().ok())
        .any(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("prefetch") || value.contains("preview")
        })
}
