//! Webhooks: addresses that are told what happens, and what became of that.

pub mod dto;
pub mod payload;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, patch, post};
use domain::DomainError;
use domain::ids::{WebhookId, WebhookMessageId};
use domain::page::PageRequest;
use domain::webhook::{self, NewWebhook, WebhookChange, log};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::ApiResult;
use crate::extract::{Body, CurrentUser, Id, IfMatch, PageOf, QueryOf, code, etag};
use crate::problems::{
    ActionProblems, BareActionProblems, BareProblems, CreateProblems, DeleteProblems,
    GetListProblems, GetProblems, UpdateProblems,
};
use crate::state::AppState;
use dto::{
    MessageQuery, Webhook, WebhookCreate, WebhookMessage, WebhookMessageDetail, WebhookReplay,
    WebhookReplayed, WebhookUpdate, WebhookWithSecret,
};

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_webhooks)
        .service(create_webhook)
        .service(get_webhook)
        .service(update_webhook)
        .service(delete_webhook)
        .service(rotate_webhook_secret)
        .service(test_webhook)
        .service(replay_webhook)
        .service(list_webhook_messages)
        .service(get_webhook_message)
        .service(replay_webhook_message);
}

/// The webhooks, oldest first
#[utoipa::path(
    tag = "webhooks", operation_id = "list_webhooks",
    responses((status = 200, body = PageOf<Webhook>, description = "All of them, in one page"), BareProblems)
)]
#[get("/webhooks")]
async fn list_webhooks(
    state: Data<AppState>,
    user: CurrentUser,
) -> ApiResult<Json<PageOf<Webhook>>> {
    let all = webhook::list(&state.db, &user).await?;
    let all = all.into_iter().map(Webhook::from).collect();
    Ok(Json(PageOf::whole(all)))
}

/// Add a webhook
///
/// The answer holds the secret that its requests are signed with; it is never
/// shown again.
#[utoipa::path(
    tag = "webhooks", operation_id = "create_webhook", request_body = WebhookCreate,
    responses((status = 201, body = WebhookWithSecret, description = "Added", headers(("ETag" = String))), CreateProblems)
)]
#[post("/webhooks")]
async fn create_webhook(
    state: Data<AppState>,
    user: CurrentUser,
    body: Body<WebhookCreate>,
) -> ApiResult {
    let Body(create) = body;
    let new = NewWebhook {
        url: create.url,
        description: create.description,
        events: create.events,
        enabled: create.enabled,
    };
    let made = webhook::create(&state.db, &state.keys, &state.egress, &user, new).await?;
    Ok(secret(HttpResponse::Created(), made))
}

/// No cache on the way keeps a secret.
fn secret(
    mut builder: actix_web::HttpResponseBuilder,
    made: (webhook::Webhook, secrecy::SecretString),
) -> HttpResponse {
    builder
        .insert_header(etag(made.0.version))
        .insert_header(("Cache-Control", "no-store"))
        .json(WebhookWithSecret::from(made))
}

/// One webhook
#[utoipa::path(
    tag = "webhooks", operation_id = "get_webhook",
    params(("id" = Uuid, Path, description = "Webhook")),
    responses((status = 200, body = Webhook, description = "The webhook", headers(("ETag" = String))), GetProblems)
)]
#[get("/webhooks/{id}")]
async fn get_webhook(state: Data<AppState>, user: CurrentUser, id: Id<WebhookId>) -> ApiResult {
    let row = webhook::get(&state.db, &user, id.0).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(row.version))
        .json(Webhook::from(row)))
}

/// Change a webhook
///
/// What waits goes to where it leads from now on.
#[utoipa::path(
    tag = "webhooks", operation_id = "update_webhook", request_body = WebhookUpdate,
    params(
        ("id" = Uuid, Path, description = "Webhook"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = Webhook, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/webhooks/{id}")]
async fn update_webhook(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<WebhookId>,
    version: IfMatch,
    body: Body<WebhookUpdate>,
) -> ApiResult {
    let Body(update) = body;
    let change = WebhookChange {
        url: update.url,
        description: update.description,
        events: update.events,
        enabled: update.enabled,
    };
    let row = webhook::update(&state.db, &state.egress, &user, id.0, version.0, change).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(row.version))
        .json(Webhook::from(row)))
}

