//! Who looked at whom: kept for its time, and only for its tenant.

use domain::access::{self, Access, AccessFilter};
use domain::ids::ContactId;
use domain::page::PageRequest;
use domain::testing::TestTenant;

use crate::support::World;

async fn look(world: &World, contact: ContactId) -> Access {
    let subject = ("contact", Some(contact.0));
    let now = world.database.db.now();
    let look = Access::new(&world.actor, "get_contact", subject, "", now);
    access::record(
        &world.database.db,
        world.tenant,
        std::slice::from_ref(&look),
    )
    .await
    .unwrap();
    look
}

#[tokio::test]
async fn who_looked_at_a_person_is_one_query() {
    let world = World::new().await;
    let (db, contact) = (&world.database.db, ContactId::new());
    let again = look(&world, contact).await;
    look(&world, ContactId::new()).await;
    // Written a second time, as after a lost answer of the database.
    access::record(db, world.tenant, &[again]).await.unwrap();
    let filter = AccessFilter {
        subject_id: Some(contact.0),
        ..AccessFilter::default()
    };
    let page = PageRequest::default();
    let found = access::list(db, &world.actor, &filter, &page)
        .await
        .unwrap();
    assert_eq!(found.items.len(), 1);
    assert_eq!(found.items[0].look.operation, "get_contact");
    assert_eq!(found.items[0].actor_name.as_deref(), Some("acme owner"));
    let rival = TestTenant::create(db, "rival").await;
    let theirs = access::list(db, &rival.owner(), &filter, &page).await;
    assert_eq!(theirs.unwrap().items.len(), 0);
}

#[tokio::test]
async fn looks_are_kept_for_400_days_whatever_is_asked_and_longer_when_told() {
    let world = World::new().await;
    let db = &world.database.db;
    for days in [399, 401, 500] {
        world
            .tamper(&format!(
                "INSERT INTO access_entry (tenant_id, id, at, actor_kind, operation, subject_kind)
                 SELECT TENANT, gen_random_uuid(), now() - interval '{days} days', 'user', 'get_contact', 'contact'
                 FROM generate_series(1, 6000)"
            ))
            .await;
    }
    let count = "SELECT count(*) FROM access_entry";
    access::forget(db, 450).await.unwrap();
    assert_eq!(world.database.count(count).await, 12_000);
    access::forget(db, 1).await.unwrap();
    assert_eq!(
        world.database.count(count).await,
        6_000,
        "younger ones stay"
    );
}
