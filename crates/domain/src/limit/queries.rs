//! SQL of limits: their settings.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::warm_up::{self, WarmUp};
use super::{Scope, SendLimit, Terms, session};
use crate::db::error::expect_unique;
use crate::error::{DomainError, Result};
use crate::ids::{RouteId, SendLimitId, TenantId};
use crate::schema::{route, send_limit, send_slowdown};

/// The columns of [`Terms`]; `None` becomes NULL.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = send_limit, treat_none_as_null = true)]
struct TermsRow {
    per_minute: Option<i32>,
    max_sessions: Option<i32>,
    suspended: bool,
    warm_up_from: Option<NaiveDate>,
    warm_up_first: Option<i32>,
    warm_up_growth: Option<i16>,
    warm_up_until: Option<i32>,
}

impl From<&Terms> for TermsRow {
    fn from(terms: &Terms) -> Self {
        let plan = terms.warm_up;
        Self {
            per_minute: terms.per_minute,
            max_sessions: terms.max_sessions,
            suspended: terms.suspended,
            warm_up_from: plan.map(|plan| plan.from),
            warm_up_first: plan.map(|plan| plan.first),
            warm_up_growth: plan.map(|plan| plan.growth),
            warm_up_until: plan.map(|plan| plan.until),
        }
    }
}

impl From<TermsRow> for Terms {
    fn from(row: TermsRow) -> Self {
        Self {
            per_minute: row.per_minute,
            max_sessions: row.max_sessions,
            suspended: row.suspended,
            warm_up: WarmUp::of(
                row.warm_up_from,
                row.warm_up_first,
                row.warm_up_growth,
                row.warm_up_until,
            ),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = send_limit)]
struct Row {
    id: SendLimitId,
    #[diesel(embed)]
    scope: Scope,
    #[diesel(embed)]
    terms: TermsRow,
    day: NaiveDate,
    day_used: i32,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Row {
    fn limit(self, today: NaiveDate, in_use: &HashMap<SendLimitId, i64>) -> SendLimit {
        SendLimit {
            id: self.id,
            scope: self.scope,
            terms: self.terms.into(),
            used: (self.day, self.day_used),
            sessions: in_use.get(&self.id).copied().unwrap_or(0),
            today,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SendLimitId,
    scope: &Scope,
    terms: &Terms,
    most: i64,
) -> Result<()> {
    let there: i64 = send_limit::table
        .filter(send_limit::tenant_id.eq(tenant))
        .count()
        .get_result(tx)
        .await?;
    if there >= most {
        return Err(DomainError::conflict(
            "too_many",
            "there are as many limits as a tenant may have: delete one first",
        ));
    }
    check_route(tx, tenant, scope.route_id).await?;
    let made = diesel::insert_into(send_limit::table)
        .values((
            send_limit::tenant_id.eq(tenant),
            send_limit::id.eq(id),
            scope,
            TermsRow::from(terms),
        ))
        .execute(tx)
        .await;
    let taken = || {
        DomainError::conflict(
            "limit_exists",
            "there is a limit for the same mails already: change that one",
        )
    };
    expect_unique(
        made,
        "send_limit_tenant_id_site_sender_domain_route_id_key",
        taken,
    )?;
    Ok(())
}

async fn check_route(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: Option<RouteId>,
) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    let known: i64 = route::table
        .find((tenant, id))
        .count()
        .get_result(tx)
        .await?;
    if known == 0 {
        return Err(DomainError::invalid(
            "/route_id",
            "not_found",
            "is no route of this tenant",
        ));
    }
    Ok(())
}

/// The day in the tenant's time zone.
async fn today(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<NaiveDate> {
    let zone = crate::tenant::find(tx, tenant).await?.time_zone;
    Ok(warm_up::day(now, &zone).0)
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SendLimitId,
    now: DateTime<Utc>,
) -> Result<SendLimit> {
    let today = today(tx, tenant, now).await?;
    let row: Option<Row> = send_limit::table
        .find((tenant, id))
        .select(Row::as_select())
        .first(tx)
        .await
        .optional()?;
    let in_use = session::in_use(tx, tenant, &[id]).await?;
    row.map(|row| row.limit(today, &in_use))
        .ok_or_else(|| DomainError::not_found("send limit"))
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    after: Option<Uuid>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<SendLimit>> {
    let today = today(tx, tenant, now).await?;
    let mut query = send_limit::table
        .filter(send_limit::tenant_id.eq(tenant))
        .order(send_limit::id)
        .limit(limit)
        .select(Row::as_select())
        .into_boxed();
    if let Some(id) = after {
        query = query.filter(send_limit::id.gt(SendLimitId(id)));
    }
    let rows: Vec<Row> = query.load(tx).await?;
    let ids: Vec<SendLimitId> = rows.iter().map(|row| row.id).collect();
    let in_use = session::in_use(tx, tenant, &ids).await?;
    Ok(rows
        .into_iter()
        .map(|row| row.limit(today, &in_use))
        .collect())
}

/// False when the version is not the current one. What it used up by the old
/// terms is forgotten, what it let through today is not.
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SendLimitId,
    version: i32,
    terms: &Terms,
    now: DateTime<Utc>,
) -> Result<bool> {
    let changed = diesel::update(
        send_limit::table
            .find((tenant, id))
            .filter(send_limit::version.eq(version)),
    )
    .set((
        TermsRow::from(terms),
        send_limit::used_until.eq(now),
        send_limit::version.eq(version + 1),
        send_limit::updated_at.eq(now),
    ))
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SendLimitId,
    version: i32,
) -> Result<bool> {
    let deleted = diesel::delete(
        send_limit::table
            .find((tenant, id))
            .filter(send_limit::version.eq(version)),
    )
    .execute(tx)
    .await?;
    Ok(deleted == 1)
}

/// Limits and slow-downs of a route; answers whether there were any.
pub(super) async fn delete_of_route(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    route: RouteId,
) -> Result<bool> {
    let limits = diesel::delete(send_limit::table)
        .filter(send_limit::tenant_id.eq(tenant))
        .filter(send_limit::route_id.eq(route))
        .execute(tx)
        .await?;
    let slow = diesel::delete(send_slowdown::table)
        .filter(send_slowdown::tenant_id.eq(tenant))
        .filter(send_slowdown::route_id.eq(route))
        .execute(tx)
        .await?;
    Ok(limits + slow > 0)
}