/// Delete a webhook with all that waits for it
#[utoipa::path(
    tag = "webhooks", operation_id = "delete_webhook",
    params(
        ("id" = Uuid, Path, description = "Webhook"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/webhooks/{id}")]
async fn delete_webhook(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<WebhookId>,
    version: IfMatch,
) -> ApiResult {
    webhook::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Make a new secret
///
/// Shown this once. For 24 hours requests are signed with the old one as well.
#[utoipa::path(
    tag = "webhooks", operation_id = "rotate_webhook_secret",
    params(("id" = Uuid, Path, description = "Webhook")),
    responses((status = 200, body = WebhookWithSecret, description = "The new secret", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/webhooks/{id}/rotate-secret")]
async fn rotate_webhook_secret(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<WebhookId>,
) -> ApiResult {
    let made = webhook::rotate_secret(&state.db, &state.keys, &user, id.0).await?;
    Ok(secret(HttpResponse::Ok(), made))
}

/// Send a test event
///
/// It goes out within a second, also while the webhook rests; look at the message
/// to see what came of it.
#[utoipa::path(
    tag = "webhooks", operation_id = "test_webhook",
    params(("id" = Uuid, Path, description = "Webhook")),
    responses((status = 202, body = WebhookMessage, description = "Its message"), BareActionProblems)
)]
#[post("/webhooks/{id}/test")]
async fn test_webhook(state: Data<AppState>, user: CurrentUser, id: Id<WebhookId>) -> ApiResult {
    let message = log::send_test(&state.db, &user, id.0).await?;
    Ok(HttpResponse::Accepted().json(WebhookMessage::from(message)))
}

/// Send all messages again that failed since a time
#[utoipa::path(
    tag = "webhooks", operation_id = "replay_webhook", request_body = WebhookReplay,
    params(("id" = Uuid, Path, description = "Webhook")),
    responses((status = 202, body = WebhookReplayed, description = "They go out"), ActionProblems)
)]
#[post("/webhooks/{id}/replay")]
async fn replay_webhook(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<WebhookId>,
    body: Body<WebhookReplay>,
) -> ApiResult {
    let messages = log::replay_failed(&state.db, &user, id.0, body.since).await?;
    Ok(HttpResponse::Accepted().json(WebhookReplayed { messages }))
}

/// The messages of a webhook, newest first
///
/// Delivered ones are kept for a week, failed ones for 30 days.
#[utoipa::path(
    tag = "webhooks", operation_id = "list_webhook_messages",
    params(("id" = Uuid, Path, description = "Webhook"), MessageQuery),
    responses((status = 200, body = PageOf<WebhookMessage>, description = "A page"), GetListProblems)
)]
#[get("/webhooks/{id}/messages")]
async fn list_webhook_messages(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<WebhookId>,
    query: QueryOf<MessageQuery>,
) -> ApiResult<Json<PageOf<WebhookMessage>>> {
    let QueryOf(query) = query;
    let filter = log::Filter {
        state: query.state,
        topic: code("/type", query.topic)?,
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = log::list(&state.db, &user, id.0, &filter, &page).await?;
    Ok(Json(PageOf::from_page(page, WebhookMessage::from)))
}

/// One message, with what was sent and answered
#[utoipa::path(
    tag = "webhooks", operation_id = "get_webhook_message",
    params(
        ("id" = Uuid, Path, description = "Webhook"),
        ("message_id" = Uuid, Path, description = "Message")
    ),
    responses((status = 200, body = WebhookMessageDetail, description = "The message"), GetProblems)
)]
#[get("/webhooks/{id}/messages/{message_id}")]
async fn get_webhook_message(
    state: Data<AppState>,
    user: CurrentUser,
    path: Path<(String, String)>,
) -> ApiResult<Json<WebhookMessageDetail>> {
    let (webhook, message) = ids(path)?;
    let whole = log::get(&state.db, &user, webhook, message).await?;
    Ok(Json(whole.into()))
}

/// Send one message again
///
/// Under the same `webhook-id`: a receiver that had it knows it.
#[utoipa::path(
    tag = "webhooks", operation_id = "replay_webhook_message",
    params(
        ("id" = Uuid, Path, description = "Webhook"),
        ("message_id" = Uuid, Path, description = "Message")
    ),
    responses((status = 202, body = WebhookMessage, description = "It goes out"), BareActionProblems)
)]
#[post("/webhooks/{id}/messages/{message_id}/replay")]
async fn replay_webhook_message(
    state: Data<AppState>,
    user: CurrentUser,
    path: Path<(String, String)>,
) -> ApiResult {
    let (webhook, message) = ids(path)?;
    let message = log::replay(&state.db, &user, webhook, message).await?;
    Ok(HttpResponse::Accepted().json(WebhookMessage::from(message)))
}

fn ids(path: Path<(String, String)>) -> Result<(WebhookId, WebhookMessageId), DomainError> {
    let (webhook, message) = path.into_inner();
    let gone = |_| DomainError::not_found("webhook");
    Ok((
        webhook.parse().map_err(gone)?,
        message.parse().map_err(gone)?,
    ))
}
