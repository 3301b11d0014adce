//! What became of each mail, for people to look at: pages of a campaign's
//! deliveries, and one delivery with all that is known of it.

mod queries;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde_json::Value;

use crate::actor::{Actor, Permission};
use crate::campaign;
use crate::campaign::kind::Kind;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::event::machine::MachineRule;
use crate::ids::{CampaignId, ContactId, DeliveryId, EventId, TenantId};
use crate::page::{Page, PageRequest};
use crate::schema::delivery;
use crate::text_enum::text_enum;

pub(crate) use queries::{names, page_of, rows_of};

/// Cursors of the lists; ids are in the order in which the audience was frozen.
const SORT: &str = "id";
/// Events of one delivery that are shown, newest first. Machines that fetch the
/// same picture all day would fill more.
pub const MAX_EVENTS: i64 = 200;

text_enum! {
    /// Where one mail to one person stands.
    pub enum DeliveryState {
        Queued = "queued",
        /// In the hands of a mailer.
        Claimed = "claimed",
        /// The receiving server took it; more nobody can know.
        Accepted = "accepted",
        /// To be tried again at its due time.
        Deferred = "deferred",
        Failed = "failed",
        /// The line was cut before the answer came.
        Unknown = "unknown",
        /// Left out, with the reason.
        Skipped = "skipped",
    }
}

text_enum! {
    /// What came back of a delivery.
    pub enum EventKind {
        Open = "open",
        Click = "click",
        Bounce = "bounce",
        Complaint = "complaint",
        Cancel = "cancel",
    }
}

/// Which deliveries of a campaign; conditions that are left out hold for all.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    pub state: Option<DeliveryState>,
    /// A stable code, for example `rejected`.
    pub reason: Option<String>,
    /// Whether a person opened it.
    pub opened: Option<bool>,
    /// Whether a person clicked in it.
    pub clicked: Option<bool>,
    /// Words, each a part of the contact's address or name; all must be found.
    pub q: Option<String>,
}

/// A delivery as its row has it.
#[derive(Debug, Clone, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = delivery)]
pub(crate) struct Row {
    pub(crate) id: DeliveryId,
    pub(crate) campaign_id: CampaignId,
    pub(crate) contact_id: ContactId,
    pub(crate) address: String,
    pub(crate) state: DeliveryState,
    pub(crate) reason: Option<String>,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) attempts: i16,
    pub(crate) site: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) reply_code: Option<i16>,
    pub(crate) reply_enhanced: Option<String>,
    pub(crate) reply_text: Option<String>,
    pub(crate) reply_host: Option<String>,
    pub(crate) attempted_at: Option<DateTime<Utc>>,
    pub(crate) accepted_at: Option<DateTime<Utc>>,
    pub(crate) opened_at: Option<DateTime<Utc>>,
    pub(crate) clicked_at: Option<DateTime<Utc>>,
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
}

/// What the receiving side said last. Hostile input: show it as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastReply {
    /// `None` when no server answered (the text is then our own).
    pub code: Option<i16>,
    /// RFC 3463 status.
    pub enhanced: Option<String>,
    pub text: String,
    pub host: Option<String>,
    /// When that attempt ended.
    pub at: Option<DateTime<Utc>>,
}

/// One mail to one person.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: DeliveryId,
    pub campaign_id: CampaignId,
    /// `None` when the contact was deleted since.
    pub contact_id: Option<ContactId>,
    /// The contact's name now.
    pub name: Option<String>,
    /// The address that it was sent to.
    pub address: String,
    pub state: DeliveryState,
    /// Why skipped, failed, unknown or put off: a stable code.
    pub reason: Option<String>,
    pub attempts: i16,
    pub last_reply: Option<LastReply>,
    /// When it is tried next.
    pub due_at: Option<DateTime<Utc>>,
    pub accepted_at: Option<DateTime<Utc>>,
    /// First open by a person, as far as machines can be told from people.
    pub opened_at: Option<DateTime<Utc>>,
    pub clicked_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
}

