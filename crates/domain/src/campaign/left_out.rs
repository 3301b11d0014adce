//! "Why 9,412 of 10,000?": every person of the audience who gets nothing, with
//! the reason. Before sending the audience is judged as it stands; once it is
//! frozen, the rows that were written then tell it.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::audience::Audience;
use super::frequency::Cap;
use super::state::State;
use super::{CampaignRow, queries};
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::delivery::read::{self, DeliveryFilter, DeliveryState};
use crate::error::Result;
use crate::ids::{CampaignId, ContactId, DeliveryId, TenantId};
use crate::page::{Page, PageRequest};

/// People judged at a time while a page is not full: a tenth of a second.
const CHUNK: i64 = 20_000;
/// A page of one kind can't be gone on with as the other.
const BEFORE: &str = "audience";
const AFTER: &str = "frozen";

/// Somebody who gets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// `None` when the contact was deleted since.
    pub contact_id: Option<ContactId>,
    pub name: Option<String>,
    pub address: String,
    /// A stable code.
    pub reason: String,
    key: Uuid,
}

/// Pages the people left out, all or those of one reason.
///
/// # Errors
/// Forbidden, not found, invalid for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    campaign: CampaignId,
    reason: Option<&str>,
    page: &PageRequest,
) -> Result<Page<LeftOut>> {
    actor.require(Permission::CampaignsRead)?;
    let (limit, tenant) = (page.limit()?, actor.tenant_id);
    db.tenant(tenant, async |tx| {
        let row = queries::find(tx, tenant, campaign).await?;
        let is_before = matches!(row.state, State::Draft | State::Scheduled);
        let sort = if is_before { BEFORE } else { AFTER };
        let after = page.cursor(sort)?.map(|cursor| cursor.id);
        let people = if is_before {
            {
                let cap = Cap::load(tx, tenant, db.now()).await?;
                judged(tx, tenant, &row.audience()?, cap, reason, after, limit + 1).await?
            }
        } else {
            frozen(tx, tenant, &row, reason, after, limit + 1).await?
        };
        Ok(Page::cut(people, limit, sort, |p| (String::new(), p.key)))
    })
    .await
}

async fn frozen(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &CampaignRow,
    reason: Option<&str>,
    after: Option<Uuid>,
    rows: i64,
) -> Result<Vec<LeftOut>> {
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Skipped),
        reason: reason.map(str::to_owned),
        ..DeliveryFilter::default()
    };
    let skipped = read::page_of(tx, tenant, row, &filter, after.map(DeliveryId), rows).await?;
    Ok(skipped
        .into_iter()
        .map(|delivery| LeftOut {
            contact_id: delivery.contact_id,
            name: delivery.name,
            address: delivery.address,
            reason: delivery.reason.unwrap_or_default(),
            key: delivery.id.0,
        })
        .collect())
}

#[derive(QueryableByName)]
struct Judged {
    #[diesel(sql_type = BigInt)]
    looked_at: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    last: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    id: Option<ContactId>,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

/// Chunk by chunk, until the page is full or everybody was looked at.
async fn judged(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    audience: &Audience,
    cap: Option<Cap>,
    reason: Option<&str>,
    after: Option<Uuid>,
    rows: i64,
) -> Result<Vec<LeftOut>> {
    let wanted = usize::try_from(rows).unwrap_or(usize::MAX);
    let mut found: Vec<LeftOut> = Vec::new();
    let mut after = after.unwrap_or_else(Uuid::nil);
    if audience.is_empty() {
        return Ok(found);
    }
    loop {
        let chunk = chunk(tx, tenant, audience, cap, reason, after, rows).await?;
        let (looked_at, last) = chunk
            .as_slice()
            .first()
            .map_or((0, None), |j| (j.looked_at, j.last));
        for row in chunk {
            if let (Some(id), Some(address), Some(reason)) = (row.id, row.email, row.reason) {
                found.push(LeftOut {
                    contact_id: Some(id),
                    name: row.name,
                    address,
                    reason,
                    key: id.0,
                });
            }
        }
        found.truncate(wanted);
        match last {
            Some(last) if looked_at == CHUNK && found.len() < wanted => after = last,
            _ => return Ok(found),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the judging CTEs; only fixed text is put together"
)]
async fn chunk(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    audience: &Audience,
    cap: Option<Cap>,
    reason: Option<&str>,
    after: Uuid,
    rows: i64,
) -> Result<Vec<Judged>> {
    // One row tells how far it looked even when nobody is left out.
    let sql = format!(
        "WITH {}
         SELECT looked.n AS looked_at, looked.last, l.id, l.email, l.name, l.reason
         FROM (SELECT count(*) AS n, (SELECT id FROM people ORDER BY id DESC LIMIT 1) AS last FROM people) looked
         LEFT JOIN LATERAL (SELECT j.id, j.email, j.name, j.reason FROM judged j
                            WHERE j.reason IS NOT NULL AND ($6::text IS NULL OR j.reason = $6)
                            ORDER BY j.id LIMIT $7) l ON true
         ORDER BY l.id",
        audience.judged(true, cap)
    );
    Ok(diesel::sql_query(sql)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(&audience.list_ids)
        .bind::<Array<SqlUuid>, _>(&audience.exclude_list_ids)
        .bind::<SqlUuid, _>(after)
        .bind::<BigInt, _>(CHUNK)
        .bind::<Nullable<Text>, _>(reason)
        .bind::<BigInt, _>(rows)
        .load(tx)
        .await?)
}
