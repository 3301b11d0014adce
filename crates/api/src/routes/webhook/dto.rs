//! What webhooks look like in requests and answers.

use chrono::{DateTime, Utc};
use domain::webhook::{self, DisabledReason, FailReason, State, Topic, log};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::words::{WebhookDisabledReason, WebhookFailReason, WebhookMessageState, WebhookTopic};

/// An address that is told of events.
#[derive(Debug, Serialize, ToSchema)]
pub struct Webhook {
    pub id: Uuid,
    #[schema(example = "https://crm.example.co.jp/hooks/kikubari")]
    pub url: String,
    pub description: String,
    #[schema(value_type = Vec<WebhookTopic>)]
    pub events: Vec<Topic>,
    pub enabled: bool,
    /// Why the service turned it off; null when it is on, or a person turned it off.
    #[schema(value_type = Option<WebhookDisabledReason>)]
    pub disabled_reason: Option<DisabledReason>,
    /// Until when requests are signed with the secret before, too.
    pub old_secret_until: Option<DateTime<Utc>>,
    /// Requests in a row that failed; 0: all is well.
    pub failures: i32,
    pub failing_since: Option<DateTime<Utc>>,
    /// It rests until then, because it failed; then one request tries it.
    pub retry_at: Option<DateTime<Utc>>,
    /// Of the last request that failed.
    pub last_error: Option<String>,
    pub last_failure_at: Option<DateTime<Utc>>,
    pub last_success_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub version: i32,
}

impl From<webhook::Webhook> for Webhook {
    fn from(row: webhook::Webhook) -> Self {
        Self {
            id: row.id.0,
            url: row.url,
            description: row.description,
            events: row.events,
            enabled: row.enabled,
            disabled_reason: row.disabled_reason,
            old_secret_until: row.old_secret_until,
            failures: row.failures,
            failing_since: row.failing_since,
            retry_at: row.retry_at,
            last_error: row.last_error,
            last_failure_at: row.last_failure_at,
            last_success_at: row.last_success_at,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// A webhook with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookWithSecret {
    #[serde(flatten)]
    pub webhook: Webhook,
    /// Check signatures with it; keep it as you keep a password.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: String,
}

impl From<(webhook::Webhook, SecretString)> for WebhookWithSecret {
    fn from((row, secret): (webhook::Webhook, SecretString)) -> Self {
        Self {
            webhook: row.into(),
            secret: secret.expose_secret().to_owned(),
        }
    }
}

/// A webhook to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookCreate {
    /// With https, on port 443 or 8443, at an address of the internet.
    #[schema(
        min_length = 1,
        max_length = 2000,
        example = "https://crm.example.co.jp/hooks/kikubari"
    )]
    pub url: String,
    #[serde(default)]
    #[schema(max_length = 200, default = "")]
    pub description: String,
    #[schema(value_type = Vec<WebhookTopic>, min_items = 1, max_items = 50)]
    pub events: Vec<Topic>,
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// A change; what is left out or null stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookUpdate {
    #[schema(min_length = 1, max_length = 2000)]
    pub url: Option<String>,
    #[schema(max_length = 200)]
    pub description: Option<String>,
    #[schema(value_type = Option<Vec<WebhookTopic>>, min_items = 1, max_items = 50)]
    pub events: Option<Vec<Topic>>,
    /// Turning it on forgets that it failed. What happens while it is off is not told later.
    pub enabled: Option<bool>,
}

/// Which messages to send again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookReplay {
    /// Those that failed and were made since.
    pub since: DateTime<Utc>,
}

/// How many go out again.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookReplayed {
    /// At most 10,000: call again while it is that many.
    pub messages: i64,
}

/// A request to a webhook: up to 100 events of one kind.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookMessage {
    pub id: Uuid,
    /// The header `webhook-id`.
    #[schema(example = "msg_0192f0c17c1e7d3a9b1e5d2f6a7b8c9d")]
    pub message_id: String,
    /// Kind of the events; `webhook.test` of a test.
    #[serde(rename = "type")]
    pub topic: String,
    pub event_count: i32,
    #[schema(value_type = WebhookMessageState)]
    pub state: State,
    /// Why it failed for good.
    #[schema(value_type = Option<WebhookFailReason>)]
    pub reason: Option<FailReason>,
    pub attempts: i32,
    /// When it is tried (again).
    pub due_at: Option<DateTime<Utc>>,
    /// HTTP status of the last answer; null when there was none, `error` says why.
    pub status: Option<i16>,
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<log::Message> for WebhookMessage {
    fn from(row: log::Message) -> Self {
        Self {
            id: row.id.0,
            message_id: webhook::sign::message_id(row.id),
            topic: row.topic,
            event_count: row.event_count,
            state: row.state,
            reason: row.reason,
            attempts: row.attempts,
            due_at: row.due_at,
            status: row.status,
            error: row.error,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

/// A message with what was sent and what was answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookMessageDetail {
    #[serde(flatten)]
    pub message: WebhookMessage,
    /// As it is sent, byte for byte.
    pub body: String,
    /// The newest first, at most 100.
    pub tries: Vec<WebhookAttempt>,
}

/// One try.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookAttempt {
    pub number: i32,
    pub at: DateTime<Utc>,
    pub duration_ms: i32,
    pub status: Option<i16>,
    pub error: Option<String>,
    /// The first 2 kB of the answer: hostile input.
    pub answer: String,
}

impl From<log::Whole> for WebhookMessageDetail {
    fn from(whole: log::Whole) -> Self {
        let tries = whole.attempts.into_iter().map(|row| WebhookAttempt {
            number: row.number,
            at: row.at,
            duration_ms: row.duration_ms,
            status: row.status,
            error: row.error,
            answer: row.answer,
        });
        Self {
            message: whole.message.into(),
            body: whole.body,
            tries: tries.collect(),
        }
    }
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessageQuery {
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
    #[param(value_type = Option<WebhookMessageState>)]
    pub state: Option<State>,
    /// A kind of event.
    #[serde(rename = "type")]
    #[param(max_length = 64)]
    pub topic: Option<String>,
}