impl Delivery {
    pub(crate) fn new(row: Row, name: Option<String>) -> Self {
        let last_reply =
            (row.reply_code.is_some() || row.reply_text.is_some()).then(|| LastReply {
                code: row.reply_code,
                enhanced: row.reply_enhanced,
                text: row.reply_text.unwrap_or_default(),
                host: row.reply_host.filter(|host| !host.is_empty()),
                at: row.attempted_at,
            });
        Self {
            id: row.id,
            campaign_id: row.campaign_id,
            contact_id: name.is_some().then_some(row.contact_id),
            name,
            address: row.address,
            state: row.state,
            reason: row.reason,
            attempts: row.attempts,
            last_reply,
            due_at: row.due_at,
            accepted_at: row.accepted_at,
            opened_at: row.opened_at,
            clicked_at: row.clicked_at,
            cancelled_at: row.cancelled_at,
        }
    }
}

/// Something that came back of a delivery.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: EventId,
    pub kind: EventKind,
    /// By our rules a prefetch or a scanner did it, not a person.
    pub machine: bool,
    /// By which; `None` also for a machine's of before rules were kept.
    pub machine_rule: Option<MachineRule>,
    pub at: DateTime<Utc>,
    /// Of a machine's: after the acceptance of the mail.
    pub seconds_after: Option<i64>,
    /// Of a click: where the link leads, its merge fields unfilled.
    pub url: Option<String>,
    /// As the other side said; hostile input.
    pub user_agent: Option<String>,
    /// Of a machine's: where it came from.
    pub ip: Option<String>,
    pub detail: Option<Value>,
}

/// A delivery with all that is known of it.
#[derive(Debug, Clone)]
pub struct DeliveryDetail {
    pub delivery: Delivery,
    /// Whether a campaign sent it or a call of the API.
    pub kind: Kind,
    /// Of a transactional mail: the mail's name.
    pub campaign_name: String,
    /// Domain of the address.
    pub site: Option<String>,
    /// Without angle brackets.
    pub message_id: Option<String>,
    /// When the audience was frozen.
    pub created_at: DateTime<Utc>,
    /// When the last attempt ended.
    pub attempted_at: Option<DateTime<Utc>>,
    /// Newest first, at most [`MAX_EVENTS`].
    pub events: Vec<Event>,
}

/// Pages the deliveries of a campaign, in the order in which its audience was frozen.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`] for page or search.
pub async fn list(
    db: &Db,
    actor: &Actor,
    campaign: CampaignId,
    filter: &DeliveryFilter,
    page: &PageRequest,
) -> Result<Page<Delivery>> {
    actor.require(Permission::CampaignsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor(SORT)?);
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let row = campaign::find(tx, tenant, campaign).await?;
        let after = cursor.map(|c| DeliveryId(c.id));
        let deliveries = page_of(tx, tenant, &row, filter, after, limit + 1).await?;
        Ok(Page::cut(deliveries, limit, SORT, |d: &Delivery| {
            (String::new(), d.id.0)
        }))
    })
    .await
}

/// One delivery with its events.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: DeliveryId) -> Result<DeliveryDetail> {
    actor.require(Permission::CampaignsRead)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| load(tx, tenant, id).await)
        .await
}

/// As [`get`], in the caller's transaction.
pub(crate) async fn load(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DeliveryId,
) -> Result<DeliveryDetail> {
    let found = queries::find(tx, tenant, id)
        .await?
        .ok_or_else(|| DomainError::not_found("delivery"))?;
    let row = found.delivery;
    let names = queries::names(tx, tenant, &[row.contact_id]).await?;
    let events = queries::events(tx, tenant, &row).await?;
    Ok(DeliveryDetail {
        kind: found.kind,
        campaign_name: found.campaign_name,
        site: row.site.clone(),
        message_id: row.message_id.clone(),
        created_at: row.created_at,
        attempted_at: row.attempted_at,
        delivery: Delivery::new(row.clone(), names.get(&row.contact_id).cloned()),
        events,
    })
}
