//! What the database itself holds the operator's role to.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; it asks in SQL"
)]

use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use domain::audit::chain::{self, FaultKind};
use domain::audit::trace::Trace;
use domain::contact::{self, NewContact};
use domain::ids::{OperatorId, OperatorSessionId, SupportSessionId};
use domain::operator::{Operator, account, support as console, tenants};
use domain::support::{self, NewGrant};
use domain::testing::{TestDatabase, TestTenant};
use domain::user::{FirstPassword, NewUser};
use domain::{Db, Result};

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

async fn count(db: &Db, tenant: &TestTenant, table: &str) -> Result<i64> {
    let sql = format!("SELECT count(*) AS n FROM {table}");
    db.tenant(tenant.id, async |tx| {
        let row: Number = diesel::sql_query(&sql).get_result(tx).await?;
        Ok(row.n)
    })
    .await
}

async fn execute(db: &Db, tenant: &TestTenant, sql: &str) -> Result<usize> {
    db.tenant(tenant.id, async |tx| {
        Ok(diesel::sql_query(sql).execute(tx).await?)
    })
    .await
}

fn staff() -> Operator {
    Operator {
        id: Some(OperatorId::new()),
        session: Some(OperatorSessionId::new()),
        ..Operator::command_line()
    }
}

async fn tenant_with_a_contact(database: &TestDatabase) -> TestTenant {
    let tenant = TestTenant::create(&database.db, "acme").await;
    let person = NewContact {
        email: "hanako@example.jp".to_owned(),
        name: "花子".to_owned(),
        fields: std::collections::BTreeMap::new(),
        list_ids: Vec::new(),
    };
    contact::create(&database.db, &tenant.owner(), person, "manual")
        .await
        .unwrap();
    tenant
}

