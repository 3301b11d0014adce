//! What webhooks receive, for the document: the events that the database puts
//! into the outbox (`tell_webhooks`), each kind with its schema.

#![expect(
    dead_code,
    reason = "described here, written by functions of the database"
)]

use chrono::{DateTime, Utc};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{
    ArrayBuilder, ContentBuilder, ObjectBuilder, PathItem, Paths, PathsBuilder, Ref, RefOr,
    Required, ResponseBuilder, Schema, Type,
};
use uuid::Uuid;

use domain::webhook::{TEST, Topic};

/// A mail that a server took, refused, or that was given up after 72 hours.
#[derive(ToSchema)]
pub struct WebhookDeliveryEvent {
    delivery_id: Uuid,
    campaign_id: Uuid,
    contact_id: Uuid,
    email: String,
    message_id: Option<String>,
    /// Why it failed; null when it was accepted.
    reason: Option<String>,
    attempts: i32,
    /// Last words of the receiving server: hostile input.
    reply: WebhookReply,
    at: DateTime<Utc>,
}

/// What the receiving server said.
#[derive(ToSchema)]
pub struct WebhookReply {
    code: Option<i32>,
    enhanced: Option<String>,
    text: Option<String>,
    host: Option<String>,
}

/// A bounce or a complaint about a mail.
#[derive(ToSchema)]
pub struct WebhookReturnEvent {
    event_id: Uuid,
    campaign_id: Uuid,
    delivery_id: Uuid,
    contact_id: Uuid,
    /// Null when the contact is gone.
    email: Option<String>,
    /// What the report said, as the timeline of the contact shows it.
    #[schema(value_type = Option<Object>)]
    detail: Value,
    at: DateTime<Utc>,
}

/// A person opened a mail, or clicked a link of it. Machines are left out, as far as
/// they are known when it happens: a scanner's first click may have been told by the time its haste shows.
#[derive(ToSchema)]
pub struct WebhookReadEvent {
    event_id: Uuid,
    campaign_id: Uuid,
    delivery_id: Uuid,
    contact_id: Uuid,
    /// Null when the contact is gone.
    email: Option<String>,
    /// Of a click: the number of the link, and where it leads (merge fields unfilled).
    link_number: Option<i32>,
    url: Option<String>,
    at: DateTime<Utc>,
}

/// A contact as it is after the change.
#[derive(ToSchema)]
pub struct WebhookContactEvent {
    contact_id: Uuid,
    email: String,
    name: String,
    status: String,
    /// Own fields by key.
    #[schema(value_type = Object)]
    fields: Value,
    source: String,
    at: DateTime<Utc>,
}

/// A contact that is gone.
#[derive(ToSchema)]
pub struct WebhookContactDeletedEvent {
    contact_id: Uuid,
    email: String,
    at: DateTime<Utc>,
}

/// A contact joined or left a list.
#[derive(ToSchema)]
pub struct WebhookListEvent {
    list_id: Uuid,
    list_name: Option<String>,
    contact_id: Uuid,
    email: Option<String>,
    source: String,
    at: DateTime<Utc>,
}

/// A campaign moved on.
#[derive(ToSchema)]
pub struct WebhookCampaignEvent {
    campaign_id: Uuid,
    name: String,
    state: String,
    /// Why the service paused or stopped it; null when a person did.
    reason: Option<String>,
    at: DateTime<Utc>,
}

/// An import came to its end.
#[derive(ToSchema)]
pub struct WebhookImportEvent {
    import_id: Uuid,
    filename: String,
    /// `done`, `failed` or `cancelled`.
    state: String,
    /// As `get_import` answers them.
    #[schema(value_type = Option<Object>)]
    counts: Value,
    at: DateTime<Utc>,
}

/// Somebody confirmed a sign-up by mail.
#[derive(ToSchema)]
pub struct WebhookSignupEvent {
    signup_id: Uuid,
    signup_address_id: Uuid,
    contact_id: Option<Uuid>,
    email: String,
    at: DateTime<Utc>,
}

