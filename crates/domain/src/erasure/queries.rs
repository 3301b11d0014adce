//! SQL of erasures. Deliveries and events are changed in bounded steps, each
//! by the index on the person.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Counts, Erasure, State};
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, ContactId, ErasureId, TenantId};
use crate::schema::{
    consent, contact, contact_import, delivery, erasure, sequence_enrolment, signup, subscription,
    subscription_event, suppression,
};

/// Rows of a step.
pub(super) const CHUNK: i64 = 2_000;

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &Erasure,
) -> Result<()> {
    diesel::insert_into(erasure::table)
        .values((
            erasure::tenant_id.eq(tenant),
            erasure::id.eq(row.id),
            erasure::address.eq(&row.address),
            erasure::contact_ids.eq(row.people()),
            erasure::salt.eq(row.salt),
            erasure::keep_blocked.eq(row.keep_blocked),
            erasure::note.eq(&row.note),
            erasure::counts.eq(&row.counts),
            erasure::job_id.eq(row.job_id),
            erasure::requested_by.eq(row.requested_by),
            erasure::requested_at.eq(row.requested_at),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ErasureId,
) -> Result<Erasure> {
    erasure::table
        .find((tenant, id))
        .select(Erasure::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("erasure"))
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: Option<(DateTime<Utc>, ErasureId)>,
    limit: i64,
) -> Result<Vec<Erasure>> {
    let mut query = erasure::table
        .filter(erasure::tenant_id.eq(tenant))
        .order((erasure::requested_at.desc(), erasure::id.desc()))
        .select(Erasure::as_select())
        .limit(limit)
        .into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            erasure::requested_at
                .lt(at)
                .or(erasure::requested_at.eq(at).and(erasure::id.lt(id))),
        );
    }
    Ok(query.load(tx).await?)
}

