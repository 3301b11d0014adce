//! Reading the trace: pages by keyset, narrowed by any column that people ask
//! for. Each way in has an index of the migrations.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::chain::Place;
use super::names::names;
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{AuditEntryId, TenantId, UserId};
use crate::page::{Cursor, Page, PageRequest, contains_pattern, time_key};
use crate::schema::{audit_entry, audit_link};

const SORT: &str = "-at";
/// Entries that a page looks through for words: no index holds these, so a
/// page ends here and the next one goes on.
pub(crate) const WINDOW: i64 = 20_000;
/// Most characters of words, and of the codes that filters name.
pub const MAX_WORDS: usize = 200;
const MAX_CODE: usize = 64;
/// Where a thing's name stands in `before` and `after`.
const NAMES: [&str; 9] = [
    "name",
    "display_name",
    "label",
    "filename",
    "email",
    "value",
    "domain",
    "login_id",
    "site",
];

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// At or after.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    pub actor_id: Option<UserId>,
    pub action: Option<String>,
    pub subject_kind: Option<String>,
    pub subject_id: Option<Uuid>,
    /// Words that stand in what was before or after.
    pub q: Option<String>,
}

impl AuditFilter {
    pub(super) fn check(&self) -> Result<()> {
        let mut v = Validation::default();
        for (pointer, text, most) in [
            ("/action", &self.action, MAX_CODE),
            ("/subject_kind", &self.subject_kind, MAX_CODE),
            ("/q", &self.q, MAX_WORDS),
        ] {
            if let Some(text) = text {
                v.length(pointer, text, 0, most);
            }
        }
        v.finish()
    }

    fn words(&self) -> Option<String> {
        let q = self.q.as_deref().map(str::trim).filter(|q| !q.is_empty());
        q.map(contains_pattern)
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = audit_entry)]
struct Row {
    id: AuditEntryId,
    at: DateTime<Utc>,
    actor_kind: String,
    actor_id: Option<UserId>,
    action: String,
    subject_kind: String,
    subject_id: Option<Uuid>,
    before: Option<Value>,
    after: Option<Value>,
    ip: Option<IpNet>,
    request_id: Option<String>,
}

/// An entry, with the names that people know.
#[derive(Debug, Clone, Serialize)]
pub struct AuditEntry {
    /// Its place in the chain.
    pub number: Option<i64>,
    pub id: AuditEntryId,
    pub at: DateTime<Utc>,
    pub actor_kind: String,
    pub actor_id: Option<UserId>,
    pub actor_name: Option<String>,
    pub action: String,
    pub subject_kind: String,
    pub subject_id: Option<Uuid>,
    pub subject_name: Option<String>,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub ip: Option<String>,
    pub request_id: Option<String>,
    /// Of its link, in hexadecimal.
    pub hash: Option<String>,
}

/// Where a page begins: after this entry.
pub(super) type After = (DateTime<Utc>, AuditEntryId);

/// Pages the trace, newest first. With words a page may hold fewer entries
/// than it may, or none, and still have a next one.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the filter or the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    filter: &AuditFilter,
    page: &PageRequest,
) -> Result<Page<AuditEntry>> {
    actor.require(Permission::AuditRead)?;
    filter.check()?;
    let (limit, cursor) = (page.limit()?, page.cursor(SORT)?);
    let after = cursor
        .map(|c| Ok::<_, DomainError>((c.time()?, AuditEntryId(c.id))))
        .transpose()?;
    let tenant = actor.tenant_id;
    let (items, next) = db
        .tenant(tenant, async |tx| {
            piece(tx, tenant, filter, after, limit).await
        })
        .await?;
    Ok(Page {
        items,
        next_cursor: next.map(|(at, id)| {
            let cursor = Cursor {
                sort: SORT.to_owned(),
                value: time_key(at),
                id: id.0,
            };
            cursor.encode()
        }),
        total: None,
    })
}

/// One entry.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: AuditEntryId) -> Result<AuditEntry> {
    actor.require(Permission::AuditRead)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let row: Option<Row> = audit_entry::table
            .find((tenant, id))
            .select(Row::as_select())
            .first(tx)
            .await
            .optional()?;
        let rows: Vec<Row> = row.into_iter().collect();
        let mut entries = complete(tx, tenant, rows).await?;
        entries
            .pop()
            .ok_or_else(|| DomainError::not_found("audit entry"))
    })
    .await
}

