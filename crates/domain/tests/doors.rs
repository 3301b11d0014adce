//! The doors to the database: whose rows a transaction sees, and what becomes
//! of the connection when it ends otherwise than it should.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; rows are counted in SQL"
)]

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::DomainError;
use domain::db::Db;
use domain::ids::TenantId;
use domain::testing::{TestDatabase, TestTenant};

fn block_of(tenant: TenantId) -> String {
    format!(
        "INSERT INTO block (tenant_id, id, key, name) VALUES ('{tenant}', gen_random_uuid(), 'x', 'x')"
    )
}

async fn run(mut tx: &AsyncPgConnection, sql: &str) -> domain::Result<usize> {
    Ok(diesel::sql_query(sql).execute(&mut tx).await?)
}

/// People whom a pipelined transaction of the tenant sees.
async fn people(db: &Db, tenant: TenantId) -> usize {
    let seen = db.tenant_pipelined(tenant, async |tx| {
        run(tx, "SELECT id FROM user_account").await
    });
    seen.await.unwrap()
}

#[tokio::test]
async fn a_pipelined_transaction_sees_its_tenants_rows_from_its_first_query_on() {
    let database = TestDatabase::new().await;
    let first = TestTenant::create(&database.db, "acme").await;
    let second = TestTenant::create(&database.db, "other").await;
    // Each statement is prepared the first time, and sent at once from then on.
    for _ in 0..3 {
        assert_eq!(people(&database.db, first.id).await, 3);
        assert_eq!(people(&database.db, second.id).await, 3);
        assert_eq!(people(&database.db, TenantId::new()).await, 0);
    }
    let sql = block_of(first.id);
    let refused = database
        .db
        .tenant_pipelined(second.id, async |tx| run(tx, &sql).await);
    assert!(format!("{:?}", refused.await.unwrap_err()).contains("row-level security"));
    let left = database
        .db
        .system(async |tx| run(tx, "SELECT id FROM user_account").await);
    assert_eq!(
        left.await.unwrap(),
        0,
        "the tenant ends with its transaction"
    );
}

#[tokio::test]
async fn a_pipelined_transaction_that_fails_or_is_dropped_writes_nothing() {
    let database = TestDatabase::new().await;
    let tenant = TestTenant::create(&database.db, "acme").await.id;
    let sql = block_of(tenant);
    let failed: domain::Result<()> = database
        .db
        .tenant_pipelined(tenant, async |tx| {
            run(tx, &sql).await?;
            Err(DomainError::internal("thought better of it"))
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(database.count("SELECT count(*) FROM block").await, 0);
    let (told, heard) = tokio::sync::oneshot::channel();
    let (db, insert) = (database.db.clone(), sql.clone());
    let task = tokio::spawn(async move {
        db.tenant_pipelined(tenant, async move |tx| {
            run(tx, &insert).await?;
            told.send(()).ok();
            std::future::pending::<domain::Result<()>>().await
        })
        .await
    });
    heard.await.unwrap();
    task.abort();
    drop(task.await);
    assert_eq!(database.count("SELECT count(*) FROM block").await, 0);
    let written = database
        .db
        .tenant_pipelined(tenant, async |tx| run(tx, &sql).await);
    assert_eq!(written.await.unwrap(), 1);
    assert_eq!(database.count("SELECT count(*) FROM block").await, 1);
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_not_given_out_again() {
    let database = TestDatabase::new().await;
    let tenant = TestTenant::create(&database.db, "acme").await.id;
    // It ends itself: that its end is known when it comes back needs no waiting.
    let ended = database.db.tenant_pipelined(tenant, async |tx| {
        run(tx, "SELECT pg_terminate_backend(pg_backend_pid())").await
    });
    assert!(ended.await.is_err());
    for _ in 0..20 {
        assert_eq!(people(&database.db, tenant).await, 3);
    }
}
