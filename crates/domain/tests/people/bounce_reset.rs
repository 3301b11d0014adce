//! Another chance for those whom bounces stopped.

use domain::contact::bounce_reset::{self, NewReset};
use domain::ids::ContactId;
use domain::job::State;
use domain::testing::TestTenant;
use domain::{DomainError, Permission};

use crate::support::World;

/// 5,000 contacts: every second one stopped, every third one with soft bounces;
/// one cancelled and one complained.
async fn bounced(world: &World) {
    let tenant = world.tenant.id;
    world
        .database
        .execute_as_owner(&format!(
            "INSERT INTO contact (tenant_id, id, email, email_key, status, soft_bounces, created_at, updated_at)
             SELECT '{tenant}', gen_random_uuid(), 'p' || n || '@example.jp', 'p' || n || '@example.jp',
                    CASE WHEN n = 1 THEN 'unsubscribed' WHEN n = 3 THEN 'complained'
                         WHEN n % 2 = 0 THEN 'bounced' ELSE 'active' END,
                    CASE WHEN n % 3 = 0 THEN 2 ELSE 0 END, now(), now()
             FROM generate_series(1, 5000) n"
        ))
        .await;
}

async fn count(world: &World, condition: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM contact WHERE {condition}");
    world.database.count(&sql).await
}

async fn reset(world: &World, contact_ids: Option<Vec<ContactId>>) -> serde_json::Value {
    let new = NewReset { contact_ids };
    let job = bounce_reset::create(&world.database.db, &world.actor, new)
        .await
        .unwrap();
    world.drain().await;
    let job = world.job(&job).await;
    assert_eq!(job.state, State::Succeeded);
    job.result.unwrap()
}

#[tokio::test]
async fn a_reset_of_all_activates_the_bounced_and_nobody_who_said_no() {
    let world = World::new().await;
    bounced(&world).await;
    let result = reset(&world, None).await;
    assert_eq!(result["activated"], 2500);
    assert_eq!(
        count(&world, "status = 'bounced' OR soft_bounces > 0").await,
        0
    );
    assert_eq!(count(&world, "status = 'active'").await, 4998);
    assert_eq!(
        count(&world, "status IN ('unsubscribed', 'complained')").await,
        2
    );
    assert_eq!(count(&world, "version = 2").await, 2500);
    let audit = "SELECT count(*) FROM audit_entry WHERE action = 'bounces.reset'";
    assert_eq!(world.database.count(audit).await, 1);
    // Once more there is nothing to do.
    assert_eq!(reset(&world, None).await["reset"], 0);
}

#[tokio::test]
async fn a_reset_of_some_leaves_the_others() {
    let world = World::new().await;
    bounced(&world).await;
    let id = world
        .database
        .text("SELECT id::text FROM contact WHERE email = 'p6@example.jp'")
        .await;
    let result = reset(&world, Some(vec![ContactId(id.parse().unwrap())])).await;
    assert_eq!(result["activated"], 1);
    assert_eq!(count(&world, "status = 'bounced'").await, 2499);
    let one = "email = 'p6@example.jp' AND status = 'active' AND soft_bounces = 0";
    assert_eq!(count(&world, one).await, 1);
}

#[tokio::test]
async fn contacts_of_another_tenant_are_unknown_and_untouched() {
    let world = World::new().await;
    bounced(&world).await;
    let theirs = TestTenant::create(&world.database.db, "rival").await;
    let id = world
        .database
        .text("SELECT id::text FROM contact WHERE email = 'p2@example.jp'")
        .await;
    let named = NewReset {
        contact_ids: Some(vec![ContactId(id.parse().unwrap())]),
    };
    let refused = bounce_reset::create(&world.database.db, &theirs.owner(), named).await;
    assert!(matches!(refused, Err(DomainError::Invalid(_))));
    let all = NewReset { contact_ids: None };
    bounce_reset::create(&world.database.db, &theirs.owner(), all)
        .await
        .unwrap();
    world.drain().await;
    assert_eq!(count(&world, "status = 'bounced'").await, 2500);
}

#[tokio::test]
async fn a_reset_needs_the_right_to_write_contacts_and_a_sensible_number() {
    let world = World::new().await;
    let mut viewer = world.actor.clone();
    viewer
        .permissions
        .retain(|p| *p != Permission::ContactsWrite);
    let all = NewReset { contact_ids: None };
    let refused = bounce_reset::create(&world.database.db, &viewer, all).await;
    assert!(matches!(refused, Err(DomainError::Forbidden { .. })));
    for n in [0, 1001] {
        let ids = (0..n).map(|_| ContactId::new()).collect();
        let named = NewReset {
            contact_ids: Some(ids),
        };
        let refused = bounce_reset::create(&world.database.db, &world.actor, named).await;
        assert!(matches!(refused, Err(DomainError::Invalid(_))), "{n}");
    }
}
