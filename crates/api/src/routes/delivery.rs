//! What became of each mail of a campaign.

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use chrono::{DateTime, Utc};
use domain::campaign::kind::Kind;
use domain::delivery::read::{
    self, DeliveryFilter, DeliveryState as State, EventKind as EventWord,
};
use domain::delivery::resend;
use domain::event::machine::MachineRule as Rule;
use domain::ids::{CampaignId, DeliveryId};
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Caller, Id, PageOf, QueryOf, code, search};
use crate::middleware::access::shows;
use crate::problems::{ActionProblems, GetListProblems, GetProblems};
use crate::state::AppState;
use crate::words::{DeliveryState, EventKind, MachineRule, SendingKind};

/// What the receiving side said last. Hostile input: show it as text.
#[derive(Debug, Serialize, ToSchema)]
pub struct SmtpReply {
    /// Null when no server answered; the text is then the service's own.
    #[schema(example = 550)]
    pub code: Option<i16>,
    /// RFC 3463 status.
    #[schema(example = "5.1.1")]
    pub enhanced: Option<String>,
    #[schema(example = "5.1.1 User unknown")]
    pub text: String,
    /// Name of the server that said it.
    #[schema(example = "mx.example.jp")]
    pub host: Option<String>,
    /// When that attempt ended.
    pub at: Option<DateTime<Utc>>,
}

/// One mail to one person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delivery {
    pub id: Uuid,
    /// Null when the contact was deleted since.
    pub contact_id: Option<Uuid>,
    /// The address that it was sent to.
    #[schema(example = "taro@example.jp")]
    pub address: String,
    /// The contact's name now.
    #[schema(example = "髙橋 太郎")]
    pub name: Option<String>,
    #[schema(value_type = DeliveryState)]
    pub state: State,
    /// Why it was left out, failed, put off or is unknown: a stable code.
    #[schema(example = "rejected")]
    pub reason: Option<String>,
    #[schema(example = 1)]
    pub attempts: i16,
    pub last_reply: Option<SmtpReply>,
    /// When it is tried next.
    pub due_at: Option<DateTime<Utc>>,
    /// When the receiving server took it; whether it was read, nobody can know from that.
    pub accepted_at: Option<DateTime<Utc>>,
    /// First open by a person, as far as machines can be told from people.
    pub opened_at: Option<DateTime<Utc>>,
    pub clicked_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
}

impl From<read::Delivery> for Delivery {
    fn from(row: read::Delivery) -> Self {
        Self {
            id: row.id.0,
            contact_id: row.contact_id.map(|id| id.0),
            address: row.address,
            name: row.name,
            state: row.state,
            reason: row.reason,
            attempts: row.attempts,
            last_reply: row.last_reply.map(|reply| SmtpReply {
                code: reply.code,
                enhanced: reply.enhanced,
                text: reply.text,
                host: reply.host,
                at: reply.at,
            }),
            due_at: row.due_at,
            accepted_at: row.accepted_at,
            opened_at: row.opened_at,
            clicked_at: row.clicked_at,
            cancelled_at: row.cancelled_at,
        }
    }
}

/// Something that came back of a mail.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryEvent {
    pub id: Uuid,
    #[schema(value_type = EventKind)]
    pub kind: EventWord,
    /// A prefetch or a scanner did it, not the person.
    pub machine: bool,
    /// By which rule; null also for a machine's of before rules were kept.
    #[schema(value_type = Option<MachineRule>)]
    pub machine_rule: Option<Rule>,
    pub at: DateTime<Utc>,
    /// Of a machine's: how long after the acceptance of the mail.
    #[schema(example = 2)]
    pub seconds_after_acceptance: Option<i64>,
    /// Of a click: where the link leads, its merge fields unfilled.
    pub url: Option<String>,
    /// As the other side said; hostile input.
    pub user_agent: Option<String>,
    /// Of a machine's: where it came from.
    #[schema(example = "203.0.113.5")]
    pub ip: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Value>,
}

