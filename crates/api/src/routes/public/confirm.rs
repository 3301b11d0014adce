//! The link of the answer to an empty-mail sign-up. GET shows a button and
//! changes nothing, since link scanners follow links; POST confirms.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, get, post};
use domain::DomainError;
use domain::signup::confirm::{self, ConfirmPage, Standing};
use domain::signup::token::SignupToken;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::cancel::visitor;
use super::form;
use super::page::{self, About, Says};
use crate::error::ApiError;
use crate::extract::client_ip;
use crate::state::AppState;

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_confirm_page)
        .service(confirm_signup)
        .route("/p/confirm/{token}", web::head().to(head_confirm_page));
}

/// What the form sends.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ConfirmForm {
    /// Of the words that the page showed.
    #[schema(example = "1")]
    pub version: String,
}

/// Page to confirm a sign-up on
///
/// Looking at it confirms nothing.
#[utoipa::path(
    tag = "public", operation_id = "get_confirm_page", security(()),
    params(("token" = String, Path, description = "From the mail", max_length = 100)),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "The page, in the mail's language"),
        (status = 404, body = String, content_type = "text/html", description = "No link of ours"),
        (status = 410, body = String, content_type = "text/html", description = "The link has run out"),
        (status = 429, body = String, content_type = "text/html", description = "Too often; wait for the seconds in Retry-After"),
        (status = 503, body = String, content_type = "text/html", description = "A part does not answer; try again later")
    )
)]
#[get("/p/confirm/{token}")]
async fn get_confirm_page(request: HttpRequest, state: Data<AppState>) -> HttpResponse {
    show(&request, &state).await
}

/// As GET, for those who only knock; the body is left out by HTTP.
async fn head_confirm_page(request: HttpRequest, state: Data<AppState>) -> HttpResponse {
    show(&request, &state).await
}

async fn show(request: &HttpRequest, state: &AppState) -> HttpResponse {
    let looked = async {
        let token = token(request, state)?;
        Ok::<_, ApiError>(confirm::look(&state.db, token).await?)
    };
    match looked.await {
        Ok(found) => answer(StatusCode::OK, Says::Confirm, found),
        Err(error) => page::failure(request, &error),
    }
}

/// Confirm a sign-up
///
/// Makes the contact or brings it back, subscribes it, and writes the consent ledger. Doing it twice does it once.
#[utoipa::path(
    tag = "public", operation_id = "confirm_signup", security(()),
    params(("token" = String, Path, description = "From the mail", max_length = 100)),
    request_body(content(
        (inline(ConfirmForm) = "application/x-www-form-urlencoded"),
        (inline(ConfirmForm) = "multipart/form-data")
    )),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "Done: a page that says so"),
        (status = 400, body = String, content_type = "text/html", description = "The form can't be read"),
        (status = 404, body = String, content_type = "text/html", description = "No link of ours"),
        (status = 409, body = String, content_type = "text/html", description = "Somebody else changed the contact at the same moment"),
        (status = 410, body = String, content_type = "text/html", description = "The link has run out"),
        (status = 413, body = String, content_type = "text/html", description = "The form is over 16 kB"),
        (status = 415, body = String, content_type = "text/html", description = "No form"),
        (status = 422, body = String, content_type = "text/html", description = "The words have changed since: the page again"),
        (status = 429, body = String, content_type = "text/html", description = "Too often; wait for the seconds in Retry-After"),
        (status = 503, body = String, content_type = "text/html", description = "A part does not answer; try again later")
    )
)]
#[post("/p/confirm/{token}")]
async fn confirm_signup(
    request: HttpRequest,
    payload: web::Payload,
    state: Data<AppState>,
) -> HttpResponse {
    match act(&request, payload.into_inner(), &state).await {
        Ok(answer) => answer,
        Err(error) => page::failure(&request, &error),
    }
}

async fn act(
    request: &HttpRequest,
    payload: Payload,
    state: &AppState,
) -> Result<HttpResponse, ApiError> {
    let token = token(request, state)?;
    let fields = form::read(request, payload).await?;
    let seen = fields.get("version").and_then(|text| text.parse().ok());
    let found = confirm::confirm(&state.db, token, seen, &visitor(request)).await?;
    // Not done although it could be: the page said something else.
    Ok(answer(
        StatusCode::UNPROCESSABLE_ENTITY,
        Says::ConfirmAgain,
        found,
    ))
}

/// `pending` is for a sign-up that waits.
fn answer(pending: StatusCode, ask: Says, found: ConfirmPage) -> HttpResponse {
    let (status, says) = match found.standing {
        Standing::Pending => (pending, ask),
        Standing::Confirmed => (StatusCode::OK, Says::Confirmed),
        Standing::Expired => (StatusCode::GONE, Says::Expired),
    };
    let about = About {
        company: found.company,
        address: found.address,
        wording: found.wording,
        version: found.version,
        ..About::default()
    };
    page::page(status, found.locale, says, &about)
}

/// The link's token, within the limits.
fn token(request: &HttpRequest, state: &AppState) -> Result<SignupToken, DomainError> {
    let limits = &state.visitors.limits;
    let text = request.match_info().get("token").unwrap_or("");
    let token = confirm::token(&state.keys, text).map_err(|_| limits.wrong(client_ip(request)))?;
    limits.confirm(token.signup)?;
    Ok(token)
}