/// A check found a DNS record of a sender domain otherwise than before.
#[derive(ToSchema)]
pub struct WebhookSenderDomainEvent {
    sender_domain_id: Uuid,
    domain: String,
    /// `spf`, `dmarc` or `dkim`.
    record: String,
    /// Of DKIM.
    selector: Option<String>,
    /// `unchecked`, `ok`, `missing` or `differs`.
    before: String,
    after: String,
    at: DateTime<Utc>,
}

/// What the button sends.
#[derive(ToSchema)]
pub struct WebhookTestEvent {
    webhook_id: Uuid,
    text: String,
    at: DateTime<Utc>,
}

fn schema(topic: Topic) -> &'static str {
    use Topic as T;
    match topic {
        T::DeliveryAccepted | T::DeliveryFailed | T::DeliveryGivenUp => "WebhookDeliveryEvent",
        T::DeliveryBounced | T::DeliveryComplained => "WebhookReturnEvent",
        T::MessageOpened | T::MessageClicked => "WebhookReadEvent",
        T::ContactCreated | T::ContactUpdated | T::ContactUnsubscribed | T::ContactResubscribed => {
            "WebhookContactEvent"
        }
        T::ContactDeleted => "WebhookContactDeletedEvent",
        T::ListSubscribed | T::ListUnsubscribed => "WebhookListEvent",
        T::CampaignStarted
        | T::CampaignPaused
        | T::CampaignResumed
        | T::CampaignStopped
        | T::CampaignFinished => "WebhookCampaignEvent",
        T::ImportFinished => "WebhookImportEvent",
        T::SignupConfirmed => "WebhookSignupEvent",
        T::SenderDomainHealthChanged => "WebhookSenderDomainEvent",
    }
}

/// The section `webhooks` of the document.
pub fn webhooks() -> Paths {
    let all = Topic::ALL
        .iter()
        .map(|topic| (topic.as_str(), schema(*topic)))
        .chain([(TEST, "WebhookTestEvent")]);
    let add = |paths: PathsBuilder, (topic, schema): (&str, &str)| {
        paths.path(
            topic,
            PathItem::new(HttpMethod::Post, operation(topic, schema)),
        )
    };
    all.fold(PathsBuilder::new(), add).build()
}

fn operation(topic: &str, schema: &str) -> Operation {
    let of = |kind| ObjectBuilder::new().schema_type(kind);
    let data = ArrayBuilder::new()
        .items(Ref::from_schema_name(schema))
        .min_items(Some(1))
        .max_items(Some(100))
        .build();
    let body = of(Type::Object)
        .property("type", of(Type::String).enum_values(Some([topic])))
        .required("type")
        .property("timestamp", of(Type::String).description(Some("RFC 3339")))
        .required("timestamp")
        .property("data", Schema::Array(data))
        .required("data")
        .build();
    let content = ContentBuilder::new()
        .schema(Some(RefOr::T(Schema::Object(body))))
        .build();
    let request = RequestBodyBuilder::new()
        .content("application/json", content)
        .required(Some(Required::True))
        .build();
    let taken = ResponseBuilder::new()
        .description("Taken. Anything but 2xx is sent again, 410 turns the webhook off")
        .build();
    OperationBuilder::new()
        .operation_id(Some(format!("receive_{}", topic.replace('.', "_"))))
        .summary(Some(topic))
        .tag("webhooks")
        .parameters(Some(headers()))
        .request_body(Some(request))
        .response("2XX", taken)
        .build()
}

fn headers() -> [Parameter; 3] {
    let header = |name: &str, description: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(description))
            .schema(Some(Schema::Object(
                ObjectBuilder::new().schema_type(Type::String).build(),
            )))
            .build()
    };
    [
        header(
            "webhook-id",
            "The same each time that the message is sent: pass over one that you had",
        ),
        header(
            "webhook-timestamp",
            "Seconds since 1970 of this try: refuse one older than five minutes",
        ),
        header(
            "webhook-signature",
            "`v1,` and base64 of HMAC-SHA-256 over id.timestamp.body; several with spaces between while the secret rotates",
        ),
    ]
}
