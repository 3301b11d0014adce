//! Re-seals everything under the current master key, so that an old one can be
//! taken out of the key file.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Binary, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::Keys;
use crate::db::Db;
use crate::error::Result;
use crate::housekeeping::tenants;
use crate::ids::TenantId;

/// Secrets of a transaction.
const BATCH: i64 = 200;

/// A column that holds sealed secrets.
#[derive(Debug, Clone, Copy)]
pub struct SealedColumn {
    pub table: &'static str,
    pub column: &'static str,
    /// SQL of the place that a row's secret is sealed for.
    place: &'static str,
}

/// All of them. A column whose name ends with `_sealed` and that is missing
/// here fails `domain/tests/catalogue.rs`.
pub const SEALED: &[SealedColumn] = &[
    SealedColumn {
        table: "dkim_key",
        column: "private_key_sealed",
        place: "'dkim_key:' || id",
    },
    SealedColumn {
        table: "idempotency_key",
        column: "body_sealed",
        place: "'idempotency_key:' || user_id || ':' || key",
    },
    SealedColumn {
        table: "route",
        column: "password_sealed",
        place: "'route.password:' || id",
    },
    SealedColumn {
        table: "system_mail",
        column: "secret_sealed",
        place: "'system_mail.link:' || id",
    },
    SealedColumn {
        table: "totp_seed",
        column: "seed_sealed",
        place: "'totp:' || user_id",
    },
    SealedColumn {
        table: "webhook",
        column: "secret_sealed",
        place: "'webhook.secret:' || id",
    },
    SealedColumn {
        table: "webhook",
        column: "old_secret_sealed",
        place: "'webhook.secret:' || id",
    },
];

/// What [`run`] did with one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resealed {
    pub table: &'static str,
    pub column: &'static str,
    pub secrets: u64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    at: String,
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = Binary)]
    sealed: Vec<u8>,
}

/// Re-seals what another key sealed, tenant by tenant in small transactions.
/// Broken off, it goes on where it was; run again, it finds nothing.
///
/// # Errors
/// When the database does, or a secret opens with no key of the ring.
pub async fn run(db: &Db, keys: &Keys) -> Result<Vec<Resealed>> {
    let mut done: Vec<Resealed> = SEALED
        .iter()
        .map(|sealed| Resealed {
            table: sealed.table,
            column: sealed.column,
            secrets: 0,
        })
        .collect();
    let mut after = None;
    loop {
        let page = tenants(db, after).await?;
        let Some(last) = page.last() else {
            return Ok(done);
        };
        after = Some(*last);
        for tenant in page {
            for (column, done) in SEALED.iter().zip(&mut done) {
                done.secrets += column_of(db, keys, tenant, column).await?;
            }
        }
    }
}

async fn column_of(db: &Db, keys: &Keys, tenant: TenantId, column: &SealedColumn) -> Result<u64> {
    let mut secrets = 0;
    loop {
        let found = db
            .tenant(tenant, async |tx| {
                let rows = others(tx, tenant, column, &keys.seal_prefix()).await?;
                for row in &rows {
                    let plain = keys.open(tenant, &row.place, &row.sealed)?;
                    let sealed = keys.seal(tenant, &row.place, &plain)?;
                    put(tx, tenant, column, row, sealed).await?;
                }
                Ok(rows.len())
            })
            .await?;
        secrets += u64::try_from(found).unwrap_or(0);
        if i64::try_from(found).is_ok_and(|found| found < BATCH) {
            return Ok(secrets);
        }
    }
}

/// Secrets that another key sealed. What is no sealed form (kept answers of
/// before they were sealed) goes within a day.
#[expect(
    clippy::disallowed_methods,
    reason = "table and column come from a constant of ours; every value is bound"
)]
async fn others(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    column: &SealedColumn,
    prefix: &[u8],
) -> Result<Vec<Row>> {
    let SealedColumn {
        table,
        column,
        place,
    } = column;
    Ok(diesel::sql_query(format!(
        "SELECT ctid::text AS at, {place} AS place, {column} AS sealed FROM {table}
         WHERE tenant_id = $1 AND substr({column}, 1, 1) IN ('\\x01', '\\x02') AND substr({column}, 1, 5) <> $2
         LIMIT $3 FOR UPDATE"
    ))
    .bind::<SqlUuid, _>(tenant)
    .bind::<Binary, _>(prefix)
    .bind::<BigInt, _>(BATCH)
    .load(tx)
    .await?)
}

/// By its place in the table, which the lock keeps as it is.
#[expect(
    clippy::disallowed_methods,
    reason = "table and column come from a constant of ours; every value is bound"
)]
async fn put(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    column: &SealedColumn,
    row: &Row,
    sealed: Vec<u8>,
) -> Result<()> {
    let SealedColumn { table, column, .. } = column;
    diesel::sql_query(format!(
        "UPDATE {table} SET {column} = $3 WHERE ctid = $2::tid AND tenant_id = $1"
    ))
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(&row.at)
    .bind::<Binary, _>(sealed)
    .execute(tx)
    .await?;
    Ok(())
}

/// How many secrets still want a key that is not the current one.
///
/// # Errors
/// When the database does.
pub async fn waiting(db: &Db, keys: &Keys) -> Result<u64> {
    let (mut waiting, mut after) = (0, None);
    loop {
        let page = tenants(db, after).await?;
        let Some(last) = page.last() else {
            return Ok(waiting);
        };
        after = Some(*last);
        for tenant in page {
            waiting += db
                .tenant(tenant, async |tx| {
                    let mut n = 0;
                    for column in SEALED {
                        n += others(tx, tenant, column, &keys.seal_prefix()).await?.len();
                    }
                    Ok(u64::try_from(n).unwrap_or(u64::MAX))
                })
                .await?;
        }
    }
}
