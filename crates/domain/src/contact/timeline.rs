//! Everything that happened with one person, newest first: made, changed,
//! subscribed, agreed, mailed, opened, cancelled, blocked. Each kind stands in
//! a table of its own; a page takes the newest of each after the cursor, by
//! that table's index, and keeps the newest of all.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::queries;
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::error::Result;
use crate::event::machine::{MachineRule, seconds_after};
use crate::ids::{CampaignId, ContactId, DeliveryId, ListId, TenantId};
use crate::page::{Page, PageRequest, time_key};
use crate::text_enum::text_enum;

const SORT: &str = "-at";

text_enum! {
    /// What happened.
    pub enum Happening {
        Created = "created",
        Imported = "imported",
        /// Somebody changed the contact.
        Updated = "updated",
        Subscribed = "subscribed",
        Unsubscribed = "unsubscribed",
        ConsentGiven = "consent_given",
        ConsentWithdrawn = "consent_withdrawn",
        /// A mail waits, or is in a mailer's hands.
        Queued = "queued",
        /// The receiving server took a mail.
        Accepted = "accepted",
        Deferred = "deferred",
        Failed = "failed",
        /// Whether a mail was taken is not known.
        Unknown = "unknown",
        /// Left out of a campaign.
        Skipped = "skipped",
        Opened = "opened",
        Clicked = "clicked",
        Bounced = "bounced",
        Complained = "complained",
        Cancelled = "cancelled",
        /// The address, or its domain, came onto the block-list.
        Suppressed = "suppressed",
    }
}

/// One thing that happened.
#[derive(Debug, Clone, QueryableByName)]
pub struct TimelineEntry {
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// Of the row that tells it; tells two entries of one moment apart.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Text)]
    pub kind: Happening,
    /// `None` also for what has no page of its own: transactional mails.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub campaign_id: Option<CampaignId>,
    #[diesel(sql_type = Nullable<Text>)]
    pub campaign_name: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub delivery_id: Option<DeliveryId>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub list_id: Option<ListId>,
    #[diesel(sql_type = Nullable<Text>)]
    pub list_name: Option<String>,
    /// Of a click: where the link leads.
    #[diesel(sql_type = Nullable<Text>)]
    pub url: Option<String>,
    /// Where it came from: `manual`, `import:<id>`, `form:<id>`, `cancel_page` …
    #[diesel(sql_type = Nullable<Text>)]
    pub source: Option<String>,
    /// Why a mail was left out or failed, or an address blocked: a stable code.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    /// What a server said; hostile input.
    #[diesel(sql_type = Nullable<Text>)]
    pub reply: Option<String>,
    /// Wording of a consent, or the blocked value.
    #[diesel(sql_type = Nullable<Text>)]
    pub detail: Option<String>,
    /// Of an open or click: a prefetch or scanner did it, not the person.
    #[diesel(sql_type = Bool)]
    pub machine: bool,
    /// By which rule; `None` also for a machine's of before rules were kept.
    #[diesel(sql_type = Nullable<Text>)]
    pub machine_rule: Option<MachineRule>,
    /// Of a machine's: what it called itself; hostile input.
    #[diesel(sql_type = Nullable<Text>)]
    pub user_agent: Option<String>,
    /// Of a machine's: where it came from.
    #[diesel(sql_type = Nullable<Text>)]
    pub ip: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    accepted_at: Option<DateTime<Utc>>,
}

impl TimelineEntry {
    /// Of a machine's: how long after the acceptance of the mail.
    #[must_use]
    pub fn seconds_after(&self) -> Option<i64> {
        seconds_after(self.accepted_at, self.at)
    }
}

/// Pages what happened with a contact.
///
/// # Errors
/// Forbidden, not found, invalid for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    contact: ContactId,
    page: &PageRequest,
) -> Result<Page<TimelineEntry>> {
    actor.require(Permission::ContactsRead)?;
    let (limit, tenant) = (page.limit()?, actor.tenant_id);
    let cursor = page.cursor(SORT)?;
    let before = match &cursor {
        Some(cursor) => (cursor.time()?, cursor.id),
        // After everything: a clock that was set back hides nothing.
        None => (db.now() + TimeDelta::days(36_500), Uuid::max()),
    };
    db.tenant(tenant, async |tx| {
        let person = queries::find(tx, tenant, contact).await?;
        let entries = entries(tx, tenant, contact, &person.email_key, before, limit + 1).await?;
        Ok(Page::cut(entries, limit, SORT, |entry: &TimelineEntry| {
            (time_key(entry.at), entry.id)
        }))
    })
    .await
}

/// One source: its columns in the order of [`TimelineEntry`], bounded by the cursor.
macro_rules! source {
    ($at:literal, $id:literal, $columns:literal, $from:literal) => {
        concat!(
            "(SELECT ",
            $at,
            " AS at, ",
            $id,
            " AS id, ",
            $columns,
            " FROM ",
            $from,
            " AND (",
            $at,
            ", ",
            $id,
            ") < ($3, $4) ORDER BY ",
            $at,
            " DESC, ",
            $id,
            " DESC LIMIT $5)"
        )
    };
}

