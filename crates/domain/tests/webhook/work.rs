//! Leases, retries, rest, and the end of a webhook that fails.

use chrono::TimeDelta;
use domain::egress::Rules;
use domain::ids::WorkerId;
use domain::testing::TestTenant;
use domain::webhook::work::claim;
use domain::webhook::{self, Topic, WebhookChange, log};

use crate::support::World;

#[tokio::test]
async fn a_batch_is_worked_on_by_one_at_a_time_and_again_when_its_lease_ran_out() {
    let w = World::new().await;
    let (id, _) = w.webhook(&[Topic::ContactCreated]).await;
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    let batch = w.claim().await.unwrap();
    assert_eq!(
        (batch.webhook, batch.messages.len(), batch.secrets.len()),
        (id, 1, 1)
    );
    assert!(w.claim().await.is_none(), "it is taken");
    // As if the sender had been killed, and its time were over.
    w.database
        .execute_as_owner("UPDATE webhook_queue SET leased_until = now() - interval '1 second'")
        .await;
    let again = claim(w.db(), &w.keys, WorkerId::new())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        again.messages[0].id, batch.messages[0].id,
        "the same webhook-id"
    );
    w.answer(&again, Some(200)).await;
    // The first one comes late: what is recorded stays.
    w.answer(&batch, None).await;
    assert_eq!(
        w.text("SELECT state || ' ' || attempts FROM webhook_message")
            .await,
        "delivered 1"
    );
    assert_eq!(
        w.database
            .count("SELECT count(*) FROM webhook_attempt")
            .await,
        1
    );
    w.database
        .execute_as_owner("UPDATE webhook_queue SET leased_until = NULL")
        .await;
    assert!(
        w.claim()
            .await
            .is_none_or(|batch| batch.messages.is_empty()),
        "nothing is left"
    );
}

#[tokio::test]
async fn a_message_that_fails_is_tried_for_three_days_then_given_up_and_can_be_sent_again() {
    let w = World::new().await;
    let (id, _) = w.webhook(&[Topic::ContactCreated]).await;
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    let mut tries = 0;
    let start = w.db().now();
    while w.text("SELECT state FROM webhook_message").await == "pending" {
        if let Some(batch) = w.claim().await {
            tries += batch.messages.len();
            w.answer(&batch, Some(503)).await;
        }
        w.database.clock.advance(TimeDelta::minutes(30));
        assert!(w.db().now() < start + TimeDelta::hours(80), "it ends");
    }
    assert!((10..=12).contains(&tries), "{tries} tries");
    assert_eq!(
        w.text("SELECT concat_ws(' ', state, reason, status, error) FROM webhook_message")
            .await,
        "failed given_up 503 HTTP 503"
    );
    let answer = w.text("SELECT max(length(answer)) || ' ' || bool_or(answer LIKE '<script>%') FROM webhook_attempt").await;
    assert_eq!(answer, "2048 true");
    // Perhaps it was turned off by now, too.
    let seen = webhook::get(w.db(), &w.actor, id).await.unwrap();
    let on = WebhookChange {
        enabled: Some(true),
        ..WebhookChange::default()
    };
    webhook::update(w.db(), &Rules::default(), &w.actor, id, seen.version, on)
        .await
        .unwrap();
    let again = log::replay_failed(w.db(), &w.actor, id, start).await;
    assert_eq!(again.unwrap(), 1);
    w.database.clock.advance(TimeDelta::hours(1));
    let batch = w.claim().await.unwrap();
    w.answer(&batch, Some(204)).await;
    assert_eq!(
        w.text("SELECT state FROM webhook_message").await,
        "delivered"
    );
    let seen = webhook::get(w.db(), &w.actor, id).await.unwrap();
    assert_eq!((seen.failures, seen.failing_since), (0, None));
}

