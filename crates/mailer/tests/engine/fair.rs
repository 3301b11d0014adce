//! Nobody waits for somebody else's million.

use domain::Actor;

use crate::support::{Action, Counts, Fixture, Sink, addresses};
use crate::transactional::{confirmation, order, send_to};

/// What one campaign can have in a mailer's hands: four batches of 200.
const IN_HAND: usize = 4 * 200;

#[tokio::test]
async fn another_tenants_hundred_are_out_while_a_big_campaign_has_hardly_begun() {
    let big = Sink::scripted(|_, _| Action::Accept).await;
    let small = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&big).await;
    let other = fixture.another_tenant("other", &small).await;
    let many = fixture.campaign(&addresses(10_000)).await;
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(fixture.mailer().run(async {
        ended.await.ok();
    }));
    big.until(100).await;
    let few = fixture.campaign_of(other, &addresses(100)).await;
    fixture
        .database
        .execute_as_owner("SELECT pg_notify('kikubari', '{\"kind\":\"send_queue\"}')")
        .await;
    let before = big.total();
    small.until(100).await;
    let meanwhile = big.total() - before;
    assert!(
        meanwhile <= 3 * IN_HAND,
        "{meanwhile} of the big campaign went out before the hundred"
    );
    big.until(10_000).await;
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
    for (campaign, n) in [(many, 10_000), (few, 100)] {
        let accepted = Counts {
            accepted: n,
            ..Counts::default()
        };
        assert_eq!(fixture.counts(campaign).await, accepted);
    }
}

/// Campaigns and streams of transactional mail of which something is in hand.
const IN_WORK: &str =
    "SELECT count(DISTINCT campaign_id) FROM delivery WHERE state = 'claimed' AND tenant_id = ";
/// Half of a mailer's 32 hands, and of the eight more for the fast lane.
const HALF: i64 = 16;
const HALF_FAST: i64 = 4;

#[tokio::test]
async fn a_tenant_whose_relay_hangs_has_half_of_the_hands_and_others_go_on_with_the_rest() {
    // Every mail waits for the gate: more campaigns than a mailer takes batches.
    let stuck = Sink::scripted(|_, _| Action::Wait).await;
    let free = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&stuck).await;
    let other = fixture.another_tenant("other", &free).await;
    for _ in 0..40 {
        fixture.campaign(&addresses(5)).await;
    }
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(fixture.mailer().run(async {
        ended.await.ok();
    }));
    let in_work = format!("{IN_WORK}'{}'", fixture.tenant);
    while fixture.database.count(&in_work).await < HALF {
        tokio::task::yield_now().await;
    }
    for hundred in [addresses(100), addresses(50)] {
        let before = free.total();
        fixture.campaign_of(other, &hundred).await;
        fixture
            .database
            .execute_as_owner("SELECT pg_notify('kikubari', '{\"kind\":\"send_queue\"}')")
            .await;
        free.until(before + hundred.len()).await;
        assert_eq!(fixture.database.count(&in_work).await, HALF);
    }
    stuck.open_gate();
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_transactional_mail_goes_out_while_a_tenants_relay_hangs_with_campaigns_and_transactional_mails()
 {
    let stuck = Sink::scripted(|_, _| Action::Wait).await;
    let free = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&stuck).await;
    let other = fixture.another_tenant("other", &free).await;
    let mail = confirmation(&fixture, other).await;
    for _ in 0..40 {
        fixture.campaign(&addresses(5)).await;
    }
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(fixture.mailer().run(async {
        ended.await.ok();
    }));
    let in_work = format!("{IN_WORK}'{}'", fixture.tenant);
    while fixture.database.count(&in_work).await < HALF {
        tokio::task::yield_now().await;
    }
    // More streams than there are hands for the fast lane.
    let actor = Actor::operator(fixture.tenant);
    for _ in 0..12 {
        let mail = confirmation(&fixture, fixture.tenant).await;
        send_to(&fixture, &actor, mail, "hanako@example.jp", order("B-1"))
            .await
            .unwrap();
    }
    while fixture.database.count(&in_work).await < HALF + HALF_FAST {
        tokio::task::yield_now().await;
    }
    let actor = Actor::operator(other);
    send_to(&fixture, &actor, mail, "taro@example.jp", order("A-1"))
        .await
        .unwrap();
    free.until(1).await;
    assert_eq!(
        fixture.database.count(&in_work).await,
        HALF + HALF_FAST,
        "hands of one tenant"
    );
    // One for each session; none was answered meanwhile.
    assert!(stuck.total() <= 10, "{} mails", stuck.total());
    stuck.open_gate();
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
}
