//! The doors to the database: whose rows a transaction sees, and what becomes
//! of the connection when it ends otherwise than it should.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; rows are counted in SQL"
)]

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::DomainError;
use domain::clock::Clock;
use domain::config::DatabaseConfig;
use domain::db::Db;
use domain::ids::TenantId;
use domain::testing::{TestDatabase, TestTenant};
use tokio::net::{TcpListener, TcpStream};

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

/// A way to the database that can be cut: (its port, cut and wait).
async fn line_to(port: u16) -> (u16, tokio::sync::oneshot::Sender<()>) {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = door.local_addr().unwrap().port();
    let (cut, is_cut) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let carry = async {
            let mut near = door.accept().await.unwrap().0;
            let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::io::copy_bidirectional(&mut near, &mut far)
                .await
                .ok();
        };
        // Dropping it closes both sides, whatever is on its way.
        tokio::select! { () = carry => {}, _ = is_cut => {} }
    });
    (own, cut)
}

#[tokio::test]
async fn a_connection_that_ends_under_a_statement_is_no_fault_of_ours() {
    let database = TestDatabase::new().await;
    let tenant = TestTenant::create(&database.db, "acme").await.id;
    let db = &database.db;
    let is_unavailable = |answer: domain::Result<usize>, when: &str| {
        let told = answer.unwrap_err();
        assert!(
            matches!(told, DomainError::Unavailable { .. }),
            "{when}: {told:?}"
        );
    };
    // Another connection, so that the end comes while nothing or something is asked.
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let by_itself = "SELECT pg_terminate_backend(pg_backend_pid())";
    is_unavailable(
        db.tenant(tenant, async |tx| run(tx, by_itself).await).await,
        "while it is asked",
    );
    is_unavailable(
        db.tenant_pipelined(tenant, async |tx| run(tx, by_itself).await)
            .await,
        "while the first is asked",
    );
    let between = db.tenant(tenant, async |tx| {
        run(tx, "SELECT 1").await?;
        database.count(end).await;
        run(tx, "SELECT 1").await
    });
    is_unavailable(between.await, "between two");
    let at_the_end = db.tenant(tenant, async |tx| {
        run(tx, "SELECT 1").await?;
        database.count(end).await;
        Ok(1)
    });
    is_unavailable(at_the_end.await, "before COMMIT");
    assert_eq!(
        people(db, tenant).await,
        3,
        "the next one has a connection of its own"
    );
}

#[tokio::test]
async fn a_line_that_is_cut_is_no_fault_of_ours() {
    let database = TestDatabase::new().await;
    let mut url = url::Url::parse(&database.app_url()).unwrap();
    let far = url.port().unwrap();
    for asked in ["SELECT 1", "SELECT pg_sleep(60)"] {
        let (near, cut) = line_to(far).await;
        url.set_port(Some(near)).unwrap();
        let config = DatabaseConfig {
            database_url: url.to_string().into(),
            database_pool: 1,
        };
        let db = Db::new(&config, Clock::system()).unwrap();
        let answer = db.system(async |tx| {
            run(tx, "SELECT 1").await?;
            let (asked, ()) = tokio::join!(run(tx, asked), async { drop(cut) });
            asked?;
            run(tx, "SELECT 1").await
        });
        let told = answer.await.unwrap_err();
        assert!(
            matches!(told, DomainError::Unavailable { .. }),
            "{asked}: {told:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_cannot_is_no_fault_of_ours_either() {
    let database = TestDatabase::new().await;
    let full = "DO $$ BEGIN RAISE disk_full USING MESSAGE = \
                'could not extend file \"base/1/2\": No space left on device'; END $$";
    let ours = "DO $$ BEGIN RAISE 'it is broken'; END $$";
    for (set, asked, passes) in [
        (
            "SET LOCAL statement_timeout = 50",
            "SELECT pg_sleep(60)",
            true,
        ),
        (
            "SET TRANSACTION READ ONLY",
            "INSERT INTO block (tenant_id) VALUES (gen_random_uuid())",
            true,
        ),
        ("SELECT 1", full, true),
        ("SELECT 1", ours, false),
    ] {
        let answer = database.db.system(async |tx| {
            run(tx, set).await?;
            run(tx, asked).await
        });
        let told = answer.await.unwrap_err();
        assert_eq!(told.is_passing(), passes, "{asked}: {told:?}");
    }
}
