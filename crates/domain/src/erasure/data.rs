//! Everything that the database holds of one person, for the person: the
//! answer to a request for one's own data. Bounded: of mails and events the
//! newest 10,000 of each.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Jsonb, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::contact::{self, Contact};
use crate::db::Db;
use crate::error::Result;
use crate::ids::{ContactId, TenantId};

/// Rows of each kind.
pub(super) const MOST: i64 = 10_000;

/// One person's data.
#[derive(Debug, Clone)]
pub struct PersonalData {
    pub at: DateTime<Utc>,
    pub contact: Contact,
    /// Kind of row to rows, newest first.
    pub rows: Vec<(&'static str, Value)>,
}

/// Kinds of rows: name and select. $1 tenant, $2 contact, $3 address key, $4 rows.
const KINDS: [(&str, &str); 7] = [
    (
        "subscriptions",
        "SELECT l.name AS list, s.status, s.source, s.since FROM subscription s
         JOIN list l ON l.tenant_id = s.tenant_id AND l.id = s.list_id
         WHERE s.tenant_id = $1 AND s.contact_id = $2 AND $3 IS NOT NULL ORDER BY s.since DESC LIMIT $4",
    ),
    (
        "subscription_history",
        "SELECT l.name AS list, e.status, e.source, e.at FROM subscription_event e
         LEFT JOIN list l ON l.tenant_id = e.tenant_id AND l.id = e.list_id
         WHERE e.tenant_id = $1 AND e.contact_id = $2 AND $3 IS NOT NULL ORDER BY e.at DESC LIMIT $4",
    ),
    (
        "consents",
        "SELECT address, kind, source, wording, form_version, host(ip) AS ip, user_agent, at FROM consent
         WHERE tenant_id = $1 AND contact_id = $2 AND $3 IS NOT NULL ORDER BY at DESC LIMIT $4",
    ),
    (
        "mails",
        "SELECT c.name AS campaign, d.address, d.state, d.reason, d.message_id, d.reply_text, d.merge AS values,
                d.created_at, d.accepted_at, d.opened_at, d.clicked_at, d.bounced_at, d.cancelled_at
         FROM delivery d JOIN campaign c ON c.tenant_id = d.tenant_id AND c.id = d.campaign_id
         WHERE d.tenant_id = $1 AND d.contact_id = $2 AND $3 IS NOT NULL ORDER BY d.created_at DESC LIMIT $4",
    ),
    (
        "events",
        "SELECT kind, at, machine, machine_rule, host(ip) AS ip, user_agent, detail FROM event
         WHERE tenant_id = $1 AND contact_id = $2 AND $3 IS NOT NULL ORDER BY at DESC LIMIT $4",
    ),
    (
        "sequences",
        "SELECT s.name AS sequence, e.state, e.reason, e.source, e.starts_at, e.ended_at FROM sequence_enrolment e
         JOIN sequence s ON s.tenant_id = e.tenant_id AND s.id = e.sequence_id
         WHERE e.tenant_id = $1 AND e.contact_id = $2 AND $3 IS NOT NULL ORDER BY e.created_at DESC LIMIT $4",
    ),
    (
        "sign_ups_and_block_list",
        "SELECT * FROM (
            SELECT 'sign_up' AS kind, email AS value, created_at AS at, confirmed_at::text AS detail FROM signup
            WHERE tenant_id = $1 AND email_key = $3 AND $2 IS NOT NULL
            UNION ALL
            SELECT 'blocked', value, created_at, reason FROM suppression
            WHERE tenant_id = $1 AND kind = 'address' AND value = $3) both_of_them ORDER BY at DESC LIMIT $4",
    ),
];

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = Jsonb)]
    rows: Value,
}

/// All data of a contact.
///
/// # Errors
/// Forbidden without `contacts.export`, not found.
pub async fn export(db: &Db, actor: &Actor, id: ContactId) -> Result<PersonalData> {
    actor.require(Permission::ContactsExport)?;
    actor.require_step_up()?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let contact = contact::find(tx, tenant, id).await?;
        let mut rows = Vec::new();
        for (name, select) in KINDS {
            rows.push((name, load(tx, tenant, &contact, select).await?));
        }
        let entry = audit::Entry {
            action: "contact.data_exported",
            subject_kind: "contact",
            subject_id: Some(id.0),
            after: Some(json!({
                "rows": rows.iter().map(|(_, rows)| rows.as_array().map_or(0, Vec::len)).sum::<usize>()
            })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        Ok(PersonalData {
            at: db.now(),
            contact,
            rows,
        })
    })
    .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "fixed selects whose rows become one JSON array each; every value is bound"
)]
async fn load(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contact: &Contact,
    select: &str,
) -> Result<Value> {
    let sql = format!("SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') AS rows FROM ({select}) r");
    let row: Rows = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(contact.id)
        .bind::<Text, _>(&contact.email_key)
        .bind::<BigInt, _>(MOST)
        .get_result(tx)
        .await?;
    Ok(row.rows)
}