async fn grant(database: &TestDatabase, tenant: &TestTenant) -> support::Grant {
    let new = NewGrant {
        reason: "お問い合わせ".to_owned(),
        permissions: vec!["contacts.read".to_owned()],
        hours: 1,
    };
    support::create(&database.db, &tenant.owner(), new)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_operators_database_role_reads_no_contact_without_a_grant_that_lasts() {
    let database = TestDatabase::new().await;
    let tenant = tenant_with_a_contact(&database).await;
    let rival = TestTenant::create(&database.db, "rival").await;
    let db = database.operator_db();
    assert_eq!(count(&db, &tenant, "contact").await.unwrap(), 0, "no grant");
    let grant = grant(&database, &tenant).await;
    assert_eq!(
        count(&db, &tenant, "contact").await.unwrap(),
        0,
        "no session"
    );
    let guess = db.supporting(SupportSessionId::new());
    assert_eq!(
        count(&guess, &tenant, "contact").await.unwrap(),
        0,
        "no such session"
    );

    let opened = console::open(&db, &staff(), tenant.id, grant.id)
        .await
        .unwrap();
    let supporting = db.supporting(opened.id);
    assert_eq!(count(&supporting, &tenant, "contact").await.unwrap(), 1);
    assert_eq!(
        count(&supporting, &rival, "contact").await.unwrap(),
        0,
        "another tenant"
    );
    assert_eq!(count(&supporting, &rival, "campaign").await.unwrap(), 0);
    // Settings are read by a function, under a grant of that tenant alone.
    let settings = |of: &TestTenant| format!("tenant_settings('{}')", of.id);
    for (db, of, expected) in [
        (&db, &tenant, 0),
        (&guess, &tenant, 0),
        (&supporting, &rival, 0),
        (&supporting, &tenant, 1),
    ] {
        assert_eq!(count(db, of, &settings(of)).await.unwrap(), expected);
    }
    let elsewhere = count(&supporting, &tenant, &settings(&rival)).await;
    assert_eq!(elsewhere.unwrap(), 0);
    for table in [
        "user_account",
        "session",
        "contact_export",
        "file_chunk",
        "refresh_token",
        "totp_seed",
        "passkey",
        "api_token",
        "webhook",
        "system_mail",
        "password_history",
        "access_entry",
        "audit_link",
    ] {
        let refused = count(&supporting, &tenant, table).await.unwrap_err();
        assert!(
            format!("{refused:?}").contains("permission denied"),
            "{table}: {refused:?}"
        );
    }
    for secret in [
        "(SELECT private_key_sealed FROM dkim_key) k",
        "(SELECT password_sealed FROM route) r",
        "(SELECT before, after FROM audit_entry) a",
        "(SELECT allowed_networks FROM tenant) t",
    ] {
        let refused = count(&supporting, &tenant, secret).await.unwrap_err();
        assert!(
            format!("{refused:?}").contains("permission denied"),
            "{secret}: {refused:?}"
        );
    }
    for sql in [
        "DELETE FROM contact",
        "UPDATE support_grant SET looks = 0",
        "INSERT INTO audit_entry (tenant_id) VALUES (NULL)",
    ] {
        let refused = execute(&supporting, &tenant, sql).await.unwrap_err();
        let said = format!("{refused:?}");
        assert!(
            said.contains("permission denied") || said.contains("read-only"),
            "{sql}: {said}"
        );
    }

    support::revoke(&database.db, &tenant.owner(), grant.id)
        .await
        .unwrap();
    assert_eq!(
        count(&supporting, &tenant, "contact").await.unwrap(),
        0,
        "revoked"
    );
}

#[tokio::test]
async fn the_operators_database_role_makes_itself_no_grant() {
    let database = TestDatabase::new().await;
    let tenant = tenant_with_a_contact(&database).await;
    let db = database.operator_db();
    let grant = grant(&database, &tenant).await;
    let opened = console::open(&db, &staff(), tenant.id, grant.id)
        .await
        .unwrap();
    let over = "UPDATE support_grant SET created_at = created_at - interval '2 days', expires_at = now() - interval '1 second'";
    database.execute_as_owner(over).await;
    assert_eq!(
        count(&db.supporting(opened.id), &tenant, "contact")
            .await
            .unwrap(),
        0,
        "over by the database's clock"
    );
    for sql in [
        "UPDATE support_grant SET expires_at = now() + interval '1 day'",
        "UPDATE support_grant SET revoked_at = NULL",
        "INSERT INTO support_grant SELECT * FROM support_grant",
        "DELETE FROM audit_entry",
        "UPDATE operator_audit SET action = 'x'",
        "INSERT INTO operator_audit (id, at, operator_name, action) VALUES (gen_random_uuid(), now() - interval '1 day', 'x', 'x')",
        "UPDATE operator_audit_head SET number = 0",
        "DELETE FROM operator_audit_link",
        "INSERT INTO operator_audit_link (number, entry_id, hash) VALUES (9, gen_random_uuid(), sha256(''))",
        "SELECT chain_operator_audit()",
        "INSERT INTO access_entry (tenant_id, id, at, actor_kind, operation, subject_kind) VALUES (current_tenant(), gen_random_uuid(), now(), 'x', 'x', 'x')",
        "DELETE FROM tenant",
        "DELETE FROM contact",
        "ALTER TABLE contact DISABLE ROW LEVEL SECURITY",
    ] {
        let refused = format!("{:?}", execute(&db, &tenant, sql).await.unwrap_err());
        assert!(
            refused.contains("permission denied") || refused.contains("must be owner"),
            "{sql}: {refused}"
        );
    }
    // And no row of a tenant goes without an erasure that was asked for.
    let sql = format!("SELECT erase_tenant_rows('{}', 'contact', 10)", tenant.id);
    let refused = format!("{:?}", execute(&db, &tenant, &sql).await.unwrap_err());
    assert!(refused.contains("no erasure"), "{refused}");
}

#[tokio::test]
async fn the_operators_database_role_makes_itself_no_log_in_in_a_tenant() {
    let database = TestDatabase::new().await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let db = database.operator_db();
    let inserts = [
        "INSERT INTO role (tenant_id, id, key, name, permissions) VALUES (current_tenant(), gen_random_uuid(), 'x', 'x', '{}')",
        "INSERT INTO user_account (tenant_id, id, login_id, display_name, email, role_id)
         VALUES (current_tenant(), gen_random_uuid(), 'xxx', 'x', 'x@example.jp', gen_random_uuid())",
        "INSERT INTO login_directory (login_key, tenant_id, user_id) VALUES ('\\x00', current_tenant(), gen_random_uuid())",
    ];
    for sql in inserts {
        // Nor by touching the tenant first.
        for before in [
            "SELECT 1",
            "UPDATE tenant SET version = version WHERE id = current_tenant()",
        ] {
            let refused = db
                .tenant(tenant.id, async |tx| {
                    diesel::sql_query(before).execute(tx).await?;
                    Ok(diesel::sql_query(sql).execute(tx).await?)
                })
                .await
                .unwrap_err();
            assert!(
                format!("{refused:?}").contains("row-level security"),
                "{before}; {sql}: {refused:?}"
            );
        }
    }
    for sql in [
        "INSERT INTO tenant (id, name, created_at) VALUES (current_tenant(), 'x', now())",
        "UPDATE tenant SET created_at = now()",
        "UPDATE user_account SET password_hash = NULL",
        "UPDATE login_directory SET tenant_id = tenant_id",
    ] {
        let refused = format!("{:?}", execute(&db, &tenant, sql).await.unwrap_err());
        assert!(refused.contains("permission denied"), "{sql}: {refused}");
    }
    // With the tenant its owner is made, and nobody after them.
    let owner = NewUser {
        login_id: "new-owner".to_owned(),
        display_name: "代表".to_owned(),
        email: "owner@new.example.jp".to_owned(),
        locale: None,
        password: FirstPassword::Temporary("thimble volcano quartz".into()),
    };
    let (hasher, command_line) = (TestTenant::hasher(), Operator::command_line());
    let made = tenants::create(&db, &hasher, &command_line, "新しい会社", owner)
        .await
        .unwrap();
    let later = db
        .tenant(made.summary.id, async |tx| {
            Ok(diesel::sql_query(inserts[0]).execute(tx).await?)
        })
        .await;
    assert!(format!("{:?}", later.unwrap_err()).contains("row-level security"));
}

#[tokio::test]
async fn the_operators_own_trace_is_a_chain_that_shows_what_was_changed_or_cut() {
    let database = TestDatabase::new().await;
    let db = database.operator_db();
    let verify = async |anchor| {
        let walk = chain::verify(&db, Trace::Operator, anchor).await.unwrap();
        let faults = walk.faults.iter().map(|f| (f.kind, f.number, f.until));
        (walk.head.number, faults.collect::<Vec<_>>())
    };
    assert_eq!(verify(None).await, (0, vec![]), "an empty one is whole");
    let hasher = TestTenant::hasher();
    for name in ["yamada", "suzuki", "tanaka", "sato"] {
        account::add(&db, &hasher, name, name).await.unwrap();
    }
    assert_eq!(verify(None).await, (4, vec![]));
    let noted = chain::operator_head(&db).await.unwrap();
    let entry = |n: i32| format!("(SELECT entry_id FROM operator_audit_link WHERE number = {n})");
    let change = format!(
        "UPDATE operator_audit SET detail = '{{}}' WHERE id = {}",
        entry(2)
    );
    database.execute_as_owner(&change).await;
    assert_eq!(verify(None).await, (4, vec![(FaultKind::Changed, 2, 2)]));
    let back = format!(
        "UPDATE operator_audit SET detail = '{{\"login_id\": \"suzuki\"}}' WHERE id = {}",
        entry(2)
    );
    database.execute_as_owner(&back).await;
    assert_eq!(verify(Some(noted.clone())).await, (4, vec![]));
    // The end goes, and the head is turned back: only who noted it outside can tell.
    let cut = format!(
        "DELETE FROM operator_audit WHERE id = {};
         DELETE FROM operator_audit_link WHERE number = 4;
         UPDATE operator_audit_head SET number = 3, hash = (SELECT hash FROM operator_audit_link WHERE number = 3)",
        entry(4)
    );
    database.execute_as_owner(&cut).await;
    assert_eq!(verify(None).await, (3, vec![]));
    assert_eq!(verify(Some(noted)).await, (3, vec![(FaultKind::Cut, 4, 4)]));
    // An entry of yesterday that was put in is no link's.
    database
        .execute_as_owner(
            "SET session_replication_role = replica;
             INSERT INTO operator_audit (id, at, operator_name, action) VALUES (gen_random_uuid(), now() - interval '1 day', 'x', 'x')",
        )
        .await;
    assert_eq!(verify(None).await, (3, vec![(FaultKind::Unlinked, 0, 0)]));
}

#[tokio::test]
async fn the_tenants_program_lists_no_tenants_and_changes_neither_state_nor_quota() {
    let database = TestDatabase::new().await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    TestTenant::create(&database.db, "rival").await;
    assert_eq!(
        count(&database.db, &tenant, "tenant").await.unwrap(),
        1,
        "its own"
    );
    for sql in [
        "UPDATE tenant SET state = 'active'",
        "UPDATE tenant_quota SET contacts = NULL",
        "DELETE FROM tenant_quota",
        "SELECT * FROM operator_account",
        "SELECT * FROM operator_session",
        "SELECT * FROM operator_audit",
        "SELECT * FROM tenant_erasure",
        "UPDATE support_grant SET looks = 0",
        "SELECT tenant_tables()",
    ] {
        let refused = format!(
            "{:?}",
            execute(&database.db, &tenant, sql).await.unwrap_err()
        );
        assert!(refused.contains("permission denied"), "{sql}: {refused}");
    }
}