/// A delivery with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryDetail {
    #[serde(flatten)]
    pub delivery: Delivery,
    /// What sent it.
    #[schema(value_type = SendingKind)]
    pub kind: Kind,
    /// Of a transactional mail: the row under which its mail's sends are gathered.
    pub campaign_id: Uuid,
    /// Of a transactional mail: the mail's name.
    pub campaign_name: String,
    /// Domain of the address.
    #[schema(example = "example.jp")]
    pub site: Option<String>,
    /// Without angle brackets.
    pub message_id: Option<String>,
    /// When the audience was frozen.
    pub created_at: DateTime<Utc>,
    /// When the last attempt ended.
    pub attempted_at: Option<DateTime<Utc>>,
    /// Newest first, at most 200.
    pub events: Vec<DeliveryEvent>,
}

impl From<read::DeliveryDetail> for DeliveryDetail {
    fn from(found: read::DeliveryDetail) -> Self {
        let event = |event: read::Event| DeliveryEvent {
            id: event.id.0,
            kind: event.kind,
            machine: event.machine,
            machine_rule: event.machine_rule,
            at: event.at,
            seconds_after_acceptance: event.seconds_after,
            url: event.url,
            user_agent: event.user_agent,
            ip: event.ip,
            detail: event.detail,
        };
        Self {
            kind: found.kind,
            campaign_id: found.delivery.campaign_id.0,
            campaign_name: found.campaign_name,
            site: found.site,
            message_id: found.message_id,
            created_at: found.created_at,
            attempted_at: found.attempted_at,
            events: found.events.into_iter().map(event).collect(),
            delivery: found.delivery.into(),
        }
    }
}

/// Which deliveries, which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeliveryQuery {
    #[param(inline, value_type = Option<DeliveryState>)]
    pub state: Option<State>,
    /// A stable code.
    #[param(max_length = 64, example = "rejected")]
    pub reason: Option<String>,
    /// Whether a person opened it.
    pub opened: Option<bool>,
    /// Whether a person clicked in it.
    pub clicked: Option<bool>,
    /// Words, each a part of the contact's address or name; all must be found.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// Rows in the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config
        .service(list_campaign_deliveries)
        .service(get_delivery);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_campaign_deliveries)
        .service(get_delivery)
        .service(resend_delivery);
}

/// Mails of a campaign, one for each person of its audience
#[utoipa::path(
    tag = "deliveries", operation_id = "list_campaign_deliveries",
    params(("id" = Uuid, Path, description = "Campaign"), DeliveryQuery),
    responses((status = 200, body = PageOf<Delivery>, description = "A page; none before the audience is frozen"), GetListProblems)
)]
#[get("/campaigns/{id}/deliveries")]
async fn list_campaign_deliveries(
    state: Data<AppState>,
    user: Caller,
    id: Id<CampaignId>,
    query: QueryOf<DeliveryQuery>,
) -> ApiResult<Json<PageOf<Delivery>>> {
    let QueryOf(query) = query;
    let filter = DeliveryFilter {
        state: query.state,
        reason: code("/reason", query.reason)?,
        opened: query.opened,
        clicked: query.clicked,
        q: search(query.q, 200)?,
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = read::list(&state.db, &user, id.0, &filter, &page).await?;
    Ok(Json(PageOf::from_page(page, Delivery::from)))
}

/// One mail, with what the receiving side said and what came back
#[utoipa::path(
    tag = "deliveries", operation_id = "get_delivery",
    params(("id" = Uuid, Path, description = "Delivery")),
    responses((status = 200, body = DeliveryDetail, description = "The delivery"), GetProblems)
)]
#[get("/deliveries/{id}")]
async fn get_delivery(
    state: Data<AppState>,
    user: Caller,
    id: Id<DeliveryId>,
) -> ApiResult<Json<DeliveryDetail>> {
    let found = read::get(&state.db, &user, id.0).await?;
    shows(found.delivery.contact_id);
    Ok(Json(found.into()))
}

/// Send one mail again
///
/// A transactional mail, or a sequence's, of which nobody knows whether it arrived, or that failed. A campaign's mails
/// are sent again as a whole (`resend_campaign`). 409 when it is under way already, or may not go out any more.
#[utoipa::path(
    tag = "deliveries", operation_id = "resend_delivery",
    params(("id" = Uuid, Path, description = "Delivery")),
    responses((status = 200, body = DeliveryDetail, description = "Queued"), ActionProblems)
)]
#[post("/deliveries/{id}/resend")]
async fn resend_delivery(
    state: Data<AppState>,
    user: Caller,
    id: Id<DeliveryId>,
) -> ApiResult<Json<DeliveryDetail>> {
    Ok(Json(resend::resend(&state.db, &user, id.0).await?.into()))
}