/// Erasures whose ledger may go now.
pub(super) async fn due(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<Vec<ErasureId>> {
    Ok(erasure::table
        .filter(erasure::tenant_id.eq(tenant))
        .filter(erasure::state.eq(State::Waiting))
        .filter(erasure::ledger_until.le(now))
        .order(erasure::ledger_until)
        .limit(100)
        .select(erasure::id)
        .load(tx)
        .await?)
}

pub(super) async fn contact_of(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    key: &str,
) -> Result<Option<ContactId>> {
    Ok(contact::table
        .filter(
            contact::tenant_id
                .eq(tenant)
                .and(contact::email_key.eq(key)),
        )
        .select(contact::id)
        .first(tx)
        .await
        .optional()?)
}

/// What goes together with the contact.
pub(super) async fn count_relations(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ContactId,
    counts: &mut Counts,
) -> Result<()> {
    let subscriptions: i64 = subscription::table
        .filter(
            subscription::tenant_id
                .eq(tenant)
                .and(subscription::contact_id.eq(id)),
        )
        .count()
        .get_result(tx)
        .await?;
    let enrolments: i64 = sequence_enrolment::table
        .filter(
            sequence_enrolment::tenant_id
                .eq(tenant)
                .and(sequence_enrolment::contact_id.eq(id)),
        )
        .count()
        .get_result(tx)
        .await?;
    counts.insert("contact".to_owned(), 1);
    counts.insert("subscription".to_owned(), subscriptions);
    counts.insert("sequence_enrolment".to_owned(), enrolments);
    Ok(())
}

pub(super) async fn delete_contact(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ContactId,
) -> Result<()> {
    diesel::delete(contact::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Person {
    #[diesel(sql_type = SqlUuid)]
    contact_id: Uuid,
}

/// People of the ledger with this address.
pub(super) async fn people_of_ledger(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    address: &str,
) -> Result<Vec<Uuid>> {
    Ok(consent::table
        .filter(consent::tenant_id.eq(tenant))
        .filter(consent::address.eq(address))
        .select(consent::contact_id)
        .distinct()
        .limit(100)
        .load(tx)
        .await?)
}

/// Where a look through all deliveries stands.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize, QueryableByName)]
pub(crate) struct Place {
    #[diesel(sql_type = Date)]
    pub(crate) period: NaiveDate,
    #[diesel(sql_type = SqlUuid)]
    pub(crate) id: Uuid,
}

impl Place {
    pub(super) const START: Self = Self {
        period: NaiveDate::MIN,
        id: Uuid::nil(),
    };
}

/// Rows that one look passes.
const LOOK: i64 = 20_000;

/// The people of the next deliveries who were mailed at this address, and
/// where to go on; deliveries have no index on it, and need none but for this.
#[expect(
    clippy::disallowed_methods,
    reason = "a look through a bounded stretch of the primary key; every value is bound"
)]
pub(super) async fn people_behind(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    address: &str,
    after: Place,
) -> Result<(Vec<Uuid>, Option<Place>)> {
    let end: Option<Place> = diesel::sql_query(
        "SELECT period, id FROM (
             SELECT period, id FROM delivery
             WHERE tenant_id = $1 AND (period, id) > ($2, $3) ORDER BY period, id LIMIT $4) stretch
         ORDER BY period DESC, id DESC LIMIT 1",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Date, _>(after.period.max(first_day()))
    .bind::<SqlUuid, _>(after.id)
    .bind::<BigInt, _>(LOOK)
    .get_result(tx)
    .await
    .optional()?;
    let Some(end) = end else {
        return Ok((Vec::new(), None));
    };
    let people: Vec<Person> = diesel::sql_query(
        "SELECT DISTINCT contact_id FROM delivery
         WHERE tenant_id = $1 AND (period, id) > ($2, $3) AND (period, id) <= ($4, $5)
           AND lower(replace(address, '\"', '')) = lower(replace($6, '\"', '')) LIMIT 100",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Date, _>(after.period.max(first_day()))
    .bind::<SqlUuid, _>(after.id)
    .bind::<Date, _>(end.period)
    .bind::<SqlUuid, _>(end.id)
    .bind::<Text, _>(address)
    .load(tx)
    .await?;
    Ok((
        people.into_iter().map(|p| p.contact_id).collect(),
        Some(end),
    ))
}

/// PostgreSQL's dates begin later than chrono's.
fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default()
}

pub(super) async fn add_people(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ErasureId,
    people: &[Uuid],
) -> Result<()> {
    diesel::update(erasure::table.find((tenant, id)))
        .set(erasure::contact_ids.eq(people))
        .execute(tx)
        .await?;
    Ok(())
}

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
pub(super) async fn scrub_deliveries(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    people: &[Uuid],
    salt: Uuid,
) -> Result<(i64, Option<DateTime<Utc>>)> {
    let row: Scrubbed = diesel::sql_query(concat!(
        "WITH chunk AS MATERIALIZED (
            SELECT tenant_id, period, id FROM delivery
            WHERE tenant_id = $1 AND contact_id = ANY ($2) AND state IN ('accepted', 'failed', 'unknown', 'skipped')
            LIMIT $4 FOR UPDATE),
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
pub(super) async fn scrub_events(
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

/// Everything small: history of lists, sign-ups, samples of imports, block-list.
pub(super) async fn erase_rest(
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
    if !row.keep_blocked {
        let blocked = suppression::table
            .filter(suppression::tenant_id.eq(tenant))
            .filter(
                suppression::kind
                    .eq("address")
                    .and(suppression::value.eq(address)),
            );
        note("suppression", diesel::delete(blocked).execute(tx).await?);
    }
    Ok(())
}

/// Pattern of a text that holds the address, as JSON writes it.
fn containing(address: &str) -> String {
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

pub(super) async fn save(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ErasureId,
    counts: &Counts,
    ledger_until: Option<DateTime<Utc>>,
) -> Result<()> {
    let counts = serde_json::to_value(counts).map_err(DomainError::internal)?;
    diesel::update(erasure::table.find((tenant, id)))
        .set((
            erasure::counts.eq(counts),
            erasure::ledger_until.eq(ledger_until),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn wait(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ErasureId,
) -> Result<()> {
    diesel::update(erasure::table.find((tenant, id)))
        .set(erasure::state.eq(State::Waiting))
        .execute(tx)
        .await?;
    Ok(())
}

/// The end: what named the person goes.
pub(super) async fn done(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ErasureId,
    counts: &Counts,
    certificate: &Value,
    now: DateTime<Utc>,
) -> Result<()> {
    let counts = serde_json::to_value(counts).map_err(DomainError::internal)?;
    diesel::update(erasure::table.find((tenant, id)))
        .set((
            erasure::state.eq(State::Done),
            erasure::address.eq(None::<String>),
            erasure::salt.eq(None::<Uuid>),
            erasure::contact_ids.eq(Vec::<Uuid>::new()),
            erasure::counts.eq(counts),
            erasure::certificate.eq(certificate),
            erasure::finished_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Erased {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

pub(super) async fn erase_consents(tx: &mut AsyncPgConnection, id: ErasureId) -> Result<i64> {
    call(tx, "SELECT erase_consents($1) AS n", id).await
}

/// What audit entries about the contact say of before and after.
pub(super) async fn erase_audit_details(tx: &mut AsyncPgConnection, id: ErasureId) -> Result<i64> {
    call(tx, "SELECT erase_audit_details($1) AS n", id).await
}

#[expect(clippy::disallowed_methods, reason = "calls of functions of ours")]
async fn call(tx: &mut AsyncPgConnection, function: &'static str, id: ErasureId) -> Result<i64> {
    let row: Erased = diesel::sql_query(function)
        .bind::<SqlUuid, _>(id)
        .get_result(tx)
        .await?;
    Ok(row.n)
}
