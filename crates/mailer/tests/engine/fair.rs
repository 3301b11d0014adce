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
    running.await.unwrap();
    for (campaign, n) in [(many, 10_000), (few, 100)] {
        let accepted = Counts {
            accepted: n,
            ..Counts::default()
        };
        assert_eq!(fixture.counts(campaign).await, accepted);
    }
}

#[tokio::test]
async fn a_transactional_mail_goes_out_while_campaigns_have_all_other_hands_on_a_relay_that_hangs()
{
    // Every mail of the campaigns waits for the gate: more campaigns than a
    // mailer takes batches.
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
    let in_hand = "SELECT count(DISTINCT campaign_id) FROM delivery WHERE state = 'claimed'";
    while fixture.database.count(in_hand).await < 32 {
        tokio::task::yield_now().await;
    }
    let actor = Actor::operator(other);
    send_to(&fixture, &actor, mail, "taro@example.jp", order("A-1"))
        .await
        .unwrap();
    free.until(1).await;
    // One for each session; none was answered meanwhile.
    assert!(stuck.total() <= 10, "{} mails", stuck.total());
    stuck.open_gate();
    end.send(()).unwrap();
    running.await.unwrap();
}
