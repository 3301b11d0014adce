//! What a report does to the delivery, the counts and the person.

use domain::event::Visitor;
use domain::event::machine::MachineRule;
use domain::event::track::{self, Hit};
use domain::ids::{DeliveryId, EventId};

use super::{TARO, World, complaint, dsn, full, unknown_user};

#[tokio::test]
async fn a_hard_bounce_stops_the_contact_at_once_and_the_mail_has_failed_after_all() {
    let world = World::new().await;
    let campaign = world.bounced(&unknown_user()).await;
    assert_eq!(world.taro().await, "bounced 0");
    assert_eq!(
        world
            .text(
                "SELECT concat_ws(' ', state, reason, bounce, reply_enhanced, reply_code, reply_text) FROM delivery
                 WHERE bounced_at IS NOT NULL AND accepted_at IS NOT NULL"
            )
            .await,
        "failed bounced_hard hard 5.1.1 550 5.1.1 User unknown"
    );
    let counts = world.fixture.counts(campaign).await;
    assert_eq!((counts.accepted, counts.failed), (0, 1));
    assert_eq!(world.counter(campaign, "bounced_hard").await, 1);
    assert_eq!(
        world
            .text("SELECT concat_ws(' ', detail ->> 'kind', detail ->> 'reason', detail ->> 'status', detail ->> 'contact') FROM event")
            .await,
        "hard user_unknown 5.1.1 stopped"
    );
    // The next campaign leaves it out.
    let next = world.fixture.campaign(&[TARO.to_owned()]).await;
    world.fixture.mailer().drain().await.unwrap();
    assert_eq!(world.fixture.counts(next).await.skipped, 1);
}

#[tokio::test]
async fn a_report_that_comes_again_counts_once() {
    let world = World::new().await;
    let (campaign, path) = world.send().await;
    for _ in 0..3 {
        assert_eq!(world.hand_over(&path, &full()).await, "250");
    }
    assert_eq!(world.taro().await, "active 1");
    assert_eq!(world.events("bounce").await, 1);
    assert_eq!(world.counter(campaign, "bounced_soft").await, 1);
    // A graver word about the same mail still counts, once.
    for _ in 0..2 {
        assert_eq!(world.hand_over(&path, &unknown_user()).await, "250");
    }
    assert_eq!(world.taro().await, "bounced 1");
    assert_eq!(world.events("bounce").await, 2);
    assert_eq!(world.counter(campaign, "bounced_soft").await, 0);
    assert_eq!(world.counter(campaign, "bounced_hard").await, 1);
    assert_eq!(world.fixture.counts(campaign).await.failed, 1);
}

#[tokio::test]
async fn soft_bounces_in_a_row_stop_the_contact_at_the_limit() {
    let world = World::new().await;
    for expected in ["active 1", "active 2", "bounced 3"] {
        world.bounced(&full()).await;
        assert_eq!(world.taro().await, expected);
    }
}

#[tokio::test]
async fn without_a_limit_soft_bounces_are_counted_and_stop_nobody() {
    let world = World::new().await;
    let off = "UPDATE tenant SET soft_bounce_limit = NULL";
    world.fixture.database.execute_as_owner(off).await;
    for expected in ["active 1", "active 2", "active 3", "active 4"] {
        world.bounced(&full()).await;
        assert_eq!(world.taro().await, expected);
    }
}

#[tokio::test]
async fn whoever_opens_a_mail_is_counted_anew() {
    let world = World::new().await;
    world.bounced(&full()).await;
    world.bounced(&full()).await;
    let (_, path) = world.send().await;
    let local = path.split('@').next().unwrap();
    let path = domain::delivery::return_path::ReturnPath::decode(&world.fixture.keys, local);
    let path = path.unwrap();
    let visitor = Visitor::default();
    let hit = Hit {
        id: EventId::new(),
        tenant: path.tenant,
        period: path.period,
        delivery: DeliveryId(path.delivery.0),
        link: None,
        at: world.fixture.database.db.now(),
        machine: Some(MachineRule::KnownProgram),
        ip: visitor.ip,
        user_agent: visitor.user_agent,
    };
    let db = &world.fixture.database.db;
    track::record(db, path.tenant, std::slice::from_ref(&hit))
        .await
        .unwrap();
    assert_eq!(world.taro().await, "active 2", "a machine opens for nobody");
    let hit = Hit {
        id: EventId::new(),
        machine: None,
        ..hit
    };
    track::record(db, path.tenant, &[hit]).await.unwrap();
    assert_eq!(world.taro().await, "active 0");
}

#[tokio::test]
async fn a_mail_that_arrived_in_between_begins_the_count_anew() {
    let world = World::new().await;
    world.bounced(&full()).await;
    world.bounced(&full()).await;
    world.send().await;
    // All that was a month ago, the mail that did not come back last.
    world
        .fixture
        .database
        .execute_as_owner(
            "UPDATE contact SET soft_bounced_at = soft_bounced_at - interval '20 days';
             UPDATE delivery SET accepted_at = accepted_at - interval '10 days' WHERE state = 'accepted'",
        )
        .await;
    world.bounced(&full()).await;
    assert_eq!(world.taro().await, "active 1");
}

#[tokio::test]
async fn a_mail_that_was_only_just_taken_may_still_come_back_and_ends_no_count() {
    let world = World::new().await;
    world.bounced(&full()).await;
    world.bounced(&full()).await;
    world.send().await;
    world.bounced(&full()).await;
    assert_eq!(world.taro().await, "bounced 3");
}

