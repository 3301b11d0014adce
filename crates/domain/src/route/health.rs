//! What mailers saw of routes that did not answer, for people to look at.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use serde::Serialize;

use crate::db::Db;
use crate::error::Result;
use crate::ids::{RouteId, TenantId};
use crate::schema::route_health;

/// Longest error that is kept, in characters.
const ERROR_MAX: usize = 1000;

/// The last time that a route did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = route_health)]
pub struct Health {
    /// Tries in a row without a session.
    pub failures: i32,
    /// Hostile input: partly what the server said.
    pub error: String,
    pub failed_at: DateTime<Utc>,
    /// When the mailer that saw it tries again.
    pub retry_at: DateTime<Utc>,
    /// When it answered again; `None` while it is down.
    pub recovered_at: Option<DateTime<Utc>>,
}

/// Keeps what a mailer saw; a route that is gone meanwhile is let go.
///
/// # Errors
/// When the database does.
pub async fn note(db: &Db, tenant: TenantId, route: RouteId, seen: Health) -> Result<()> {
    let seen = Health {
        error: seen
            .error
            .chars()
            .filter(|c| *c != '\0')
            .take(ERROR_MAX)
            .collect(),
        ..seen
    };
    db.tenant(tenant, async |tx| {
        let known: i64 = crate::schema::route::table
            .find((tenant, route))
            .count()
            .get_result(tx)
            .await?;
        if known == 0 {
            return Ok(());
        }
        diesel::insert_into(route_health::table)
            .values((
                route_health::tenant_id.eq(tenant),
                route_health::route_id.eq(route),
                &seen,
            ))
            .on_conflict((route_health::tenant_id, route_health::route_id))
            .do_update()
            .set((
                route_health::failures.eq(excluded(route_health::failures)),
                route_health::error.eq(excluded(route_health::error)),
                route_health::failed_at.eq(excluded(route_health::failed_at)),
                route_health::retry_at.eq(excluded(route_health::retry_at)),
                route_health::recovered_at.eq(excluded(route_health::recovered_at)),
            ))
            .execute(tx)
            .await?;
        Ok(())
    })
    .await
}
