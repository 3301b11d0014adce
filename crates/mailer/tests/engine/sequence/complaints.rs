//! Step mails are held for complaints as campaigns are.

use chrono::TimeDelta;
use domain::delivery::return_path::ReturnPath;
use domain::event::bounce::{self, BounceKind, BounceReason, Effect, Report};
use domain::sequence::{self, State, steer};

use super::scene::{DAY, Scene, received};
use crate::support::{Action, Sink};

#[tokio::test]
async fn a_sequence_that_too_many_complain_of_is_held_and_goes_on_when_a_person_says_so() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    scene.enter(made.id, "a@example.jp").await;
    scene.enter(made.id, "b@example.jp").await;
    scene.later(TimeDelta::zero()).await;
    let (database, tenant) = (&scene.fixture.database, scene.fixture.tenant);
    database
        .execute_as_owner(&format!(
            "INSERT INTO tenant_usage (tenant_id, kind, period, amount)
             VALUES ('{tenant}', 'day_complaints', (now() AT TIME ZONE 'UTC')::date, 4)"
        ))
        .await;
    let of_a =
        |column| format!("SELECT {column}::text FROM delivery WHERE address = 'a@example.jp'");
    let path = ReturnPath {
        tenant,
        period: database.text(&of_a("period")).await.parse().unwrap(),
        delivery: database.text(&of_a("id")).await.parse().unwrap(),
    };
    let report = Report {
        complaint: true,
        delivered: false,
        kind: BounceKind::None,
        reason: BounceReason::Complaint,
        status: None,
        address: None,
        text: String::new(),
    };
    let effect = bounce::take(&database.db, path, &report).await.unwrap();
    assert_eq!(effect, Effect::Counted);
    let held = sequence::get(&database.db, &scene.actor, made.id)
        .await
        .unwrap();
    assert_eq!(held.state, State::Paused);
    assert_eq!(held.state_reason.as_deref(), Some("complaints 5/2"));
    scene.later(DAY).await;
    assert_eq!(received(&sink, "b@example.jp"), 1, "nothing goes on");
    steer::activate(&database.db, &scene.actor, &scene.installation(), made.id)
        .await
        .unwrap();
    scene.later(DAY).await;
    assert_eq!(received(&sink, "b@example.jp"), 2);
}
