//! Who looked at whose data. Reads change nothing, so there is no transaction
//! for them to stand in: they are gathered and written in batches, and kept at
//! least [`KEPT_DAYS`] days.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use diesel_async::RunQueryDsl;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::actor::{Actor, Permission};
use crate::audit::names::names;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::housekeeping;
use crate::ids::{AccessEntryId, TenantId, UserId};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::access_entry;

/// Shortest time for which entries are kept; the database holds to it too.
pub const KEPT_DAYS: u32 = 400;
/// Entries of one INSERT.
pub const BATCH: usize = 500;
/// Entries that one transaction forgets.
const FORGOTTEN: i32 = 5_000;
const MAX_QUERY: usize = 500;
const SORT: &str = "-at";

/// One look.
#[derive(Debug, Clone)]
pub struct Access {
    id: AccessEntryId,
    at: DateTime<Utc>,
    pub tenant: TenantId,
    actor_kind: &'static str,
    actor_id: Option<Uuid>,
    operation: &'static str,
    subject_kind: &'static str,
    subject_id: Option<Uuid>,
    query: Option<String>,
    ip: Option<IpAddr>,
    request_id: Option<String>,
}

impl Access {
    /// `query` is a query string: what a list was narrowed by.
    #[must_use]
    pub fn new(
        actor: &Actor,
        operation: &'static str,
        (subject_kind, subject_id): (&'static str, Option<Uuid>),
        query: &str,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: AccessEntryId::new(),
            at: now,
            tenant: actor.tenant_id,
            actor_kind: actor.kind.as_str(),
            actor_id: actor.id(),
            operation,
            subject_kind,
            subject_id,
            query: asked_for(query),
            ip: actor.ip,
            request_id: actor.request_id.clone(),
        }
    }
}

/// The filters of a query string in plain text, without those that only turn pages.
pub(crate) fn asked_for(query: &str) -> Option<String> {
    let pages = ["cursor=", "limit=", "count=", "sort="];
    let parts: Vec<String> = query
        .split('&')
        .filter(|part| !part.is_empty() && !pages.iter().any(|page| part.starts_with(page)))
        .map(|part| {
            let part = part.replace('+', " ");
            percent_decode_str(&part).decode_utf8_lossy().into_owned()
        })
        .collect();
    let text = parts.join("&");
    let text: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_QUERY)
        .collect();
    Some(text).filter(|text| !text.is_empty())
}

/// The columns of a look; its time only where the role may choose one.
macro_rules! columns {
    ($look:expr $(, $at:expr)?) => {{
        let look = $look;
        (
            access_entry::tenant_id.eq(look.tenant),
            access_entry::id.eq(look.id),
            access_entry::actor_kind.eq(look.actor_kind),
            access_entry::actor_id.eq(look.actor_id),
            access_entry::operation.eq(look.operation),
            access_entry::subject_kind.eq(look.subject_kind),
            access_entry::subject_id.eq(look.subject_id),
            access_entry::query.eq(look.query.as_deref()),
            access_entry::ip.eq(look.ip.map(IpNet::from)),
            access_entry::request_id.eq(look.request_id.as_deref()),
            $($at,)?
        )
    }};
}

/// Writes looks of one tenant. The same one a second time changes nothing.
///
/// # Errors
/// When the database does.
pub async fn record(db: &Db, tenant: TenantId, looks: &[Access]) -> Result<()> {
    let rows: Vec<_> = looks
        .iter()
        .map(|look| columns!(look, access_entry::at.eq(look.at)))
        .collect();
    db.tenant(tenant, async |tx| {
        diesel::insert_into(access_entry::table)
            .values(rows)
            .on_conflict_do_nothing()
            .execute(tx)
            .await?;
        Ok(())
    })
    .await
}

/// Writes one look of staff, at the database's time: their role can't choose it.
///
/// # Errors
/// When the database does.
pub async fn record_now(db: &Db, look: &Access) -> Result<()> {
    db.tenant(look.tenant, async |tx| {
        diesel::insert_into(access_entry::table)
            .values(columns!(look))
            .execute(tx)
            .await?;
        Ok(())
    })
    .await
}

/// Which looks.
#[derive(Debug, Clone, Default)]
pub struct AccessFilter {
    /// At or after.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    pub actor_id: Option<UserId>,
    /// Who was looked at.
    pub subject_id: Option<Uuid>,
}

