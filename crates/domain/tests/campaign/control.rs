use chrono::{TimeDelta, TimeZone, Utc};
use domain::DomainError;
use domain::campaign::control;
use domain::campaign::due::start_due;
use domain::campaign::freeze::{Frozen, freeze_chunk_of, freeze_next_chunk};
use domain::campaign::state::State;
use domain::campaign::{CampaignChange, fence, sweep};
use domain::ids::WorkerId;
use domain::installation;
use domain::mail::content::ContentChange;
use domain::mail::{self, MailChange};

use crate::support::{World, lists};

#[tokio::test]
async fn a_stopped_campaign_counts_exactly_who_was_not_mailed() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.many(50, list).await;
    let sent = world.send(lists(&[list])).await;
    let (db, actor) = (&world.database.db, &world.actor);
    assert_eq!(
        freeze_next_chunk(db, WorkerId::new()).await.unwrap(),
        Frozen::Last(50)
    );
    world
        .database
        .execute_as_owner(
            "UPDATE delivery SET state = 'accepted' WHERE id IN (SELECT id FROM delivery ORDER BY id LIMIT 20);
             UPDATE campaign_counter SET value = 30 WHERE name = 'queued';
             INSERT INTO campaign_counter SELECT tenant_id, campaign_id, 'accepted', 20 FROM campaign_counter WHERE name = 'queued'",
        )
        .await;
    let paused = control::pause(db, actor, sent.id).await.unwrap();
    assert_eq!(
        (paused.state, paused.counts.accepted, paused.counts.queued),
        (State::Paused, 20, 30)
    );
    let stopped = control::stop(db, actor, sent.id).await.unwrap();
    assert_eq!(
        (stopped.state, stopped.counts.accepted),
        (State::Stopped, 20)
    );
    assert_eq!((stopped.counts.queued, stopped.counts.skipped), (0, 30));
    assert_eq!(
        world
            .count("SELECT count(*) FROM delivery WHERE state = 'skipped' AND reason = 'stopped'")
            .await,
        30
    );
    assert_eq!(world.count("SELECT count(*) FROM send_queue").await, 0);
    let refused = control::resume(db, actor, sent.id).await.unwrap_err();
    assert!(matches!(
        refused,
        DomainError::Conflict {
            code: "wrong_state",
            ..
        }
    ));
}

#[tokio::test]
async fn what_a_stop_leaves_is_swept_and_the_campaign_leaves_the_queue() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.many(12, list).await;
    let sent = world.send(lists(&[list])).await;
    let db = &world.database.db;
    freeze_chunk_of(db, WorkerId::new(), 12).await.unwrap();
    // A mailer holds two of them.
    world
        .database
        .execute_as_owner(
            "UPDATE delivery SET state = 'claimed', due_at = NULL WHERE id IN (SELECT id FROM delivery ORDER BY id LIMIT 2);
             UPDATE campaign_counter SET value = 10 WHERE name = 'queued';
             INSERT INTO campaign_counter SELECT tenant_id, campaign_id, 'claimed', 2 FROM campaign_counter WHERE name = 'queued'",
        )
        .await;
    let stopped = control::stop(db, &world.actor, sent.id).await.unwrap();
    assert_eq!((stopped.counts.claimed, stopped.counts.skipped), (2, 10));
    assert_eq!(
        world
            .count("SELECT count(*) FROM send_queue WHERE state = 'stopped'")
            .await,
        1
    );
    assert!(!sweep::run_once(db).await.unwrap());
}

