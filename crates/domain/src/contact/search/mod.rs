//! Pages of contacts that stay fast with millions of them.
//!
//! Every sort has an index that gives its order, and a page is read from it by
//! keyset. Words are looked for in two steps, since neither of the two plans
//! is good for all words and the planner can't know beforehand which it has:
//! first a bounded walk along the sort's index, which fills the page at once
//! when the word is frequent; when it does not, the word is rare, and the
//! trigram index finds all its rows. See docs/decisions.
//! The orders are in [`sort`], what words become in [`words`].

mod sort;
mod sql;
mod words;

use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::sort::Key;
use self::sql::{Bind, Sql};
use super::queries::COLUMNS;
use super::{Contact, ContactStatus};
use crate::error::Result;
use crate::ids::{ListId, TenantId};
use crate::page::Cursor;

pub use self::sort::ContactSort;
pub(crate) use self::words::patterns;

/// Rows that the first step looks at: some 20 ms. A word in fewer than 51 of
/// so many is rare enough for the trigram index.
const WALK: i64 = 20_000;

/// Which contacts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ContactFilter {
    /// Words, each a part of the address or the name; all must be found.
    pub q: Option<String>,
    pub status: Option<ContactStatus>,
    /// Subscribed to it.
    pub list_id: Option<ListId>,
    /// Inclusive.
    pub created_from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub created_to: Option<DateTime<Utc>>,
}