/// At most `limit` entries after `after`, and after which one to go on.
pub(super) async fn piece(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    filter: &AuditFilter,
    after: Option<After>,
    limit: i64,
) -> Result<(Vec<AuditEntry>, Option<After>)> {
    let mut query = narrowed(tenant, filter, after);
    let mut edge: Option<After> = None;
    if let Some(pattern) = filter.words() {
        edge = narrowed(tenant, filter, after)
            .order((audit_entry::at.desc(), audit_entry::id.desc()))
            .select((audit_entry::at, audit_entry::id))
            .offset(WINDOW - 1)
            .limit(1)
            .first(tx)
            .await
            .optional()?;
        if let Some((at, id)) = edge {
            // Beside the exact bound one that the index can end at.
            query = query.filter(audit_entry::at.ge(at)).filter(
                audit_entry::at
                    .gt(at)
                    .or(audit_entry::at.eq(at).and(audit_entry::id.ge(id))),
            );
        }
        // The builder has no text of a jsonb.
        query = query.filter(
            sql::<Bool>("(before::text ILIKE ")
                .bind::<Text, _>(pattern.clone())
                .sql(" OR after::text ILIKE ")
                .bind::<Text, _>(pattern)
                .sql(")"),
        );
    }
    let mut rows: Vec<Row> = query
        .order((audit_entry::at.desc(), audit_entry::id.desc()))
        .select(Row::as_select())
        .limit(limit + 1)
        .load(tx)
        .await?;
    let most = usize::try_from(limit).unwrap_or(0);
    let next = if rows.len() > most {
        rows.truncate(most);
        rows.last().map(|row| (row.at, row.id))
    } else {
        edge
    };
    Ok((complete(tx, tenant, rows).await?, next))
}

fn narrowed(
    tenant: TenantId,
    filter: &AuditFilter,
    after: Option<After>,
) -> audit_entry::BoxedQuery<'_, Pg> {
    let mut query = audit_entry::table
        .filter(audit_entry::tenant_id.eq(tenant))
        .into_boxed();
    if let Some(from) = filter.from {
        query = query.filter(audit_entry::at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit_entry::at.lt(to));
    }
    if let Some(id) = filter.actor_id {
        query = query.filter(audit_entry::actor_id.eq(id));
    }
    if let Some(action) = &filter.action {
        query = query.filter(audit_entry::action.eq(action));
    }
    if let Some(kind) = &filter.subject_kind {
        query = query.filter(audit_entry::subject_kind.eq(kind));
    }
    if let Some(id) = filter.subject_id {
        query = query.filter(audit_entry::subject_id.eq(id));
    }
    if let Some((at, id)) = after {
        // Beside the exact bound one that the index can begin at.
        query = query.filter(audit_entry::at.le(at)).filter(
            audit_entry::at
                .lt(at)
                .or(audit_entry::at.eq(at).and(audit_entry::id.lt(id))),
        );
    }
    query
}

/// Adds places in the chain and names, each with one query for all rows.
async fn complete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    rows: Vec<Row>,
) -> Result<Vec<AuditEntry>> {
    let ids: Vec<AuditEntryId> = rows.iter().map(|row| row.id).collect();
    let places: Vec<Place> = audit_link::table
        .filter(audit_link::tenant_id.eq(tenant))
        .filter(audit_link::entry_id.eq_any(&ids))
        .select((audit_link::entry_id, (audit_link::number, audit_link::hash)))
        .load(tx)
        .await?;
    let places: HashMap<AuditEntryId, (i64, Vec<u8>)> = places.into_iter().collect();
    let actors = rows
        .iter()
        .filter_map(|row| Some((row.actor_kind.as_str(), row.actor_id?.0)));
    let users = rows.iter().filter_map(user_of).map(|id| ("user", id.0));
    let names = names(tx, tenant, actors.chain(users)).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let place = places.get(&row.id);
            let user = user_of(&row).and_then(|id| names.get(&id.0).cloned());
            // The console writes it into each of its entries.
            let staff = row.after.as_ref().and_then(|after| after.get("operator"));
            let staff = staff
                .and_then(Value::as_str)
                .filter(|_| row.actor_kind == "operator");
            let actor = row.actor_id.and_then(|id| names.get(&id.0).cloned());
            AuditEntry {
                number: place.map(|(number, _)| *number),
                hash: place.map(|(_, hash)| hex::encode(hash)),
                actor_name: actor.or_else(|| staff.map(str::to_owned)),
                subject_name: user.or_else(|| name_in(row.after.as_ref(), row.before.as_ref())),
                id: row.id,
                at: row.at,
                actor_kind: row.actor_kind,
                actor_id: row.actor_id,
                action: row.action,
                subject_kind: row.subject_kind,
                subject_id: row.subject_id,
                before: row.before,
                after: row.after,
                ip: row.ip.map(|ip| ip.addr().to_string()),
                request_id: row.request_id,
            }
        })
        .collect())
}

fn user_of(row: &Row) -> Option<UserId> {
    let is_user = row.subject_kind == "user";
    row.subject_id.filter(|_| is_user).map(UserId)
}

fn name_in(after: Option<&Value>, before: Option<&Value>) -> Option<String> {
    let texts = [after, before].into_iter().flatten().flat_map(|value| {
        let of = |key: &&str| value.get(*key).and_then(Value::as_str);
        NAMES.iter().filter_map(of).collect::<Vec<_>>()
    });
    let mut texts = texts.filter(|text| !text.trim().is_empty());
    texts.next().map(|text| text.chars().take(200).collect())
}