/// $1 tenant, $2 contact, $3 and $4 the cursor, $5 rows, $6 the address' key.
const SOURCES: &str = concat!(
    source!(
        "c.created_at", "c.id",
        "CASE WHEN c.source LIKE 'import:%' THEN 'imported' ELSE 'created' END AS kind,
         NULL::uuid AS campaign_id, NULL::text AS campaign_name, NULL::uuid AS delivery_id, NULL::uuid AS list_id,
         NULL::text AS list_name, NULL::text AS url, c.source AS source, NULL::text AS reason, NULL::text AS reply,
         NULL::text AS detail, false AS machine, NULL::text AS machine_rule, NULL::text AS user_agent, NULL::text AS ip,
         NULL::timestamptz AS accepted_at",
        "contact c WHERE c.tenant_id = $1 AND c.id = $2"
    ),
    " UNION ALL ",
    source!(
        "a.at", "a.id",
        "'updated', NULL, NULL, NULL, NULL, NULL, NULL, a.actor_kind, NULL, NULL, NULL, false, NULL, NULL, NULL, NULL",
        "audit_entry a WHERE a.tenant_id = $1 AND a.subject_id = $2 AND a.action = 'contact.updated'"
    ),
    " UNION ALL ",
    source!(
        "s.at", "s.id",
        "s.status, NULL, NULL, NULL, s.list_id, l.name, NULL, s.source, NULL, NULL, NULL, false, NULL, NULL, NULL, NULL",
        "subscription_event s LEFT JOIN list l ON l.tenant_id = $1 AND l.id = s.list_id
         WHERE s.tenant_id = $1 AND s.contact_id = $2"
    ),
    " UNION ALL ",
    source!(
        "n.at", "n.id",
        "'consent_' || n.kind, NULL, NULL, NULL, NULL, NULL, NULL, n.source, NULL, NULL, nullif(left(n.wording, 500), ''), false, NULL, NULL, NULL, NULL",
        "consent n WHERE n.tenant_id = $1 AND n.contact_id = $2"
    ),
    " UNION ALL ",
    source!(
        "coalesce(d.attempted_at, d.created_at)", "d.id",
        "CASE d.state WHEN 'claimed' THEN 'queued' ELSE d.state END,
         CASE WHEN g.kind <> 'campaign' THEN NULL ELSE d.campaign_id END, g.name, d.id, NULL, NULL, NULL, NULL,
         d.reason, CASE WHEN d.state <> 'accepted' THEN d.reply_text END, NULL, false, NULL, NULL, NULL, NULL",
        "delivery d LEFT JOIN campaign g ON g.tenant_id = $1 AND g.id = d.campaign_id
         WHERE d.tenant_id = $1 AND d.contact_id = $2"
    ),
    " UNION ALL ",
    source!(
        "e.at", "e.id",
        "CASE e.kind WHEN 'open' THEN 'opened' WHEN 'click' THEN 'clicked' WHEN 'bounce' THEN 'bounced'
              WHEN 'complaint' THEN 'complained' ELSE 'cancelled' END,
         CASE WHEN g.kind <> 'campaign' THEN NULL ELSE e.campaign_id END, g.name, e.delivery_id, NULL, NULL, k.url, NULL, e.detail ->> 'reason',
         CASE WHEN e.kind IN ('bounce', 'complaint') THEN e.detail ->> 'text' END, NULL, e.machine,
         e.machine_rule, CASE WHEN e.machine THEN e.user_agent END, CASE WHEN e.machine THEN host(e.ip) END,
         CASE WHEN e.machine THEN d.accepted_at END",
        "event e LEFT JOIN campaign g ON g.tenant_id = $1 AND g.id = e.campaign_id
         LEFT JOIN delivery d ON d.tenant_id = $1 AND d.period = g.period AND d.id = e.delivery_id
         LEFT JOIN link k ON k.tenant_id = $1 AND k.campaign_id = e.campaign_id AND k.number = e.link_number
         WHERE e.tenant_id = $1 AND e.contact_id = $2"
    ),
    " UNION ALL ",
    source!(
        "b.created_at", "b.id",
        "'suppressed', NULL, NULL, NULL, NULL, NULL, NULL, NULL, b.reason, NULL, b.value, false, NULL, NULL, NULL, NULL",
        "suppression b WHERE b.tenant_id = $1 AND (b.kind, b.value) IN
             (('address', $6), ('domain', substring($6 FROM '[^@]*$')))"
    )
);

#[expect(
    clippy::disallowed_methods,
    reason = "a union of ordered, bounded selects; fixed text, every value bound"
)]
async fn entries(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contact: ContactId,
    email_key: &str,
    before: (DateTime<Utc>, Uuid),
    rows: i64,
) -> Result<Vec<TimelineEntry>> {
    let sql = format!("SELECT * FROM ({SOURCES}) all_of_it ORDER BY at DESC, id DESC LIMIT $5");
    Ok(diesel::sql_query(sql)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(contact)
        .bind::<Timestamptz, _>(before.0)
        .bind::<SqlUuid, _>(before.1)
        .bind::<BigInt, _>(rows)
        .bind::<Text, _>(email_key)
        .load(tx)
        .await?)
}
