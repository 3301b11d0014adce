use domain::DomainError;
use domain::actor::Permission;
use domain::campaign::Campaign;
use domain::campaign::control;
use domain::campaign::freeze::freeze_next_chunk;
use domain::campaign::resend::{Again, Group, count, resend};
use domain::campaign::state::State;
use domain::ids::WorkerId;

use crate::support::{World, lists};

/// Ten people, all of them in one list: p1 to p4 unknown, p5 to p7 failed, the others accepted.
async fn finished(world: &World) -> Campaign {
    let list = world.list("A").await;
    world.many(10, list).await;
    let sent = world.send(lists(&[list])).await;
    freeze_next_chunk(&world.database.db, WorkerId::new())
        .await
        .unwrap();
    world
        .database
        .execute_as_owner(
            "UPDATE delivery SET due_at = NULL, attempts = 1, state = CASE
                WHEN substring(address FROM '[0-9]+')::int <= 4 THEN 'unknown'
                WHEN substring(address FROM '[0-9]+')::int <= 7 THEN 'failed' ELSE 'accepted' END;
             DELETE FROM campaign_counter;
             INSERT INTO campaign_counter SELECT tenant_id, campaign_id, state, count(*) FROM delivery GROUP BY 1, 2, 3;
             DELETE FROM send_queue; UPDATE campaign SET state = 'finished', finished_at = now()",
        )
        .await;
    sent
}

async fn person(world: &World, sql: &str, address: &str) {
    let sql = sql.replace('?', &format!("'{address}'"));
    world.database.execute_as_owner(&sql).await;
}

#[tokio::test]
async fn those_in_doubt_are_due_again_and_nobody_else() {
    let world = World::new().await;
    let sent = finished(&world).await;
    let (db, actor) = (&world.database.db, &world.actor);
    let again = Again {
        unknown: 4,
        failed: 3,
    };
    assert_eq!(count(db, actor, sent.id).await.unwrap(), again);
    let campaign = resend(db, actor, sent.id, Group::Unknown, 4).await.unwrap();
    assert_eq!(
        (campaign.state, campaign.finished_at),
        (State::Sending, None)
    );
    let counts = campaign.counts;
    assert_eq!(
        (
            counts.queued,
            counts.unknown,
            counts.failed,
            counts.accepted
        ),
        (4, 0, 3, 3)
    );
    let due = "SELECT count(*) FROM delivery WHERE state = 'queued' AND attempts = 0 AND due_at <= now() AND reason IS NULL";
    assert_eq!(world.count(due).await, 4);
    assert_eq!(
        world
            .count("SELECT count(*) FROM send_queue WHERE state = 'sending'")
            .await,
        1
    );
    let audited = "SELECT count(*) FROM audit_entry WHERE action = 'campaign.resent'";
    assert_eq!(world.count(audited).await, 1);
}

