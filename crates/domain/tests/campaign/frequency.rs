//! Frequency cap: before sending and after, the same people with the same reason.

use domain::campaign::freeze::{Frozen, freeze_next_chunk};
use domain::campaign::{left_out, preflight};
use domain::ids::{CampaignId, WorkerId};
use domain::page::PageRequest;
use domain::tenant::{self, TenantChange};

use crate::support::{World, lists};

async fn cap(world: &World, mails: i16, days: i16) {
    let change = TenantChange {
        cap_mails: Some(Some(mails)),
        cap_days: Some(Some(days)),
        ..TenantChange::default()
    };
    let db = &world.database.db;
    let version = tenant::get(db, &world.actor).await.unwrap().version;
    tenant::update(db, &world.actor, version, change)
        .await
        .unwrap();
}

async fn freeze(world: &World) {
    let worker = WorkerId::new();
    while freeze_next_chunk(&world.database.db, worker).await.unwrap() != Frozen::Nothing {}
}

async fn reasons(world: &World, id: CampaignId) -> Vec<(String, i64)> {
    let found = preflight::run(&world.database.db, &world.actor, &world.installation, id);
    found.await.unwrap().people.left_out
}

#[tokio::test]
async fn who_has_had_enough_is_left_out_and_counted_before_and_after_sending() {
    let world = World::new().await;
    let (all, few) = (world.list("全員").await, world.list("一部").await);
    let often = world.contact("often@example.jp", &[all, few]).await;
    world.contact("seldom@example.jp", &[all]).await;
    world.send(lists(&[all])).await;
    world.send(lists(&[few])).await;
    freeze(&world).await;
    let nobody: Vec<(String, i64)> = Vec::new();
    let free = world.campaign(lists(&[all])).await;
    assert_eq!(
        reasons(&world, free.id).await,
        nobody,
        "there is no cap yet"
    );

    cap(&world, 2, 7).await;
    let capped = ("frequency_cap".to_owned(), 1);
    assert_eq!(reasons(&world, free.id).await, [capped]);
    let page = PageRequest::default();
    let before = left_out::list(&world.database.db, &world.actor, free.id, None, &page);
    let before = before.await.unwrap().items;
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].contact_id, Some(often));

    let sent = world.send(lists(&[all])).await;
    freeze(&world).await;
    let counts = world.get(sent.id).await.counts;
    assert_eq!((counts.queued, counts.skipped), (1, 1));
    let after = left_out::list(&world.database.db, &world.actor, sent.id, None, &page);
    let after = after.await.unwrap().items;
    assert_eq!(
        (after[0].contact_id, after[0].reason.as_str()),
        (Some(often), "frequency_cap")
    );
}

#[tokio::test]
async fn of_two_campaigns_that_are_frozen_at_once_one_believes_to_be_the_last() {
    let world = World::new().await;
    let all = world.list("全員").await;
    world.contact("taro@example.jp", &[all]).await;
    cap(&world, 1, 7).await;
    world.send(lists(&[all])).await;
    world.send(lists(&[all])).await;
    // Both stand before the same moment.
    let turn = format!(
        "SELECT pg_advisory_xact_lock(hashtextextended('frequency_cap:{}', 0))",
        world.tenant.id
    );
    let held = world.database.hold(&turn).await;
    let freezing = [WorkerId::new(), WorkerId::new()].map(|worker| {
        let db = world.database.db.clone();
        tokio::spawn(async move { freeze_next_chunk(&db, worker).await })
    });
    while world.database.waiting().await < 2
        && !freezing.iter().all(tokio::task::JoinHandle::is_finished)
    {}
    assert_eq!(world.database.waiting().await, 2);
    held.release().await;
    for task in freezing {
        assert_eq!(task.await.unwrap().unwrap(), Frozen::Last(1));
    }
    for (condition, people) in [("state = 'queued'", 1), ("reason = 'frequency_cap'", 1)] {
        let sql = format!("SELECT count(*) FROM delivery WHERE {condition}");
        assert_eq!(world.count(&sql).await, people, "{condition}");
    }
}

#[tokio::test]
async fn what_failed_what_was_left_out_and_what_is_long_ago_does_not_count() {
    let world = World::new().await;
    let list = world.list("全員").await;
    world.contact("one@example.jp", &[list]).await;
    cap(&world, 1, 7).await;
    world.send(lists(&[list])).await;
    freeze(&world).await;
    let draft = world.campaign(lists(&[list])).await;
    assert_eq!(
        reasons(&world, draft.id).await.len(),
        1,
        "it waits, so it counts"
    );
    for change in [
        "state = 'failed', due_at = NULL",
        "state = 'skipped', due_at = NULL",
        "state = 'accepted', attempted_at = now() - interval '8 days'",
    ] {
        let sql = format!("UPDATE delivery SET {change}");
        world.database.execute_as_owner(&sql).await;
        assert_eq!(reasons(&world, draft.id).await, Vec::new(), "{change}");
    }
    let recent = "UPDATE delivery SET attempted_at = now() - interval '6 days'";
    world.database.execute_as_owner(recent).await;
    assert_eq!(reasons(&world, draft.id).await.len(), 1);
    // Transactional mails and test sends are no advertising.
    for kind in ["test", "transactional"] {
        let sql = format!("UPDATE campaign SET kind = '{kind}' WHERE started_at IS NOT NULL");
        world.database.execute_as_owner(&sql).await;
        assert_eq!(reasons(&world, draft.id).await, Vec::new(), "{kind}");
    }
}

#[tokio::test]
async fn what_goes_out_in_the_month_after_its_campaign_began_and_what_waits_for_long_counts() {
    let world = World::new().await;
    let list = world.list("全員").await;
    world.contact("one@example.jp", &[list]).await;
    cap(&world, 1, 1).await;
    world.send(lists(&[list])).await;
    freeze(&world).await;
    let draft = world.campaign(lists(&[list])).await;
    // The month before that of the span's first day.
    let month = "(date_trunc('month', (now() - interval '1 day') AT TIME ZONE 'UTC') - interval '1 month')::date";
    let first = world.database.text(&format!("SELECT {month}::text")).await;
    world
        .database
        .execute_as_owner(&format!(
            "CREATE TABLE IF NOT EXISTS delivery_{name} PARTITION OF delivery
                FOR VALUES FROM ('{first}') TO ('{first}'::date + interval '1 month');
             UPDATE delivery SET period = '{first}', created_at = now() - interval '40 days'",
            name = first[..7].replace('-', "")
        ))
        .await;
    for change in [
        "state = 'queued'",
        "state = 'accepted', due_at = NULL, attempted_at = now() - interval '1 minute'",
    ] {
        let sql = format!("UPDATE delivery SET {change}");
        world.database.execute_as_owner(&sql).await;
        assert_eq!(reasons(&world, draft.id).await.len(), 1, "{change}");
    }
}
