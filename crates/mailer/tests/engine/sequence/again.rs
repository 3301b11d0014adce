//! A step's mail that is sent again.

use chrono::TimeDelta;
use domain::delivery::read::DeliveryState;
use domain::delivery::resend as one;
use domain::ids::DeliveryId;

use super::scene::{Scene, received};
use crate::support::{Action, Sink};

#[tokio::test]
async fn a_sequences_mail_in_doubt_goes_out_once_more() {
    let sink = Sink::scripted(|_, attempt| match attempt {
        1 => Action::CutAfterDot,
        _ => Action::Accept,
    })
    .await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    scene.enter(made.id, "a@example.jp").await;
    scene.later(TimeDelta::zero()).await;
    assert_eq!(scene.fixture.rows("state = 'unknown'").await, 1);
    let db = &scene.fixture.database.db;
    let id = "SELECT id::text FROM delivery WHERE state = 'unknown'";
    let id = DeliveryId(scene.fixture.database.text(id).await.parse().unwrap());
    let queued = one::resend(db, &scene.actor, id).await.unwrap();
    assert_eq!(queued.delivery.state, DeliveryState::Queued);
    scene.later(TimeDelta::zero()).await;
    assert_eq!(received(&sink, "a@example.jp"), 2);
    assert_eq!(scene.fixture.rows("state = 'accepted'").await, 1);
}
