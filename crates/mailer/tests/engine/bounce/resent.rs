//! What comes back of a mail that was sent again.

use domain::Actor;
use domain::campaign::resend::{Group, resend};
use domain::ids::CampaignId;

use super::{World, full};
use crate::support::{Action, Sink};

const STANDING: &str = "SELECT concat_ws(' ', state, coalesce(reason, '-'), coalesce(bounce, '-'), bounced_at IS NOT NULL) FROM delivery";

async fn again(world: &World, campaign: CampaignId, group: Group) {
    let actor = Actor::operator(world.fixture.tenant);
    resend(&world.fixture.database.db, &actor, campaign, group, 1)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_mail_that_was_sent_again_can_come_back_again() {
    let world = World::new().await;
    let (campaign, path) = world.send().await;
    world.hand_over(&path, &full()).await;
    assert_eq!(world.counter(campaign, "bounced_soft").await, 1);
    again(&world, campaign, Group::Failed).await;
    assert_eq!(world.text(STANDING).await, "queued - - f");
    assert_eq!(world.counter(campaign, "bounced_soft").await, 0);
    world.drain().await;
    assert_eq!(world.text(STANDING).await, "accepted - - f");
    assert_eq!(world.hand_over(&path, &full()).await, "250");
    assert_eq!(world.text(STANDING).await, "failed bounced_soft soft t");
    let counts = world.fixture.counts(campaign).await;
    assert_eq!((counts.accepted, counts.failed), (0, 1));
    assert_eq!(world.counter(campaign, "bounced_soft").await, 1);
    assert_eq!(
        (world.events("bounce").await, world.taro().await),
        (2, "active 2".to_owned())
    );
}

#[tokio::test]
async fn a_mail_that_is_refused_each_time_is_counted_once() {
    let world = World::with(
        Sink::scripted(|_, attempt| match attempt {
            1 | 2 => Action::RefuseMail("552 5.2.2 Mailbox full"),
            _ => Action::Accept,
        })
        .await,
    )
    .await;
    let campaign = world.fixture.campaign(&[super::TARO.to_owned()]).await;
    world.drain().await;
    again(&world, campaign, Group::Failed).await;
    world.drain().await;
    assert_eq!(world.text(STANDING).await, "failed rejected soft t");
    assert_eq!(world.counter(campaign, "bounced_soft").await, 1);
    assert_eq!(world.taro().await, "active 2");
    again(&world, campaign, Group::Failed).await;
    world.drain().await;
    assert_eq!(world.text(STANDING).await, "accepted - - f");
    assert_eq!(world.counter(campaign, "bounced_soft").await, 0);
}

#[tokio::test]
async fn a_report_of_the_attempt_before_counts_while_the_mail_waits_again() {
    let world = World::with(
        Sink::scripted(|_, attempt| match attempt {
            1 => Action::CutAfterDot,
            2 => Action::RefuseMail("552 5.2.2 Mailbox full"),
            _ => Action::Accept,
        })
        .await,
    )
    .await;
    let (campaign, path) = world.send().await;
    again(&world, campaign, Group::Unknown).await;
    assert_eq!(world.hand_over(&path, &full()).await, "250");
    assert_eq!(world.text(STANDING).await, "queued - soft t");
    assert_eq!(world.taro().await, "active 1");
    assert_eq!(world.counter(campaign, "bounced_soft").await, 1);
    // Twice the same word changes nothing.
    world.hand_over(&path, &full()).await;
    assert_eq!(world.events("bounce").await, 1);
    world.drain().await;
    assert_eq!(world.text(STANDING).await, "failed rejected soft t");
    assert_eq!(world.counter(campaign, "bounced_soft").await, 1, "one mail");
    assert_eq!(world.taro().await, "active 2", "two attempts");
}

#[tokio::test]
async fn the_new_attempt_comes_back_whatever_was_reported_of_the_one_before() {
    let world = World::with(
        Sink::scripted(|_, attempt| match attempt {
            1 => Action::CutAfterDot,
            _ => Action::Accept,
        })
        .await,
    )
    .await;
    let (campaign, path) = world.send().await;
    again(&world, campaign, Group::Unknown).await;
    world.hand_over(&path, &full()).await;
    world.drain().await;
    assert_eq!(world.text(STANDING).await, "accepted - soft t");
    world.hand_over(&path, &full()).await;
    assert_eq!(world.text(STANDING).await, "failed bounced_soft soft t");
    assert_eq!(
        (
            world.counter(campaign, "bounced_soft").await,
            world.taro().await
        ),
        (1, "active 2".to_owned())
    );
}
