//! Slow-downs: a site that asks for less gets less, from the sender domain and
//! by the route of which it was tired, and more again when it is content.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::json;

use super::meaning::Meaning;
use super::release;
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::delivery::outcome::Reply;
use crate::error::{DomainError, Result};
use crate::ids::{RouteId, SendSlowdownId, TenantId};
use crate::page::{Page, PageRequest};
use crate::schema::{route, send_slowdown};

/// Mails a minute when a site first asks for less, unless a limit says less.
const START: i32 = 600;
/// It is never slower than this.
const LEAST: i32 = 6;
/// With so many a minute it has recovered.
const RECOVERED: i32 = 30_000;
/// Whatever a site said, after so long without another word it has recovered:
/// from [`LEAST`] to [`RECOVERED`] it is 13 times twice as much.
const SLOWEST_RECOVERY: TimeDelta = TimeDelta::minutes(130);
/// Rows of one sweep; it comes each hour.
const SWEPT: i64 = 10_000;
/// Refusals within this time are one: those that were on their way already.
const TOGETHER: TimeDelta = TimeDelta::seconds(20);

/// Whose mails a site is tired of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    pub tenant: TenantId,
    pub sender_domain: String,
    pub route: RouteId,
    pub site: String,
}

/// A slow-down as it is now.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = send_slowdown)]
pub struct Slowdown {
    pub id: SendSlowdownId,
    pub site: String,
    pub sender_domain: String,
    pub route_id: RouteId,
    #[diesel(select_expression = route::name)]
    pub route_name: String,
    pub per_minute: i32,
    pub meaning: Meaning,
    /// How often it asked for less.
    pub times: i32,
    pub slowed_at: DateTime<Utc>,
    pub reply_code: Option<i16>,
    /// Hostile input.
    pub reply_text: String,
    #[serde(skip)]
    eased_at: DateTime<Utc>,
    /// Nothing goes before.
    #[diesel(column_name = used_until)]
    pub rests_until: DateTime<Utc>,
}

/// The pace at a later time, and up to when that is reckoned: it doubles with
/// each [`Meaning::patience`] without a refusal. `None`: it has recovered.
pub(super) fn eased(
    per_minute: i32,
    meaning: Meaning,
    eased_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<(i32, DateTime<Utc>)> {
    let (mut pace, mut at) = (per_minute, eased_at);
    while at + meaning.patience() <= now && pace < RECOVERED {
        pace = pace.saturating_mul(2);
        at += meaning.patience();
    }
    (pace < RECOVERED).then_some((pace, at))
}

/// A site asked for less: it rests, and then gets a part of what it got.
///
/// # Errors
/// When the database does.
#[expect(
    clippy::disallowed_methods,
    reason = "an upsert that reckons with the row; every value is bound"
)]
pub async fn down(db: &Db, subject: &Subject, meaning: Meaning, reply: &Reply) -> Result<()> {
    let now = db.now();
    db.tenant(subject.tenant, async |tx| {
        diesel::sql_query(
            "INSERT INTO send_slowdown AS s (tenant_id, id, sender_domain, route_id, site, per_minute, used_until, meaning,
                                             slowed_at, eased_at, reply_code, reply_text)
             SELECT $1, $2, $3, $4, $5,
                    greatest($12, least($6, (SELECT min(l.per_minute) / 2 FROM send_limit l WHERE l.tenant_id = $1
                        AND coalesce(l.sender_domain, $3) = $3 AND coalesce(l.route_id, $4) = $4 AND coalesce(l.site, $5) = $5))),
                    $7, $8, $9, $7, $10, $11
             WHERE EXISTS (SELECT FROM route r WHERE r.tenant_id = $1 AND r.id = $4)
             ON CONFLICT (tenant_id, sender_domain, route_id, site) DO UPDATE SET
                per_minute = CASE WHEN s.slowed_at <= $9 - $13 * interval '1 second'
                                  THEN greatest($12, s.per_minute / $14) ELSE s.per_minute END,
                times = s.times + 1, meaning = excluded.meaning, slowed_at = excluded.slowed_at,
                eased_at = greatest(s.eased_at, excluded.eased_at), used_until = greatest(s.used_until, excluded.used_until),
                reply_code = excluded.reply_code, reply_text = excluded.reply_text",
        )
        .bind::<SqlUuid, _>(subject.tenant)
        .bind::<SqlUuid, _>(SendSlowdownId::new())
        .bind::<Text, _>(&subject.sender_domain)
        .bind::<SqlUuid, _>(subject.route)
        .bind::<Text, _>(&subject.site)
        .bind::<Integer, _>(START)
        .bind::<Timestamptz, _>(now + meaning.rest())
        .bind::<Text, _>(meaning)
        .bind::<Timestamptz, _>(now)
        .bind::<Nullable<SmallInt>, _>(i16::try_from(reply.code).ok())
        .bind::<Text, _>(reply.kept_text())
        .bind::<Integer, _>(LEAST)
        .bind::<Integer, _>(i32::try_from(TOGETHER.num_seconds()).unwrap_or(0))
        .bind::<Integer, _>(meaning.divisor())
        .execute(tx)
        .await?;
        Ok(())
    })
    .await
}

