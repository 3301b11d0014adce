//! The cancel link of a mail. GET shows a form and changes nothing; POST
//! cancels, by the form or by one click of the mail program (RFC 8058).

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, get, post};
use domain::DomainError;
use domain::delivery::token::DeliveryToken;
use domain::event::Visitor;
use domain::event::cancel::{self, CancelPage, Choice, How, Scope, Standing, Why};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::form::{self, Fields};
use super::page::{self, About, Says};
use crate::error::ApiError;
use crate::extract::client_ip;
use crate::state::AppState;

/// Stands in the links of a preview instead of a token.
const PREVIEW: &str = "preview";

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_cancel_page)
        .service(cancel_mails)
        .route("/p/cancel/{token}", web::head().to(head_cancel_page));
}

/// How much is cancelled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelScope {
    This,
    All,
}

/// Why; empty for no answer.
#[derive(Debug, Deserialize, ToSchema)]
pub enum CancelReason {
    #[serde(rename = "")]
    None,
    #[serde(rename = "too_many")]
    TooMany,
    #[serde(rename = "not_interested")]
    NotInterested,
    #[serde(rename = "never_asked")]
    NeverAsked,
    #[serde(rename = "other")]
    Other,
}

/// What the form, or a mail program, sends. One of `List-Unsubscribe`, `scope` and `action` decides.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CancelForm {
    /// `One-Click` cancels the mails of this kind at once (RFC 8058).
    #[serde(rename = "List-Unsubscribe")]
    #[schema(example = "One-Click")]
    pub list_unsubscribe: Option<String>,
    pub scope: Option<CancelScope>,
    pub reason: Option<CancelReason>,
    /// Cut to 500 characters.
    pub comment: Option<String>,
    /// `restore` takes the cancellation back, within 24 hours.
    #[schema(example = "restore")]
    pub action: Option<String>,
}

/// Page to cancel mails on
///
/// Looking at it cancels nothing.
#[utoipa::path(
    tag = "public", operation_id = "get_cancel_page", security(()),
    params(("token" = String, Path, description = "From the mail", max_length = 100)),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "The page, in the mail's language"),
        (status = 404, body = String, content_type = "text/html", description = "No link of ours"),
        (status = 429, body = String, content_type = "text/html", description = "Too often; wait for the seconds in Retry-After"),
        (status = 503, body = String, content_type = "text/html", description = "A part does not answer; try again later")
    )
)]
#[get("/p/cancel/{token}")]
async fn get_cancel_page(request: HttpRequest, state: Data<AppState>) -> HttpResponse {
    show(&request, &state).await
}

/// As GET, for those who only knock; the body is left out by HTTP.
async fn head_cancel_page(request: HttpRequest, state: Data<AppState>) -> HttpResponse {
    show(&request, &state).await
}

async fn show(request: &HttpRequest, state: &AppState) -> HttpResponse {
    if is_preview(request) {
        return page::preview(request);
    }
    let looked = async {
        let token = token(request, state)?;
        Ok::<_, ApiError>(cancel::look(&state.db, &token).await?)
    };
    match looked.await {
        Ok(found) => {
            let says = match found.standing {
                Standing::Wanted => Says::Ask,
                Standing::CancelledThis | Standing::CancelledAll => Says::Cancelled,
                Standing::Test => Says::Test,
            };
            answer(StatusCode::OK, says, found)
        }
        Err(error) => page::failure(request, &error),
    }
}