#[tokio::test]
async fn a_schedule_starts_when_it_is_due_with_the_mail_of_that_moment() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.contact("a@example.jp", &[list]).await;
    let (db, actor, installation) = (&world.database.db, &world.actor, &world.installation);
    let draft = world.campaign(lists(&[list])).await;
    let past = db.now() - TimeDelta::seconds(1);
    let refused = control::schedule(db, actor, installation, draft.id, past, "Asia/Tokyo")
        .await
        .unwrap_err();
    assert!(matches!(&refused, DomainError::Invalid(fields) if fields[0].pointer == "/at"));
    let at = db.now() + TimeDelta::hours(1);
    let refused = control::schedule(db, actor, installation, draft.id, at, "Tokyo")
        .await
        .unwrap_err();
    assert!(matches!(&refused, DomainError::Invalid(fields) if fields[0].pointer == "/time_zone"));
    let scheduled = control::schedule(db, actor, installation, draft.id, at, "Asia/Tokyo")
        .await
        .unwrap();
    assert_eq!(
        (scheduled.state, scheduled.scheduled_at),
        (State::Scheduled, Some(at))
    );
    assert_eq!(start_due(db, installation).await.unwrap(), 0);

    // Changed at the last minute.
    let change = CampaignChange {
        name: Some("新しい名前".to_owned()),
        ..CampaignChange::default()
    };
    domain::campaign::update(db, actor, draft.id, scheduled.version, change)
        .await
        .unwrap();
    world
        .database
        .execute_as_owner("UPDATE send_queue SET due_at = now(); UPDATE campaign SET scheduled_at = now() - interval '1 s'")
        .await;
    assert_eq!(start_due(db, installation).await.unwrap(), 1);
    let started = world.get(draft.id).await;
    assert_eq!(
        (started.state, started.mail_number),
        (State::Preparing, Some(1))
    );
    assert_eq!(world.count("SELECT count(*) FROM link").await, 3);

    // What goes out stays as it is, whatever becomes of the mail.
    let change = MailChange {
        content: ContentChange {
            subject: Some("別の件名".to_owned()),
            ..ContentChange::default()
        },
        ..MailChange::default()
    };
    let changed = mail::update(db, actor, world.mail, 1, change)
        .await
        .unwrap();
    assert_eq!(changed.number, 2);
}

#[tokio::test]
async fn a_schedule_that_is_not_ready_any_more_becomes_a_draft_that_says_why() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.contact("a@example.jp", &[list]).await;
    let (db, actor, installation) = (&world.database.db, &world.actor, &world.installation);
    let draft = world.campaign(lists(&[list])).await;
    let at = db.now() + TimeDelta::hours(1);
    control::schedule(db, actor, installation, draft.id, at, "Asia/Tokyo")
        .await
        .unwrap();
    world
        .database
        .execute_as_owner(
            "UPDATE route SET enabled = false;
             UPDATE send_queue SET due_at = now(); UPDATE campaign SET scheduled_at = now() - interval '1 s'",
        )
        .await;
    assert_eq!(start_due(db, installation).await.unwrap(), 1);
    let back = world.get(draft.id).await;
    assert_eq!(back.state, State::Draft);
    assert!(back.state_reason.unwrap().contains("route"));
    assert_eq!(world.count("SELECT count(*) FROM send_queue").await, 0);
}

#[tokio::test]
async fn a_schedule_from_before_a_restore_waits_for_a_person_to_schedule_it_again() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.contact("a@example.jp", &[list]).await;
    let (db, actor, installation) = (&world.database.db, &world.actor, &world.installation);
    let draft = world.campaign(lists(&[list])).await;
    let schedule = async || {
        let at = db.now() + TimeDelta::hours(1);
        control::schedule(db, actor, installation, draft.id, at, "Asia/Tokyo")
            .await
            .unwrap();
    };
    let falls_due = "UPDATE send_queue SET due_at = now(); UPDATE campaign SET scheduled_at = now() - interval '1 s'";
    schedule().await;
    let restored = format!("UPDATE installation SET epoch = epoch + 1; {falls_due}");
    world.database.execute_as_owner(&restored).await;
    start_due(db, installation).await.unwrap();
    let back = world.get(draft.id).await;
    assert_eq!(back.state, State::Draft);
    assert!(back.state_reason.unwrap().contains("restored"));
    assert_eq!(world.count("SELECT count(*) FROM send_queue").await, 0);

    schedule().await;
    world.database.execute_as_owner(falls_due).await;
    start_due(db, installation).await.unwrap();
    assert_eq!(world.get(draft.id).await.state, State::Preparing);
}