#[tokio::test]
async fn a_second_click_is_refused_and_so_is_another_number() {
    let world = World::new().await;
    let sent = finished(&world).await;
    let (db, actor) = (&world.database.db, &world.actor);
    for wrong in [0, 2, 4] {
        let refused = resend(db, actor, sent.id, Group::Failed, wrong)
            .await
            .unwrap_err();
        assert!(
            matches!(&refused, DomainError::Conflict { code: "people_changed", detail } if detail.starts_with("3 ")),
            "{refused:?}"
        );
    }
    let (one, two) = tokio::join!(
        resend(db, actor, sent.id, Group::Failed, 3),
        resend(db, actor, sent.id, Group::Failed, 3)
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
    let refused = one.and(two).unwrap_err();
    assert!(
        matches!(
            refused,
            DomainError::Conflict {
                code: "wrong_state",
                ..
            }
        ),
        "{refused:?}"
    );
    assert_eq!(count(db, actor, sent.id).await.unwrap(), Again::default());
}

#[tokio::test]
async fn who_said_no_meanwhile_or_evidently_has_it_is_left_out() {
    let world = World::new().await;
    let sent = finished(&world).await;
    let (db, actor) = (&world.database.db, &world.actor);
    person(
        &world,
        "UPDATE delivery SET opened_at = now() WHERE address = ?",
        "p1@example.jp",
    )
    .await;
    person(
        &world,
        "UPDATE contact SET status = 'unsubscribed' WHERE email = ?",
        "p2@example.jp",
    )
    .await;
    person(&world, "UPDATE subscription s SET status = 'unsubscribed' FROM contact c WHERE c.id = s.contact_id AND c.email = ?", "p3@example.jp").await;
    person(&world, "INSERT INTO suppression (tenant_id, id, kind, value, reason) SELECT tenant_id, gen_random_uuid(), 'address', email_key, 'manual' FROM contact WHERE email = ?", "p5@example.jp").await;
    let again = Again {
        unknown: 1,
        failed: 2,
    };
    assert_eq!(count(db, actor, sent.id).await.unwrap(), again);
    let campaign = resend(db, actor, sent.id, Group::Unknown, 1).await.unwrap();
    assert_eq!((campaign.counts.queued, campaign.counts.unknown), (1, 3));
    let who = world
        .database
        .text("SELECT string_agg(address, ',') FROM delivery WHERE state = 'queued'")
        .await;
    assert_eq!(who, "p4@example.jp");
}

#[tokio::test]
async fn sending_again_needs_the_permission_to_send() {
    let world = World::new().await;
    let sent = finished(&world).await;
    let mut viewer = world.actor.clone();
    viewer.permissions = [Permission::CampaignsRead].into();
    let db = &world.database.db;
    count(db, &viewer, sent.id).await.unwrap();
    let refused = resend(db, &viewer, sent.id, Group::Unknown, 4)
        .await
        .unwrap_err();
    assert!(matches!(refused, DomainError::Forbidden { .. }));
}

#[tokio::test]
async fn of_a_stopped_campaign_those_in_doubt_get_it_again_and_nobody_who_was_left_out() {
    let world = World::new().await;
    let sent = finished(&world).await;
    let (db, actor) = (&world.database.db, &world.actor);
    // Stopped while p8 to p10 waited, and before the whole audience was frozen.
    let waiting = "UPDATE delivery SET state = 'queued', due_at = now(), attempts = 0 WHERE state = 'accepted';
         UPDATE campaign_counter SET name = 'queued' WHERE name = 'accepted';
         UPDATE campaign SET state = 'sending', finished_at = NULL, prepared_at = NULL";
    world.database.execute_as_owner(waiting).await;
    control::stop(db, actor, sent.id).await.unwrap();
    let again = Again {
        unknown: 4,
        failed: 3,
    };
    assert_eq!(count(db, actor, sent.id).await.unwrap(), again);
    let campaign = resend(db, actor, sent.id, Group::Unknown, 4).await.unwrap();
    assert_eq!(campaign.state, State::Sending);
    let counts = campaign.counts;
    assert_eq!((counts.queued, counts.skipped, counts.failed), (4, 3, 3));
    // The rest of the audience is not frozen after all.
    freeze_next_chunk(db, WorkerId::new()).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM delivery").await, 10);
    let waits = "SELECT count(*) FROM delivery WHERE state = 'queued'";
    assert_eq!(world.count(waits).await, 4);
}

#[tokio::test]
async fn a_stopped_campaign_whose_last_mails_are_under_way_waits_for_them() {
    let world = World::new().await;
    let sent = finished(&world).await;
    let (db, actor) = (&world.database.db, &world.actor);
    let under_way = "UPDATE campaign SET state = 'stopped';
         UPDATE delivery SET state = 'claimed' WHERE state = 'accepted';
         UPDATE campaign_counter SET name = 'claimed' WHERE name = 'accepted'";
    world.database.execute_as_owner(under_way).await;
    assert_eq!(count(db, actor, sent.id).await.unwrap(), Again::default());
    let refused = resend(db, actor, sent.id, Group::Unknown, 4)
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            DomainError::Conflict {
                code: "stopping",
                ..
            }
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_campaign_that_was_stopped_before_it_began_has_nobody() {
    let world = World::new().await;
    let sent = finished(&world).await;
    let (db, actor) = (&world.database.db, &world.actor);
    world
        .database
        .execute_as_owner("DELETE FROM delivery; DELETE FROM campaign_counter; UPDATE campaign SET state = 'stopped', period = NULL")
        .await;
    assert_eq!(count(db, actor, sent.id).await.unwrap(), Again::default());
    let refused = resend(db, actor, sent.id, Group::Unknown, 1)
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            DomainError::Conflict {
                code: "people_changed",
                ..
            }
        ),
        "{refused:?}"
    );
}
