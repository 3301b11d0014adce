//! Takes a person out of what stays: waiting mails, deliveries, events, the
//! small tables, ledger and trace. Deliveries and events are changed in bounded
//! steps, each by the index on the person.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::{Counts, Erasure, told};
use crate::error::Result;
use crate::ids::{CampaignId, ErasureId, TenantId};
use crate::schema::{
    contact_import, delivery, send_slowdown, signup, subscription_event, suppression,
};

/// Rows of a step.
const CHUNK: i64 = 2_000;

#[derive(QueryableByName)]
pub(super) struct Waiting {
    #[diesel(sql_type = SqlUuid)]
    pub(super) campaign_id: CampaignId,
    #[diesel(sql_type = Date)]
    pub(super) period: NaiveDate,
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
    #[diesel(sql_type = Text)]
    pub(super) state: String,
}

/// Mails to these people that are not over, the oldest first.
pub(super) async fn waiting(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    people: &[Uuid],
    states: &[&str],
) -> Result<Vec<Waiting>> {
    type Row = (CampaignId, NaiveDate, Uuid, String);
    let rows: Vec<Row> = delivery::table
        .filter(delivery::tenant_id.eq(tenant))
        .filter(delivery::contact_id.eq_any(people))
        .filter(delivery::state.eq_any(states))
        .order((delivery::period, delivery::id))
        .limit(CHUNK)
        .select((
            delivery::campaign_id,
            delivery::period,
            delivery::id,
            delivery::state,
        ))
        .load(tx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(campaign_id, period, id, state)| Waiting {
            campaign_id,
            period,
            id,
            state,
        })
        .collect())
}

/// Leaves one waiting mail out; false when a mailer took it meanwhile.
pub(super) async fn leave_out(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    mail: &Waiting,
) -> Result<bool> {
    let target = delivery::table
        .find((tenant, mail.period, mail.id))
        .filter(delivery::state.eq(&mail.state));
    let changed = diesel::update(target)
        .set((
            delivery::state.eq("skipped"),
            delivery::reason.eq("contact_deleted"),
            delivery::due_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx)
        .await?;
    Ok(changed == 1)
}

#[derive(QueryableByName)]
struct Scrubbed {
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last: Option<DateTime<Utc>>,
}

/// An id for each person that stands for nobody: without the salt it can't be
/// told from whom it was made.
macro_rules! nobody {
    () => {
        "md5($3::text || t.contact_id::text)::uuid"
    };
}

/// Takes the person out of the next deliveries that are over; answers how many,
/// and when the last of them was taken by a server.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE of a bounded sub-select that answers a count; every value is bound"
)]
pub(super) async fn deliveries(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    people: &[Uuid],
    salt: Uuid,
) -> Result<(i64, Option<DateTime<Utc>>)> {
    let row: Scrubbed = diesel::sql_query(concat!(
        "WITH chunk AS MATERIALIZED (
            SELECT tenant_id, period, id FROM delivery
            WHERE tenant_id = $1 AND contact_id = ANY ($2) AND state IN ('accepted', 'failed', 'unknown', 'skipped')
            ORDER BY id LIMIT $4 FOR UPDATE),
         changed AS (
            UPDATE delivery t SET address = '', message_id = NULL, reply_text = NULL,
                   merge = CASE WHEN merge IS NOT NULL THEN '{}'::jsonb END, contact_id = ",
        nobody!(),
        " FROM chunk WHERE t.tenant_id = chunk.tenant_id AND t.period = chunk.period AND t.id = chunk.id
            RETURNING t.accepted_at)
         SELECT count(*) AS n, max(accepted_at) AS last FROM changed"
    ))
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(people)
    .bind::<SqlUuid, _>(salt)
    .bind::<BigInt, _>(CHUNK)
    .get_result(tx)
    .await?;
    Ok((row.n, row.last))
}

/// The same for opens, clicks, bounces, complaints and cancellations.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE of a bounded sub-select that answers a count; every value is bound"
)]
pub(super) async fn events(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    people: &[Uuid],
    salt: Uuid,
) -> Result<i64> {
    let row: Scrubbed = diesel::sql_query(concat!(
        "WITH chunk AS MATERIALIZED (
            SELECT tenant_id, period, id FROM event
            WHERE tenant_id = $1 AND contact_id = ANY ($2) LIMIT $4 FOR UPDATE),
         changed AS (
            UPDATE event t SET ip = NULL, user_agent = NULL,
                   detail = t.detail - 'address' - 'text' - 'comment', contact_id = ",
        nobody!(),
        " FROM chunk WHERE t.tenant_id = chunk.tenant_id AND t.period = chunk.period AND t.id = chunk.id
            RETURNING 1)
         SELECT count(*) AS n, NULL::timestamptz AS last FROM changed"
    ))
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(people)
    .bind::<SqlUuid, _>(salt)
    .bind::<BigInt, _>(CHUNK)
    .get_result(tx)
    .await?;
    Ok(row.n)
}

