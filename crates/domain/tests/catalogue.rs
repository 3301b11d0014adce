//! Reads PostgreSQL's catalogue: every table of a tenant is behind row level
//! security, keyed by tenant, and indexed for it.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; the catalogue is read in SQL"
)]

use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use domain::ids::TenantId;
use domain::testing::{TestDatabase, TestTenant};

/// Cross-tenant tables: they hold ids and times, no personal data.
const WITHOUT_POLICY: [&str; 14] = [
    "exchange_site",
    "installation",
    "job_queue",
    "login_directory",
    "login_throttle",
    "mail_directory",
    "outbox_queue",
    "send_queue",
    "send_session",
    "sender_domain_queue",
    "signup_directory",
    "system_mail_queue",
    "used_challenge",
    "webhook_queue",
];

/// The operator's own tables, which stay when a tenant is gone.
const OF_THE_OPERATOR: [&str; 7] = [
    "certificate_key",
    "operator_account",
    "operator_audit",
    "operator_audit_head",
    "operator_audit_link",
    "operator_session",
    "tenant_erasure",
];

#[derive(diesel::QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

async fn names(database: &TestDatabase, sql: &str) -> Vec<String> {
    let mut owner = AsyncPgConnection::establish(&database.owner_url())
        .await
        .unwrap();
    let rows: Vec<Name> = diesel::sql_query(sql).load(&mut owner).await.unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

#[tokio::test]
async fn every_tenant_table_has_forced_row_level_security_and_a_key_that_begins_with_the_tenant() {
    let database = TestDatabase::new().await;
    let tables = names(
        &database,
        "SELECT c.relname AS name FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND c.relname <> '__diesel_schema_migrations' ORDER BY 1",
    )
    .await;
    assert!(tables.len() > 30, "the catalogue was read: {tables:?}");
    let guarded = names(
        &database,
        "SELECT c.relname AS name FROM pg_class c
         JOIN pg_policy p ON p.polrelid = c.oid AND p.polcmd = '*'
           AND pg_get_expr(p.polqual, c.oid) LIKE '%= ( SELECT current_tenant() AS current_tenant))'
           AND pg_get_expr(p.polwithcheck, c.oid) LIKE '%= ( SELECT current_tenant() AS current_tenant))'
         JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
         WHERE c.relrowsecurity AND c.relforcerowsecurity
           AND (a.attname = 'tenant_id' OR c.relname = 'tenant') ORDER BY 1",
    )
    .await;
    let open: Vec<&String> = tables
        .iter()
        .filter(|t| !guarded.contains(t) && !OF_THE_OPERATOR.contains(&t.as_str()))
        .collect();
    assert_eq!(open, WITHOUT_POLICY, "tables without a forced policy");
}

#[tokio::test]
async fn every_sealed_column_is_known_to_the_rotation() {
    let database = TestDatabase::new().await;
    let columns = names(
        &database,
        "SELECT table_name || '.' || column_name AS name FROM information_schema.columns
         WHERE table_schema = 'public' AND column_name LIKE '%\\_sealed' ORDER BY 1",
    )
    .await;
    let mut known: Vec<String> = domain::secret::rotate::SEALED
        .iter()
        .map(|sealed| format!("{}.{}", sealed.table, sealed.column))
        // Staff's, sealed anew by operator/reseal.rs.
        .chain(["operator_account.factor_sealed", "operator_session.seed_sealed"].map(str::to_owned))
        .collect();
    known.sort();
    assert_eq!(columns, known, "SEALED in secret/rotate.rs");
}

#[tokio::test]
async fn the_application_owns_nothing_and_cannot_go_round_its_policies() {
    let database = TestDatabase::new().await;
    let role = "SELECT count(*) FROM pg_roles WHERE rolname = 'kikubari_app' AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole)";
    assert_eq!(database.count(role).await, 0);
    let owned = "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = 'kikubari_app'";
    assert_eq!(database.count(owned).await, 0);
    let operators = "SELECT count(*) FROM pg_class WHERE relname IN ('certificate_key', 'operator_account', 'operator_audit', 'operator_audit_head', 'operator_audit_link', 'operator_session', 'tenant_erasure')
        AND has_table_privilege('kikubari_app', oid, 'SELECT, INSERT, UPDATE, DELETE')";
    assert_eq!(
        database.count(operators).await,
        0,
        "staff and their log-ins are out of the tenants' program's reach"
    );
    let partitions = "SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r' AND has_table_privilege('kikubari_app', oid, 'SELECT')";
    assert_eq!(
        database.count(partitions).await,
        0,
        "partitions are reached through their parents only"
    );
}

#[tokio::test]
async fn without_a_tenant_no_row_is_seen_and_another_tenants_row_cannot_be_written() {
    let database = TestDatabase::new().await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let seen = database
        .db
        .system(async |tx| {
            Ok(diesel::sql_query("SELECT id FROM user_account")
                .execute(tx)
                .await?)
        })
        .await
        .unwrap();
    assert_eq!(seen, 0);
    let own = database
        .db
        .tenant(tenant.id, async |tx| {
            Ok(diesel::sql_query("SELECT id FROM user_account")
                .execute(tx)
                .await?)
        })
        .await
        .unwrap();
    assert_eq!(own, 3);
    let sql = format!(
        "INSERT INTO block (tenant_id, id, key, name) VALUES ('{}', '{}', 'x', 'x')",
        tenant.id,
        TenantId::new()
    );
    let refused = database
        .db
        .tenant(TenantId::new(), async |tx| {
            Ok(diesel::sql_query(&sql).execute(tx).await?)
        })
        .await;
    assert!(format!("{:?}", refused.unwrap_err()).contains("row-level security"));
}

#[tokio::test]
async fn a_transaction_that_is_dropped_half_way_is_rolled_back() {
    let database = TestDatabase::new().await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let sql = format!(
        "INSERT INTO block (tenant_id, id, key, name) VALUES ('{}', gen_random_uuid(), 'x', 'x')",
        tenant.id
    );
    let (told, heard) = tokio::sync::oneshot::channel();
    let db = database.db.clone();
    let id = tenant.id;
    let task = tokio::spawn(async move {
        db.tenant(id, async move |tx| {
            diesel::sql_query(&sql).execute(tx).await?;
            told.send(()).ok();
            std::future::pending::<domain::Result<()>>().await
        })
        .await
    });
    heard.await.unwrap();
    task.abort();
    drop(task.await);
    assert_eq!(database.count("SELECT count(*) FROM block").await, 0);
    let again = database
        .db
        .tenant(id, async |tx| {
            Ok(diesel::sql_query("SELECT id FROM block")
                .execute(tx)
                .await?)
        })
        .await;
    assert_eq!(again.unwrap(), 0);
}