/// A checked search.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    patterns: Vec<String>,
    filter: ContactFilter,
    sort: ContactSort,
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl Search {
    /// # Errors
    /// [`DomainError::Invalid`] for a search that is too long.
    pub(crate) fn new(filter: &ContactFilter, sort: ContactSort) -> Result<Self> {
        Ok(Self {
            patterns: patterns(filter.q.as_deref().unwrap_or_default())?,
            filter: filter.clone(),
            sort,
        })
    }

    /// Whether the order of the page is that of `subscription`'s key.
    fn walks_the_list(&self) -> bool {
        self.filter.list_id.is_some() && self.sort.key() == Key::Id
    }

    fn order(&self) -> String {
        let direction = if self.sort.is_descending() {
            "DESC"
        } else {
            "ASC"
        };
        match self.sort.key() {
            Key::Id => format!("c.id {direction}"),
            Key::Email => format!("c.email_key {direction}"),
            Key::Name => format!("c.name {direction}, c.id {direction}"),
        }
    }

    /// `FROM` in the order of the sort's index.
    fn source(&self, sql: &mut Sql) -> String {
        match self.filter.list_id {
            Some(list) if self.walks_the_list() => {
                let list = sql.bind(Bind::Id(list.0));
                format!(
                    "subscription s JOIN contact c ON c.tenant_id = s.tenant_id AND c.id = s.contact_id
                     WHERE s.tenant_id = $1 AND s.list_id = {list} AND s.status = 'subscribed' AND c.tenant_id = $1"
                )
            }
            _ => "contact c WHERE c.tenant_id = $1".to_owned(),
        }
    }

    /// Conditions that bound the walk in the sort's order.
    fn keyset(&self, sql: &mut Sql, cursor: Option<&Cursor>) -> String {
        let id = if self.walks_the_list() {
            "s.contact_id"
        } else {
            "c.id"
        };
        let mut text = String::new();
        if let Some(cursor) = cursor {
            let after = if self.sort.is_descending() { "<" } else { ">" };
            let value = Bind::Text(cursor.value.clone());
            text.push_str(&match self.sort.key() {
                Key::Id => format!(" AND {id} {after} {}", sql.bind(Bind::Id(cursor.id))),
                Key::Email => format!(" AND c.email_key {after} {}", sql.bind(value)),
                Key::Name => {
                    let (value, cursor_id) = (sql.bind(value), sql.bind(Bind::Id(cursor.id)));
                    format!(" AND (c.name, c.id) {after} ({value}, {cursor_id})")
                }
            });
        }
        // The id begins with the time: a range of the index in place of a filter.
        for (at, comparison) in [
            (self.filter.created_from, ">="),
            (self.filter.created_to, "<"),
        ] {
            if let Some(at) = at {
                text.push_str(&format!(
                    " AND {id} {comparison} {}",
                    sql.bind(Bind::Id(first_id(at)))
                ));
                text.push_str(&format!(
                    " AND c.created_at {comparison} {}",
                    sql.bind(Bind::Time(at))
                ));
            }
        }
        text
    }

    fn status(&self) -> String {
        // Literal, so that the partial index of the rare ones applies.
        self.filter.status.map_or_else(String::new, |status| {
            format!(" AND c.status = '{}'", status.as_str())
        })
    }

    fn membership(&self, sql: &mut Sql) -> String {
        match self.filter.list_id {
            Some(list) if !self.walks_the_list() => format!(
                " AND EXISTS (SELECT FROM subscription s WHERE s.tenant_id = $1 AND s.list_id = {} AND s.contact_id = c.id AND s.status = 'subscribed')",
                sql.bind(Bind::Id(list.0))
            ),
            _ => String::new(),
        }
    }

    fn words(&self, sql: &mut Sql) -> String {
        self.patterns
            .iter()
            .map(|pattern| {
                format!(
                    " AND c.search LIKE {}",
                    sql.bind(Bind::Text(pattern.clone()))
                )
            })
            .collect()
    }

    fn start(tenant: TenantId) -> Sql {
        Sql {
            text: String::new(),
            binds: vec![Bind::Id(tenant.0)],
        }
    }

    /// Without words: straight along the index.
    fn plain(&self, tenant: TenantId, cursor: Option<&Cursor>, rows: i64) -> Sql {
        let mut sql = Self::start(tenant);
        let (source, keyset) = (self.source(&mut sql), self.keyset(&mut sql, cursor));
        let (status, membership, limit) = (
            self.status(),
            self.membership(&mut sql),
            sql.bind(Bind::Number(rows)),
        );
        sql.text = format!(
            "SELECT {COLUMNS} FROM {source}{keyset}{status}{membership} ORDER BY {} LIMIT {limit}",
            self.order()
        );
        sql
    }

    /// First step: at most [`WALK`] rows along the index.
    fn walk(&self, tenant: TenantId, cursor: Option<&Cursor>, rows: i64) -> Sql {
        let mut sql = Self::start(tenant);
        let (source, keyset, walk) = (
            self.source(&mut sql),
            self.keyset(&mut sql, cursor),
            sql.bind(Bind::Number(WALK)),
        );
        let (words, status, membership) = (
            self.words(&mut sql),
            self.status(),
            self.membership(&mut sql),
        );
        let (order, limit) = (self.order(), sql.bind(Bind::Number(rows)));
        sql.text = format!(
            "SELECT {COLUMNS} FROM (SELECT {COLUMNS}, c.search FROM {source}{keyset} ORDER BY {order} LIMIT {walk}) c
             WHERE true{words}{status}{membership} ORDER BY {order} LIMIT {limit}"
        );
        sql
    }

    /// Second step: all rows of a rare word. MATERIALIZED, lest the planner
    /// merge both and walk the sort's index to its end.
    fn look_up(&self, tenant: TenantId, cursor: Option<&Cursor>, rows: i64) -> Sql {
        let mut sql = Self::start(tenant);
        let (words, status) = (self.words(&mut sql), self.status());
        let source = self.source(&mut sql);
        let (membership, keyset) = (
            self.membership(&mut sql),
            self.keyset(&mut sql, cursor)
                .replace("s.contact_id", "c.id"),
        );
        let (order, limit) = (self.order(), sql.bind(Bind::Number(rows)));
        sql.text = format!(
            "WITH hits AS MATERIALIZED (SELECT c.id, c.email_key, c.name, c.created_at FROM {source}{words}{status}{membership}),
             page AS (SELECT c.id FROM hits c WHERE true{keyset} ORDER BY {order} LIMIT {limit})
             SELECT {COLUMNS} FROM page JOIN contact c ON c.tenant_id = $1 AND c.id = page.id ORDER BY {order}"
        );
        sql
    }

    /// Up to `rows` contacts after the cursor.
    pub(crate) async fn page(
        &self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        cursor: Option<&Cursor>,
        rows: i64,
    ) -> Result<Vec<Contact>> {
        if self.patterns.is_empty() {
            return Ok(self.plain(tenant, cursor, rows).query().load(tx).await?);
        }
        let found: Vec<Contact> = self.walk(tenant, cursor, rows).query().load(tx).await?;
        if i64::try_from(found.len()) == Ok(rows) {
            return Ok(found);
        }
        Ok(self.look_up(tenant, cursor, rows).query().load(tx).await?)
    }

    /// All contacts behind an id in the order of ids. Neither of the two steps
    /// of a page would do: of a frequent word each page would look up all rows
    /// again.
    fn through(&self, tenant: TenantId, after: Option<Uuid>, rows: i64) -> Sql {
        let cursor = after.map(|id| Cursor {
            sort: self.sort.as_str().to_owned(),
            value: String::new(),
            id,
        });
        let mut sql = Self::start(tenant);
        let source = self.source(&mut sql);
        let keyset = self.keyset(&mut sql, cursor.as_ref());
        let (words, status) = (self.words(&mut sql), self.status());
        let membership = self.membership(&mut sql);
        let (order, limit) = (self.order(), sql.bind(Bind::Number(rows)));
        sql.text = format!(
            "SELECT {COLUMNS} FROM {source}{keyset}{words}{status}{membership} ORDER BY {order} LIMIT {limit}"
        );
        sql
    }

    /// Up to `rows` contacts behind an id, for going through all of them.
    pub(crate) async fn scan(
        &self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        after: Option<Uuid>,
        rows: i64,
    ) -> Result<Vec<Contact>> {
        Ok(self.through(tenant, after, rows).query().load(tx).await?)
    }

    /// How many there are in all.
    pub(crate) async fn count(&self, tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<i64> {
        let mut sql = Self::start(tenant);
        let (source, range, words) = (
            self.source(&mut sql),
            self.keyset(&mut sql, None),
            self.words(&mut sql),
        );
        let (status, membership) = (self.status(), self.membership(&mut sql));
        sql.text = format!("SELECT count(*) AS n FROM {source}{range}{words}{status}{membership}");
        let count: Count = sql.query().get_result(tx).await?;
        Ok(count.n)
    }
}

/// The lowest UUIDv7 of a millisecond.
fn first_id(at: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(u128::from(millis) << 80)
}

#[cfg(test)]
mod plans;