/// Everything small: history of lists, sign-ups, samples of imports, answers of
/// webhooks and sites, block-list.
pub(super) async fn rest(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &Erasure,
    address: &str,
    counts: &mut Counts,
) -> Result<()> {
    let people = row.people();
    let mut note = |name: &str, n: usize| {
        *counts.entry(name.to_owned()).or_default() += i64::try_from(n).unwrap_or(0);
    };
    let history = subscription_event::table
        .filter(subscription_event::tenant_id.eq(tenant))
        .filter(subscription_event::contact_id.eq_any(&people));
    note(
        "subscription_event",
        diesel::delete(history).execute(tx).await?,
    );
    let asked = signup::table
        .filter(signup::tenant_id.eq(tenant))
        .filter(signup::email_key.eq(address));
    note("signup", diesel::delete(asked).execute(tx).await?);
    let samples = contact_import::table
        .filter(contact_import::tenant_id.eq(tenant))
        .filter(
            diesel::dsl::sql::<diesel::sql_types::Bool>("(preview::text ILIKE ")
                .bind::<Text, _>(containing(address))
                .sql(" OR rejected_sample::text ILIKE ")
                .bind::<Text, _>(containing(address))
                .sql(")"),
        );
    let cleared = diesel::update(samples)
        .set((
            contact_import::preview.eq(json!([])),
            contact_import::rejected_sample.eq(json!([])),
        ))
        .execute(tx)
        .await?;
    note("import_sample", cleared);
    let echoed = told::answers(tx, tenant, address).await?;
    note("webhook_answer", echoed);
    let quoted = slowdowns(tx, tenant, address).await?;
    note("site_reply", quoted);
    let blocked = suppression::table
        .filter(suppression::tenant_id.eq(tenant))
        .filter(suppression::kind.eq("address"))
        .filter(suppression::value.eq(address));
    if row.keep_blocked {
        // The address alone stays, not what somebody wrote about the person.
        let written = blocked.filter(suppression::note.ne(""));
        let emptied = diesel::update(written)
            .set(suppression::note.eq(""))
            .execute(tx)
            .await?;
        note("suppression_note", emptied);
    } else {
        note("suppression", diesel::delete(blocked).execute(tx).await?);
    }
    Ok(())
}

/// What a site said when it asked for less may quote whom it was about.
async fn slowdowns(tx: &mut AsyncPgConnection, tenant: TenantId, address: &str) -> Result<usize> {
    let quoting = send_slowdown::table
        .filter(send_slowdown::tenant_id.eq(tenant))
        .filter(send_slowdown::reply_text.ilike(containing(address)));
    Ok(diesel::update(quoting)
        .set(send_slowdown::reply_text.eq(""))
        .execute(tx)
        .await?)
}

/// Pattern of a text that holds the address, as JSON writes it.
pub(super) fn containing(address: &str) -> String {
    let escaped: String = address
        .chars()
        .flat_map(|c| match c {
            '%' | '_' | '\\' => vec!['\\', c],
            '"' => vec!['\\', '\\', '"'],
            c => vec![c],
        })
        .collect();
    format!("%{escaped}%")
}

#[derive(QueryableByName)]
struct Erased {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

pub(super) async fn consents(tx: &mut AsyncPgConnection, id: ErasureId) -> Result<i64> {
    call(tx, "SELECT erase_consents($1) AS n", id).await
}

/// What audit entries about the contact say of before and after.
pub(super) async fn audit_details(
    tx: &mut AsyncPgConnection,
    id: ErasureId,
    counts: &mut Counts,
) -> Result<()> {
    let erased = call(tx, "SELECT erase_audit_details($1) AS n", id).await?;
    *counts.entry("audit_detail".to_owned()).or_default() += erased;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "calls of functions of ours")]
async fn call(tx: &mut AsyncPgConnection, function: &'static str, id: ErasureId) -> Result<i64> {
    let row: Erased = diesel::sql_query(function)
        .bind::<SqlUuid, _>(id)
        .get_result(tx)
        .await?;
    Ok(row.n)
}