/// A look, with the name that people know.
#[derive(Debug, Clone)]
pub struct AccessEntry {
    pub look: Look,
    pub actor_name: Option<String>,
}

/// A look, as it is stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = access_entry)]
pub struct Look {
    pub id: AccessEntryId,
    pub at: DateTime<Utc>,
    pub actor_kind: String,
    pub actor_id: Option<UserId>,
    pub operation: String,
    pub subject_kind: String,
    pub subject_id: Option<Uuid>,
    pub query: Option<String>,
    pub ip: Option<IpNet>,
    pub request_id: Option<String>,
}

/// Pages the looks, newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    filter: &AccessFilter,
    page: &PageRequest,
) -> Result<Page<AccessEntry>> {
    actor.require(Permission::AuditRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor(SORT)?);
    let after = cursor
        .map(|c| Ok::<_, DomainError>((c.time()?, AccessEntryId(c.id))))
        .transpose()?;
    let tenant = actor.tenant_id;
    let rows = db
        .tenant(tenant, async |tx| {
            let mut query = access_entry::table
                .filter(access_entry::tenant_id.eq(tenant))
                .order((access_entry::at.desc(), access_entry::id.desc()))
                .select(Look::as_select())
                .limit(limit + 1)
                .into_boxed();
            if let Some(from) = filter.from {
                query = query.filter(access_entry::at.ge(from));
            }
            if let Some(to) = filter.to {
                query = query.filter(access_entry::at.lt(to));
            }
            if let Some(id) = filter.actor_id {
                query = query.filter(access_entry::actor_id.eq(id));
            }
            if let Some(id) = filter.subject_id {
                query = query.filter(access_entry::subject_id.eq(id));
            }
            if let Some((at, id)) = after {
                query = query.filter(access_entry::at.le(at)).filter(
                    access_entry::at
                        .lt(at)
                        .or(access_entry::at.eq(at).and(access_entry::id.lt(id))),
                );
            }
            let looks: Vec<Look> = query.load(tx).await?;
            let actors = looks.iter();
            let actors =
                actors.filter_map(|look| Some((look.actor_kind.as_str(), look.actor_id?.0)));
            let names = names(tx, tenant, actors).await?;
            Ok(looks
                .into_iter()
                .map(|look| AccessEntry {
                    actor_name: look.actor_id.and_then(|id| names.get(&id.0).cloned()),
                    look,
                })
                .collect())
        })
        .await?;
    Ok(Page::cut(rows, limit, SORT, |row: &AccessEntry| {
        (time_key(row.look.at), row.look.id.0)
    }))
}

#[derive(QueryableByName)]
struct Forgotten {
    #[diesel(sql_type = BigInt)]
    gone: i64,
}

/// Forgets looks that are older than so many days, of all tenants, a bounded
/// number a transaction.
///
/// # Errors
/// When the database does; what is done stays done.
#[expect(
    clippy::disallowed_methods,
    reason = "a function of the schema: the application itself may delete none"
)]
pub async fn forget(db: &Db, keep_days: u32) -> Result<()> {
    let keep = i32::try_from(keep_days.min(36_500)).unwrap_or(36_500);
    let mut after = None;
    loop {
        let tenants = housekeeping::tenants(db, after).await?;
        let Some(last) = tenants.last() else {
            return Ok(());
        };
        after = Some(*last);
        for tenant in tenants {
            loop {
                let forgotten: Forgotten = db
                    .tenant(tenant, async |tx| {
                        let sql = "SELECT forget_access_entries($1, $2) AS gone";
                        let query = diesel::sql_query(sql)
                            .bind::<Integer, _>(keep)
                            .bind::<Integer, _>(FORGOTTEN);
                        Ok(query.get_result(tx).await?)
                    })
                    .await?;
                if forgotten.gone < FORGOTTEN.into() {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::asked_for;

    #[test]
    fn what_was_searched_for_is_kept_in_plain_text_and_short() {
        assert_eq!(asked_for("limit=50&cursor=abc"), None);
        assert_eq!(
            asked_for("q=%E9%AB%99%E6%A9%8B+a&limit=50&status=active%0A").as_deref(),
            Some("q=髙橋 a&status=active")
        );
        let long = format!("q={}", "x".repeat(10_000));
        assert_eq!(asked_for(&long).map(|text| text.len()), Some(500));
    }
}