#[tokio::test]
async fn one_that_fails_for_three_days_is_turned_off_with_a_word_of_it_in_the_audit_log() {
    let w = World::new().await;
    let (id, _) = w.webhook(&[Topic::ContactCreated]).await;
    for (email, enabled) in [("taro@example.jp", true), ("hanako@example.jp", false)] {
        w.contact(email).await;
        w.fan_out().await;
        let batch = w.claim().await.unwrap();
        w.answer(&batch, None).await;
        let seen = webhook::get(w.db(), &w.actor, id).await.unwrap();
        assert_eq!(seen.enabled, enabled);
        w.database.clock.advance(TimeDelta::hours(73));
    }
    let seen = webhook::get(w.db(), &w.actor, id).await.unwrap();
    assert_eq!(seen.disabled_reason, Some(webhook::DisabledReason::Failing));
    assert_eq!(seen.last_error.as_deref(), Some("connection refused"));
    let noted = "SELECT count(*) FROM audit_entry WHERE action = 'webhook.disabled'";
    assert_eq!(w.database.count(noted).await, 1);
}

#[tokio::test]
async fn one_that_answers_410_is_turned_off_at_once() {
    let w = World::new().await;
    let (id, _) = w.webhook(&[Topic::ContactCreated]).await;
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    let batch = w.claim().await.unwrap();
    w.answer(&batch, Some(410)).await;
    let seen = webhook::get(w.db(), &w.actor, id).await.unwrap();
    assert_eq!(
        (seen.enabled, seen.disabled_reason),
        (false, Some(webhook::DisabledReason::Gone))
    );
    w.contact("hanako@example.jp").await;
    assert_eq!(w.database.count("SELECT count(*) FROM outbox").await, 0);
    assert_eq!(
        log::send_test(w.db(), &w.actor, id)
            .await
            .unwrap_err()
            .code(),
        "webhook_off"
    );
}

#[tokio::test]
async fn one_that_fails_gets_one_message_at_a_time_and_a_test_goes_first() {
    let w = World::new().await;
    let (id, _) = w
        .webhook(&[Topic::ContactCreated, Topic::ContactUpdated])
        .await;
    for n in 0..8 {
        w.contact(&format!("p{n}@example.jp")).await;
        w.fan_out().await;
    }
    let batch = w.claim().await.unwrap();
    assert_eq!(batch.messages.len(), 8);
    w.answer(&batch, None).await;
    w.database.clock.advance(TimeDelta::seconds(10));
    assert!(w.claim().await.is_none(), "it rests");
    let test = log::send_test(w.db(), &w.actor, id).await.unwrap();
    let batch = w.claim().await.unwrap();
    assert_eq!(batch.messages.len(), 1);
    assert_eq!(batch.messages[0].id, test.id);
    w.answer(&batch, Some(200)).await;
    assert_eq!(
        w.claim().await.unwrap().messages.len(),
        8,
        "it is well again"
    );
}

#[tokio::test]
async fn a_tenant_with_many_slow_webhooks_leaves_room_for_others() {
    let w = World::new().await;
    for _ in 0..6 {
        w.webhook(&[Topic::ContactCreated]).await;
    }
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    let mut taken = Vec::new();
    while let Some(batch) = w.claim().await {
        taken.push(batch);
    }
    assert_eq!(taken.len(), 4);
    let rival = TestTenant::create(w.db(), "rival").await.owner();
    let (theirs, _) = w.webhook_of(&rival, &[Topic::ContactCreated]).await;
    log::send_test(w.db(), &rival, theirs).await.unwrap();
    assert_eq!(w.claim().await.unwrap().webhook, theirs);
}

#[tokio::test]
async fn old_messages_are_swept_and_what_waits_at_one_that_is_off_is_given_up() {
    let w = World::new().await;
    let (id, _) = w.webhook(&[Topic::ContactCreated]).await;
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    let batch = w.claim().await.unwrap();
    w.answer(&batch, Some(200)).await;
    w.contact("hanako@example.jp").await;
    w.fan_out().await;
    let off = WebhookChange {
        enabled: Some(false),
        ..WebhookChange::default()
    };
    webhook::update(w.db(), &Rules::default(), &w.actor, id, 1, off)
        .await
        .unwrap();
    w.database.clock.advance(TimeDelta::days(8));
    domain::housekeeping::run_once(w.db()).await.unwrap();
    assert_eq!(
        w.text("SELECT string_agg(state || ' ' || reason, ',') FROM webhook_message")
            .await,
        "failed given_up"
    );
    w.database.clock.advance(TimeDelta::days(31));
    domain::housekeeping::run_once(w.db()).await.unwrap();
    assert_eq!(
        w.database
            .count("SELECT count(*) FROM webhook_message")
            .await,
        0
    );
}
