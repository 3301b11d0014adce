//! SQL of a batch of rows: each statement takes the whole batch as arrays.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::ContactStatus;
use super::row::Known;
use crate::error::{BUSY, DomainError, Result};
use crate::ids::{ConsentId, ContactFieldId, ContactId, ListId, TenantId};

/// A contact that is there.
#[derive(Debug)]
pub(super) struct KnownContact {
    pub id: ContactId,
    pub status: ContactStatus,
    pub known: Known,
}

/// A contact to be written.
#[derive(Debug)]
pub(super) struct Written {
    pub id: ContactId,
    pub email: String,
    pub email_key: String,
    pub name: String,
    pub fields: Map<String, Value>,
}

/// What was seen in this file so far, in a table of this connection: it costs
/// neither memory nor log, and is gone with the connection.
pub(super) async fn prepare_seen(connection: &mut AsyncPgConnection) -> Result<()> {
    Ok(connection
        .batch_execute(
            "SET temp_buffers = '32MB'; CREATE TEMPORARY TABLE import_seen (key uuid PRIMARY KEY)",
        )
        .await?)
}

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = SqlUuid)]
    key: Uuid,
}

/// Notes keys; answers those that were not seen before.
#[expect(clippy::disallowed_methods, reason = "a temporary table has no schema")]
pub(super) async fn note_seen(tx: &mut AsyncPgConnection, keys: &[Uuid]) -> Result<HashSet<Uuid>> {
    let fresh: Vec<Key> = diesel::sql_query(
        "INSERT INTO pg_temp.import_seen SELECT unnest($1) ON CONFLICT DO NOTHING RETURNING key",
    )
    .bind::<Array<SqlUuid>, _>(keys)
    .load(tx)
    .await?;
    Ok(fresh.into_iter().map(|row| row.key).collect())
}

#[derive(QueryableByName)]
struct KnownRow {
    #[diesel(sql_type = SqlUuid)]
    id: ContactId,
    #[diesel(sql_type = Text)]
    email_key: String,
    #[diesel(sql_type = Text)]
    status: ContactStatus,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Jsonb)]
    fields: Value,
}

/// The contacts of these addresses. `for_change`: with their values, and
/// locked, always in the same order, so that two imports don't lock each other.
#[expect(
    clippy::disallowed_methods,
    reason = "the same rows with or without their values and a lock"
)]
pub(super) async fn known(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    email_keys: &[&str],
    with_values: bool,
    lock: bool,
) -> Result<HashMap<String, KnownContact>> {
    let values = if with_values {
        "c.name, c.fields"
    } else {
        "'' AS name, '{}'::jsonb AS fields"
    };
    let lock = if lock { "FOR NO KEY UPDATE OF c" } else { "" };
    let sql = format!(
        "SELECT c.id, c.email_key, c.status, {values} FROM contact c
         WHERE c.tenant_id = $1 AND c.email_key = ANY($2) ORDER BY c.email_key {lock}"
    );
    let rows: Vec<KnownRow> = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<Text>, _>(email_keys)
        .load(tx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let fields = match row.fields {
                Value::Object(fields) => fields,
                _ => Map::new(),
            };
            let contact = KnownContact {
                id: row.id,
                status: row.status,
                known: Known {
                    name: row.name,
                    fields,
                },
            };
            (row.email_key, contact)
        })
        .collect())
}

#[derive(QueryableByName)]
struct Holder {
    #[diesel(sql_type = SqlUuid)]
    field_id: ContactFieldId,
    #[diesel(sql_type = Text)]
    value: String,
    #[diesel(sql_type = SqlUuid)]
    contact_id: ContactId,
}

/// Who has these unique values.
#[expect(clippy::disallowed_methods, reason = "a join with two arrays")]
pub(super) async fn holders(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    values: &[(ContactFieldId, String)],
) -> Result<HashMap<(ContactFieldId, String), ContactId>> {
    let (fields, texts): (Vec<ContactFieldId>, Vec<&str>) = values
        .iter()
        .map(|(field, value)| (*field, value.as_str()))
        .unzip();
    let rows: Vec<Holder> = diesel::sql_query(
        "SELECT v.field_id, v.value, v.contact_id FROM unnest($2::uuid[], $3::text[]) AS wanted (field_id, value)
         JOIN contact_unique_value v ON v.tenant_id = $1 AND v.field_id = wanted.field_id AND v.value = wanted.value",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(fields)
    .bind::<Array<Text>, _>(texts)
    .load(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.field_id, row.value), row.contact_id))
        .collect())
}

#[derive(QueryableByName)]
struct Blocked {
    #[diesel(sql_type = Text)]
    value: String,
}

