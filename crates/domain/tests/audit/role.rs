//! What somebody who has the application's role (a hole in the program, its
//! password) can't do to the trace.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

use crate::support::{WHOLE, World, found};

/// Runs SQL as the application, in a transaction of the tenant; what went wrong.
async fn as_application(world: &World, sql: &str) -> Result<(), String> {
    let mut connection = AsyncPgConnection::establish(&world.database.app_url())
        .await
        .unwrap();
    let tenant = world.tenant;
    let sql = sql.replace("TENANT", &format!("'{tenant}'"));
    let all = format!("BEGIN; SET LOCAL kikubari.tenant = '{tenant}'; {sql}; COMMIT");
    connection
        .batch_execute(&all)
        .await
        .map_err(|error| error.to_string())
}

const ENTRY: &str = "INSERT INTO audit_entry (tenant_id, id, actor_kind, action, subject_kind)
    VALUES (TENANT, gen_random_uuid(), 'user', 'contact.updated', 'contact')";

#[tokio::test]
async fn the_application_can_neither_edit_nor_delete_nor_forge_entries() {
    let world = World::new().await.with(2).await;
    let zeros = "decode(repeat('00', 32), 'hex')";
    for sql in [
        "UPDATE audit_entry SET action = 'x'".to_owned(),
        "DELETE FROM audit_entry".to_owned(),
        "TRUNCATE audit_entry".to_owned(),
        "UPDATE audit_link SET entry_id = gen_random_uuid()".to_owned(),
        "DELETE FROM audit_link".to_owned(),
        "TRUNCATE audit_link".to_owned(),
        format!(
            "INSERT INTO audit_link VALUES (TENANT, 99, gen_random_uuid(), NULL, {zeros}, {zeros})"
        ),
        "UPDATE audit_head SET number = 0".to_owned(),
        "DELETE FROM audit_head".to_owned(),
        "TRUNCATE audit_head".to_owned(),
        format!("INSERT INTO audit_head VALUES (TENANT, 99, {zeros}) ON CONFLICT DO NOTHING"),
        // The time of an entry is not the application's to choose.
        "INSERT INTO audit_entry (tenant_id, id, at, actor_kind, action, subject_kind)
         VALUES (TENANT, gen_random_uuid(), '2020-01-01', 'user', 'contact.updated', 'contact')"
            .to_owned(),
        // By the foreign keys all of it would go.
        "DELETE FROM tenant".to_owned(),
        "UPDATE access_entry SET operation = 'x'".to_owned(),
        "DELETE FROM access_entry".to_owned(),
        "TRUNCATE access_entry".to_owned(),
    ] {
        let refused = as_application(&world, &sql).await.unwrap_err();
        assert!(refused.contains("permission denied"), "{sql}: {refused}");
    }
    assert_eq!(found(&world.verify().await), WHOLE);
}

#[tokio::test]
async fn the_application_can_not_switch_the_chain_off_or_move_it_by_itself() {
    let world = World::new().await.with(1).await;
    for (sql, why) in [
        ("ALTER TABLE audit_entry DISABLE TRIGGER ALL", "must be owner"),
        ("SET session_replication_role = replica", "permission denied"),
        ("DROP TRIGGER audit_entry_chain ON audit_entry", "must be owner"),
        ("CREATE OR REPLACE FUNCTION audit_hash(bytea, bigint, audit_entry, bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'", "permission denied"),
        ("SELECT chain_audit_entry()", "permission denied"),
        // A table of its own with our trigger: the head would move without an entry.
        ("CREATE TEMP TABLE mine (LIKE audit_entry);
          CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION chain_audit_entry()", "permission denied"),
    ] {
        let refused = as_application(&world, sql).await.unwrap_err();
        assert!(refused.contains(why), "{sql}: {refused}");
    }
    assert_eq!(found(&world.verify().await), WHOLE);
}

#[tokio::test]
async fn tables_and_functions_of_the_applications_own_are_not_taken_for_the_chains() {
    let world = World::new().await.with(1).await;
    let before = world.head().await.number;
    let sql = format!(
        "CREATE TEMP TABLE audit_head (tenant_id uuid PRIMARY KEY, number bigint, hash bytea);
         CREATE TEMP TABLE audit_link (tenant_id uuid, number bigint, entry_id uuid, hash bytea);
         CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT repeat(''x'', 32)::bytea';
         SET LOCAL search_path = pg_temp, public, pg_catalog; {ENTRY}"
    );
    as_application(&world, &sql).await.unwrap();
    assert_eq!(world.head().await.number, before + 1);
    assert_eq!(found(&world.verify().await), WHOLE);
}

#[tokio::test]
async fn an_entry_is_linked_also_when_constraints_are_made_immediate() {
    let world = World::new().await.with(1).await;
    let before = world.head().await.number;
    let sql = format!("{ENTRY}; SET CONSTRAINTS ALL IMMEDIATE; {ENTRY}; {ENTRY}");
    as_application(&world, &sql).await.unwrap();
    assert_eq!(world.head().await.number, before + 3);
    assert_eq!(found(&world.verify().await), WHOLE);
}

#[tokio::test]
async fn an_entry_of_a_tenant_can_not_be_put_into_another_ones_chain() {
    let world = World::new().await.with(1).await;
    let before = world.head().await;
    let other = domain::ids::TenantId::new();
    let wrong = ENTRY.replace("TENANT", &format!("'{other}'"));
    let refused = as_application(&world, &wrong).await.unwrap_err();
    assert!(refused.contains("row-level security"), "{refused}");
    // Written for one, and another one is named before the end.
    let sql = format!("{ENTRY}; SET LOCAL kikubari.tenant = '{other}'");
    let switched = as_application(&world, &sql).await;
    let after = world.head().await;
    // The owner of these tests is a superuser, whom no policy holds: then it is linked where it belongs.
    assert!(switched.is_err() || after.number == before.number + 1);
    assert_eq!(found(&world.verify().await), WHOLE);
}

#[tokio::test]
async fn every_function_with_the_owners_rights_has_a_path_of_its_own_that_ends_with_temporary_things()
 {
    let world = World::new().await;
    let all =
        "SELECT count(*) FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace";
    assert!(
        world.database.count(all).await >= 3,
        "the catalogue was read"
    );
    let open = format!(
        "{all} AND NOT EXISTS (SELECT FROM unnest(proconfig) c WHERE c LIKE 'search_path=%' AND c LIKE '%pg_temp')"
    );
    assert_eq!(world.database.count(&open).await, 0);
}