#[tokio::test]
async fn saves_of_one_person_within_minutes_make_one_version_and_old_ones_come_back() {
    let start = Utc.with_ymd_and_hms(2026, 11, 22, 9, 0, 0).unwrap();
    let clock = domain::clock::Clock::fixed(start);
    let database = domain::testing::TestDatabase::with_clock(clock.clone()).await;
    let tenant = domain::testing::TestTenant::create(&database.db, "acme").await;
    let (db, actor) = (&database.db, tenant.owner());
    let new = mail::NewMail {
        name: "x".to_owned(),
        ..mail::NewMail::default()
    };
    let mut row = mail::create(db, &actor, new).await.unwrap();
    database
        .execute_as_owner("UPDATE mail_version SET created_at = '2026-11-22 09:00:00+00'")
        .await;
    let mut save = async |subject: &str, minutes: i64| {
        clock.advance(TimeDelta::minutes(minutes));
        let change = MailChange {
            content: ContentChange {
                subject: Some(subject.to_owned()),
                ..ContentChange::default()
            },
            ..MailChange::default()
        };
        row = mail::update(db, &actor, row.id, row.version, change)
            .await
            .unwrap();
        row.number
    };
    assert_eq!(
        [
            save("一", 1).await,
            save("二", 5).await,
            save("三", 10).await
        ],
        [1, 1, 2]
    );
    let stale = mail::update(db, &actor, row.id, 1, MailChange::default())
        .await
        .unwrap_err();
    assert!(matches!(stale, DomainError::Stale));
    let restored = mail::restore(db, &actor, row.id, 1).await.unwrap();
    assert_eq!(
        (restored.number, restored.content.subject.as_str()),
        (3, "二")
    );
}

#[tokio::test]
async fn what_ran_before_a_restore_is_held_until_a_person_says_go_on() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.many(3, list).await;
    let sent = world.send(lists(&[list])).await;
    let (db, actor) = (&world.database.db, &world.actor);
    assert_eq!(fence::hold(db).await.unwrap(), 0);
    let restored = "UPDATE installation SET epoch = epoch + 1";
    world.database.execute_as_owner(restored).await;
    assert_eq!(fence::hold(db).await.unwrap(), 1);
    assert_eq!(fence::hold(db).await.unwrap(), 0);
    let held = domain::campaign::get(db, actor, sent.id).await.unwrap();
    assert_eq!(
        (held.state, held.state_reason.as_deref()),
        (State::Paused, Some(fence::RESTORED))
    );
    let resumed = control::resume(db, actor, sent.id).await.unwrap();
    assert_eq!(
        (resumed.state, resumed.state_reason),
        (State::Preparing, None)
    );
    assert_eq!(fence::hold(db).await.unwrap(), 0);
}

#[tokio::test]
async fn a_database_that_forgot_claims_begins_a_new_epoch_once() {
    let world = World::new().await;
    let db = &world.database.db;
    let epoch = async || installation::facts(db).await.unwrap().epoch;
    let first = epoch().await;
    for known in [0, 1] {
        assert!(!installation::notice_restore(db, known).await.unwrap());
    }
    let (one, two) = tokio::join!(
        installation::notice_restore(db, 100),
        installation::notice_restore(db, 100)
    );
    assert_eq!(u8::from(one.unwrap()) + u8::from(two.unwrap()), 1);
    assert_eq!(epoch().await, first + 1);
    assert!(!installation::notice_restore(db, 100).await.unwrap());
    // Whoever remembers more than that knows of another one.
    assert!(installation::notice_restore(db, 101).await.unwrap());
    assert_eq!(epoch().await, first + 2);
}
