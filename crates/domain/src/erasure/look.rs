//! Who else the address stands for: a person whose contact was deleted, and
//! who still stands in the ledger and in deliveries.

use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::Result;
use crate::ids::TenantId;
use crate::schema::consent;

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
