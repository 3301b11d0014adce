//! Everything that happened with one person.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use domain::contact::timeline::{self, Happening};
use domain::event::machine::MachineRule as Rule;
use domain::ids::ContactId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Caller, Id, PageOf, PageQuery, QueryOf};
use crate::problems::GetListProblems;
use crate::state::AppState;
use crate::words::{MachineRule, TimelineKind};

/// One thing that happened with a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineEntry {
    /// Of the row that tells it.
    pub id: Uuid,
    pub at: DateTime<Utc>,
    #[schema(value_type = TimelineKind)]
    pub kind: Happening,
    pub summary: TimelineSummary,
}

/// What the entry is about; only what it has is there.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineSummary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_name: Option<String>,
    /// Of a click: where the link leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "cancel_page")]
    pub source: Option<String>,
    /// A stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a server said; hostile input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// Wording of a consent, or the blocked value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A prefetch or a scanner did it, not the person.
    pub machine: bool,
    /// By which rule; missing also for a machine's of before rules were kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MachineRule>)]
    pub machine_rule: Option<Rule>,
    /// Of a machine's: what it called itself; hostile input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Of a machine's: where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "203.0.113.5")]
    pub ip: Option<String>,
    /// Of a machine's: how long after the acceptance of the mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2)]
    pub seconds_after_acceptance: Option<i64>,
}

impl From<timeline::TimelineEntry> for TimelineEntry {
    fn from(row: timeline::TimelineEntry) -> Self {
        let seconds_after_acceptance = row.seconds_after();
        Self {
            id: row.id,
            at: row.at,
            kind: row.kind,
            summary: TimelineSummary {
                campaign_id: row.campaign_id.map(|id| id.0),
                campaign_name: row.campaign_name,
                delivery_id: row.delivery_id.map(|id| id.0),
                list_id: row.list_id.map(|id| id.0),
                list_name: row.list_name,
                url: row.url,
                source: row.source,
                reason: row.reason,
                reply: row.reply,
                detail: row.detail,
                machine: row.machine,
                machine_rule: row.machine_rule,
                user_agent: row.user_agent,
                ip: row.ip,
                seconds_after_acceptance,
            },
        }
    }
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config.service(list_contact_timeline);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_contact_timeline);
}

/// Everything that happened with a contact, newest first
#[utoipa::path(
    tag = "contacts", operation_id = "list_contact_timeline",
    params(("id" = Uuid, Path, description = "Contact"), PageQuery),
    responses((status = 200, body = PageOf<TimelineEntry>, description = "A page"), GetListProblems)
)]
#[get("/contacts/{id}/timeline")]
async fn list_contact_timeline(
    state: Data<AppState>,
    user: Caller,
    id: Id<ContactId>,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<TimelineEntry>>> {
    let page = timeline::list(&state.db, &user, id.0, &(&query.0).into()).await?;
    Ok(Json(PageOf::from_page(page, TimelineEntry::from)))
}