/// Those that have not recovered, the oldest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(db: &Db, actor: &Actor, page: &PageRequest) -> Result<Page<Slowdown>> {
    actor.require(Permission::SettingsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor("id")?);
    let (tenant, now) = (actor.tenant_id, db.now());
    let rows: Vec<Slowdown> = db
        .tenant(tenant, async |tx| {
            let mut query = send_slowdown::table
                .inner_join(
                    route::table.on(route::tenant_id
                        .eq(send_slowdown::tenant_id)
                        .and(route::id.eq(send_slowdown::route_id))),
                )
                .filter(send_slowdown::tenant_id.eq(tenant))
                .filter(send_slowdown::eased_at.gt(now - SLOWEST_RECOVERY))
                .order(send_slowdown::id)
                .limit(limit + 1)
                .select(Slowdown::as_select())
                .into_boxed();
            if let Some(cursor) = &cursor {
                query = query.filter(send_slowdown::id.gt(SendSlowdownId(cursor.id)));
            }
            Ok(query.load(tx).await?)
        })
        .await?;
    let mut page = Page::cut(rows, limit, "id", |row: &Slowdown| {
        (String::new(), row.id.0)
    });
    page.items = std::mem::take(&mut page.items)
        .into_iter()
        .filter_map(|row| {
            let (per_minute, _) = eased(row.per_minute, row.meaning, row.eased_at, now)?;
            Some(Slowdown { per_minute, ..row })
        })
        .collect();
    Ok(page)
}

/// Forgets slow-downs that are over, of sites to which no mail went since: there
/// is one for each domain that ever said no. For the sweeper.
pub(crate) async fn forget_recovered(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<()> {
    // In the order of admission, and not those that a batch has in hand.
    let over: Vec<SendSlowdownId> = send_slowdown::table
        .filter(send_slowdown::tenant_id.eq(tenant))
        .filter(send_slowdown::eased_at.le(now - SLOWEST_RECOVERY))
        .order(send_slowdown::id)
        .select(send_slowdown::id)
        .limit(SWEPT)
        .for_update()
        .skip_locked()
        .load(tx)
        .await?;
    diesel::delete(send_slowdown::table)
        .filter(send_slowdown::tenant_id.eq(tenant))
        .filter(send_slowdown::id.eq_any(over))
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends a slow-down by hand.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn lift(db: &Db, actor: &Actor, id: SendSlowdownId) -> Result<()> {
    actor.require(Permission::SettingsWrite)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        release::hold(tx, tenant).await?;
        let lifted: Option<(String, String)> =
            diesel::delete(send_slowdown::table.find((tenant, id)))
                .returning((send_slowdown::site, send_slowdown::sender_domain))
                .get_result(tx)
                .await
                .optional()?;
        let Some((site, sender_domain)) = lifted else {
            return Err(DomainError::not_found("slow-down"));
        };
        release::order(tx, tenant).await?;
        let entry = audit::Entry {
            action: "send_slowdown.lifted",
            subject_kind: "send_slowdown",
            subject_id: Some(id.0),
            before: Some(json!({"site": site, "sender_domain": sender_domain})),
            after: None,
        };
        audit::record(tx, actor, entry).await
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_site_gets_twice_as_much_again_and_again() {
        let start = crate::clock::Clock::system().now();
        let after = |minutes| {
            eased(
                600,
                Meaning::Busy,
                start,
                start + TimeDelta::minutes(minutes),
            )
        };
        assert_eq!(after(0), Some((600, start)));
        assert_eq!(after(1), Some((1200, start + TimeDelta::minutes(1))));
        assert_eq!(after(3), Some((4800, start + TimeDelta::minutes(3))));
        assert_eq!(after(6), None);
        assert_eq!(after(100_000), None);
        let slowest = eased(LEAST, Meaning::Distrust, start, start + SLOWEST_RECOVERY);
        assert_eq!(slowest, None);
    }
}