/// Cancel mails, or take that back
///
/// At once, also for mails that are queued. Doing it twice does it once.
#[utoipa::path(
    tag = "public", operation_id = "cancel_mails", security(()),
    params(("token" = String, Path, description = "From the mail", max_length = 100)),
    request_body(content(
        (inline(CancelForm) = "application/x-www-form-urlencoded"),
        (inline(CancelForm) = "multipart/form-data")
    )),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "Done: a page that says so"),
        (status = 400, body = String, content_type = "text/html", description = "The form can't be read"),
        (status = 404, body = String, content_type = "text/html", description = "No link of ours"),
        (status = 409, body = String, content_type = "text/html", description = "Too late to take it back"),
        (status = 413, body = String, content_type = "text/html", description = "The form is over 16 kB"),
        (status = 415, body = String, content_type = "text/html", description = "No form"),
        (status = 422, body = String, content_type = "text/html", description = "Nothing was chosen: the form again"),
        (status = 429, body = String, content_type = "text/html", description = "Too often; wait for the seconds in Retry-After"),
        (status = 503, body = String, content_type = "text/html", description = "A part does not answer; try again later")
    )
)]
#[post("/p/cancel/{token}")]
async fn cancel_mails(
    request: HttpRequest,
    payload: web::Payload,
    state: Data<AppState>,
) -> HttpResponse {
    if is_preview(&request) {
        return page::preview(&request);
    }
    match act(&request, payload.into_inner(), &state).await {
        Ok(answer) => answer,
        Err(error) => page::failure(&request, &error),
    }
}

/// What a form asks for.
enum Wish {
    Cancel(Choice),
    Restore,
    Nothing,
}

async fn act(
    request: &HttpRequest,
    payload: Payload,
    state: &AppState,
) -> Result<HttpResponse, ApiError> {
    let token = token(request, state)?;
    let wish = wish(&form::read(request, payload).await?);
    let visitor = visitor(request);
    let (says, page) = match wish {
        Wish::Cancel(choice) => {
            let page = cancel::cancel(&state.db, &token, visitor, choice).await?;
            (Says::Cancelled, page)
        }
        Wish::Restore => {
            let page = cancel::restore(&state.db, &token, visitor).await?;
            (Says::Restored, page)
        }
        Wish::Nothing => {
            let page = cancel::look(&state.db, &token).await?;
            return Ok(answer(
                StatusCode::UNPROCESSABLE_ENTITY,
                Says::AskAgain,
                page,
            ));
        }
    };
    let says = match page.standing {
        Standing::Test => Says::Test,
        Standing::CancelledThis | Standing::CancelledAll => Says::Cancelled,
        Standing::Wanted => says,
    };
    Ok(answer(StatusCode::OK, says, page))
}

fn wish(fields: &Fields) -> Wish {
    let choice = |scope, how| {
        Wish::Cancel(Choice {
            scope,
            how,
            why: fields.get("reason").and_then(Why::parse),
            comment: fields
                .get("comment")
                .unwrap_or("")
                .chars()
                .filter(|c| *c != '\0')
                .take(cancel::MAX_COMMENT)
                .collect(),
        })
    };
    let is_one_click = fields
        .get("List-Unsubscribe")
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("One-Click"));
    if is_one_click {
        return choice(Scope::This, How::OneClick);
    }
    if fields.get("action") == Some("restore") {
        return Wish::Restore;
    }
    match fields.get("scope").and_then(Scope::parse) {
        Some(scope) => choice(scope, How::Page),
        None => Wish::Nothing,
    }
}

fn answer(status: StatusCode, says: Says, page: CancelPage) -> HttpResponse {
    let about = About {
        company: page.company,
        address: page.address,
        has_lists: page.has_lists,
        all: page.standing == Standing::CancelledAll,
        can_restore: page.can_restore,
        ..About::default()
    };
    page::page(status, page.locale, says, &about)
}

fn path_token(request: &HttpRequest) -> &str {
    request.match_info().get("token").unwrap_or("")
}

fn is_preview(request: &HttpRequest) -> bool {
    path_token(request) == PREVIEW
}

/// The link's token, within the limits.
fn token(request: &HttpRequest, state: &AppState) -> Result<DeliveryToken, DomainError> {
    let limits = &state.visitors.limits;
    let token = cancel::token(&state.keys, path_token(request))
        .map_err(|_| limits.wrong(client_ip(request)))?;
    limits.cancel(token.delivery)?;
    Ok(token)
}

/// Who knocks, for the record.
pub(super) fn visitor(request: &HttpRequest) -> Visitor {
    let user_agent = request
        .headers()
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    Visitor::new(
        client_ip(request),
        user_agent.as_deref().unwrap_or(""),
        crate::middleware::request_id::current(),
    )
}