/// Which of these addresses and domains are on the block-list.
#[expect(clippy::disallowed_methods, reason = "two index look-ups by array")]
pub(super) async fn blocked(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    email_keys: &[&str],
    domains: &[&str],
) -> Result<HashSet<String>> {
    let rows: Vec<Blocked> = diesel::sql_query(
        "SELECT value FROM suppression WHERE tenant_id = $1 AND kind = 'address' AND value = ANY($2)
         UNION ALL
         SELECT value FROM suppression WHERE tenant_id = $1 AND kind = 'domain' AND value = ANY($3)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<Text>, _>(email_keys)
    .bind::<Array<Text>, _>(domains)
    .load(tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

/// The columns of written contacts as arrays.
struct Columns {
    ids: Vec<ContactId>,
    names: Vec<String>,
    fields: Vec<String>,
}

fn columns(contacts: &[Written]) -> Result<Columns> {
    Ok(Columns {
        ids: contacts.iter().map(|c| c.id).collect(),
        names: contacts.iter().map(|c| c.name.clone()).collect(),
        fields: contacts
            .iter()
            .map(|c| serde_json::to_string(&c.fields))
            .collect::<serde_json::Result<_>>()
            .map_err(DomainError::internal)?,
    })
}

/// Adds contacts.
///
/// # Errors
/// [`DomainError::Conflict`] `busy` when somebody else added one of them since.
#[expect(clippy::disallowed_methods, reason = "INSERT from arrays")]
pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contacts: &[Written],
    source: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let Columns { ids, names, fields } = columns(contacts)?;
    let emails: Vec<&str> = contacts.iter().map(|c| c.email.as_str()).collect();
    let keys: Vec<&str> = contacts.iter().map(|c| c.email_key.as_str()).collect();
    let inserted = diesel::sql_query(
        "INSERT INTO contact (tenant_id, id, email, email_key, name, fields, source, created_at, updated_at)
         SELECT $1, u.id, u.email, u.email_key, u.name, u.fields::jsonb, $2, $3, $3
         FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[]) AS u (id, email, email_key, name, fields)
         ON CONFLICT (tenant_id, email_key) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(source)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(emails)
    .bind::<Array<Text>, _>(keys)
    .bind::<Array<Text>, _>(names)
    .bind::<Array<Text>, _>(fields)
    .execute(tx)
    .await?;
    if inserted == contacts.len() {
        Ok(())
    } else {
        Err(busy())
    }
}

/// Gives contacts new values; they were locked by [`known`].
#[expect(clippy::disallowed_methods, reason = "UPDATE from arrays")]
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contacts: &[Written],
    now: DateTime<Utc>,
) -> Result<()> {
    let Columns { ids, names, fields } = columns(contacts)?;
    diesel::sql_query(
        "UPDATE contact c SET name = u.name, fields = u.fields::jsonb, version = c.version + 1, updated_at = $2
         FROM unnest($3::uuid[], $4::text[], $5::text[]) AS u (id, name, fields)
         WHERE c.tenant_id = $1 AND c.id = u.id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(names)
    .bind::<Array<Text>, _>(fields)
    .execute(tx)
    .await?;
    Ok(())
}

/// Replaces the unique values of contacts.
///
/// # Errors
/// [`DomainError::Conflict`] `busy` when somebody else took one of them since.
#[expect(clippy::disallowed_methods, reason = "DELETE and INSERT from arrays")]
pub(super) async fn keep_unique(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contacts: &[ContactId],
    values: &[(ContactId, ContactFieldId, String)],
) -> Result<()> {
    diesel::sql_query(
        "DELETE FROM contact_unique_value WHERE tenant_id = $1 AND contact_id = ANY($2)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(contacts)
    .execute(tx)
    .await?;
    let owners: Vec<ContactId> = values.iter().map(|v| v.0).collect();
    let fields: Vec<ContactFieldId> = values.iter().map(|v| v.1).collect();
    let texts: Vec<&str> = values.iter().map(|v| v.2.as_str()).collect();
    let inserted = diesel::sql_query(
        "INSERT INTO contact_unique_value (tenant_id, field_id, value, contact_id)
         SELECT $1, u.field_id, u.value, u.contact_id FROM unnest($2::uuid[], $3::text[], $4::uuid[]) AS u (field_id, value, contact_id)
         ON CONFLICT DO NOTHING",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(fields)
    .bind::<Array<Text>, _>(texts)
    .bind::<Array<SqlUuid>, _>(owners)
    .execute(tx)
    .await?;
    if inserted == values.len() {
        Ok(())
    } else {
        Err(busy())
    }
}

/// Whether contacts want lists: `true` for subscribed.
#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = SqlUuid)]
    list_id: ListId,
    #[diesel(sql_type = SqlUuid)]
    contact_id: ContactId,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    wanted: bool,
}

/// What contacts said about lists so far.
#[expect(clippy::disallowed_methods, reason = "a look-up by two arrays")]
pub(super) async fn words(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    lists: &[ListId],
    contacts: &[ContactId],
) -> Result<HashMap<(ListId, ContactId), bool>> {
    let rows: Vec<Word> = diesel::sql_query(
        "SELECT list_id, contact_id, status = 'subscribed' AS wanted FROM subscription
         WHERE tenant_id = $1 AND list_id = ANY($2) AND contact_id = ANY($3)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(lists)
    .bind::<Array<SqlUuid>, _>(contacts)
    .load(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.list_id, row.contact_id), row.wanted))
        .collect())
}

/// Notes in the ledger that the tenant says these people agreed: their
/// subscription came by an import, not from themselves.
#[expect(clippy::disallowed_methods, reason = "INSERT from arrays")]
pub(super) async fn record_consents(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    people: &[(ContactId, &str)],
    source: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let ids: Vec<ConsentId> = people.iter().map(|_| ConsentId::new()).collect();
    let (contacts, addresses): (Vec<ContactId>, Vec<&str>) = people.iter().copied().unzip();
    diesel::sql_query(
        "INSERT INTO consent (tenant_id, id, contact_id, address, kind, source, at)
         SELECT $1, u.id, u.contact_id, u.address, 'given', $2, $3
         FROM unnest($4::uuid[], $5::uuid[], $6::text[]) AS u (id, contact_id, address)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(source)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<SqlUuid>, _>(contacts)
    .bind::<Array<Text>, _>(addresses)
    .execute(tx)
    .await?;
    Ok(())
}

/// Somebody else changed the same contacts at the same moment.
fn busy() -> DomainError {
    DomainError::conflict(
        BUSY,
        "somebody else changed the same contacts at the same moment",
    )
}