#[tokio::test]
async fn a_refusal_by_policy_fails_the_mail_and_never_blames_the_contact() {
    let world = World::new().await;
    for (status, said) in [
        ("5.7.1", "550 5.7.1 Rejected: user unknown or policy"),
        ("5.7.26", "550 5.7.26 DMARC"),
        ("4.7.0", "421 4.7.0 deferred"),
        ("5.0.0", "554 5.7.1 blocked using a list"),
        ("5.6.0", "554 5.6.0 spam"),
    ] {
        let campaign = world.bounced(&dsn(status, said)).await;
        assert_eq!(world.taro().await, "active 0", "{status} {said}");
        assert_eq!(world.fixture.counts(campaign).await.failed, 1);
        assert_eq!(world.counter(campaign, "bounced_soft").await, 1);
    }
    let unchanged = "SELECT count(*) FROM event WHERE detail ->> 'contact' = 'unchanged'";
    assert_eq!(world.count(unchanged).await, 5);
}

#[tokio::test]
async fn what_is_no_bounce_changes_nothing() {
    let world = World::new().await;
    let delayed = full().replace("Action: failed", "Action: delayed");
    let away = "From: taro@example.jp\nSubject: Automatic reply: hello\n\nI am away.\n";
    let person = "From: taro@example.jp\nSubject: Re: hello\n\nThank you!\n";
    for mail in [delayed.as_str(), away, person, "", "nothing at all"] {
        let campaign = world.bounced(mail).await;
        assert_eq!(world.fixture.counts(campaign).await.accepted, 1, "{mail}");
    }
    assert_eq!(world.taro().await, "active 0");
    assert_eq!(world.count("SELECT count(*) FROM event").await, 0);
}

#[tokio::test]
async fn a_report_that_the_mail_arrived_begins_the_count_anew() {
    let world = World::new().await;
    world.bounced(&full()).await;
    let arrived = dsn("2.0.0", "250 ok").replace("Action: failed", "Action: delivered");
    let campaign = world.bounced(&arrived).await;
    assert_eq!(world.taro().await, "active 0");
    assert_eq!(world.fixture.counts(campaign).await.accepted, 1);
}

#[tokio::test]
async fn a_complaint_stops_the_contact_blocks_the_address_and_withdraws_consent() {
    let world = World::new().await;
    let (campaign, path) = world.send().await;
    for _ in 0..2 {
        assert_eq!(world.hand_over(&path, &complaint()).await, "250");
    }
    assert_eq!(world.taro().await, "complained 0");
    assert_eq!(
        world
            .text("SELECT value || ' ' || reason FROM suppression")
            .await,
        format!("{TARO} complained")
    );
    let withdrawn = "SELECT count(*) FROM consent WHERE kind = 'withdrawn'";
    assert_eq!(world.count(withdrawn).await, 1);
    assert_eq!(world.events("complaint").await, 1);
    assert_eq!(world.counter(campaign, "complained").await, 1);
    // The mail did arrive.
    assert_eq!(world.fixture.counts(campaign).await.accepted, 1);
}

#[tokio::test]
async fn an_address_that_was_mended_since_is_not_blamed_for_the_old_one() {
    let world = World::new().await;
    let (campaign, path) = world.send().await;
    let mended = "UPDATE contact SET email = 'taro@example.com', email_key = 'taro@example.com'";
    world.fixture.database.execute_as_owner(mended).await;
    assert_eq!(world.hand_over(&path, &unknown_user()).await, "250");
    assert_eq!(world.taro().await, "active 0");
    assert_eq!(world.fixture.counts(campaign).await.failed, 1);
}

#[tokio::test]
async fn the_address_of_a_deleted_contact_is_blocked_instead() {
    let world = World::new().await;
    let (_, path) = world.send().await;
    world
        .fixture
        .database
        .execute_as_owner("DELETE FROM contact")
        .await;
    assert_eq!(world.hand_over(&path, &unknown_user()).await, "250");
    assert_eq!(
        world
            .text("SELECT value || ' ' || reason FROM suppression")
            .await,
        format!("{TARO} bounced")
    );
}

#[tokio::test]
async fn a_report_that_comes_before_the_acceptance_is_recorded_waits_for_it() {
    let world = World::new().await;
    let (campaign, path) = world.send().await;
    let database = &world.fixture.database;
    let claimed = "UPDATE delivery SET state = 'claimed'";
    database.execute_as_owner(claimed).await;
    let report = unknown_user();
    let (answer, ()) = tokio::join!(world.hand_over(&path, &report), async {
        // As the mailer's record would, while the report waits.
        database
            .execute_as_owner("UPDATE delivery SET state = 'accepted'")
            .await;
    });
    assert_eq!(answer, "250");
    assert_eq!(world.fixture.counts(campaign).await.failed, 1);
}

#[tokio::test]
async fn a_delivery_that_nobody_knew_of_has_failed_when_it_comes_back() {
    let world = World::new().await;
    let (campaign, path) = world.send().await;
    world
        .fixture
        .database
        .execute_as_owner(
            "UPDATE delivery SET state = 'unknown', reason = 'no_answer';
             UPDATE campaign_counter SET name = 'unknown' WHERE name = 'accepted'",
        )
        .await;
    assert_eq!(world.hand_over(&path, &unknown_user()).await, "250");
    let counts = world.fixture.counts(campaign).await;
    assert_eq!((counts.unknown, counts.failed), (0, 1));
}
