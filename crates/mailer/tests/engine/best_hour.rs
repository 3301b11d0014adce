//! Each person at their hour.

use chrono::TimeDelta;
use domain::Actor;
use domain::campaign::{self, CampaignChange, control};
use domain::clock::Clock;

use crate::schedule::{draft, installation};
use crate::support::{Action, Fixture, Sink};

/// Opens of a person at an hour of Tokyo, on the days before.
async fn opens(fixture: &Fixture, person: &str, hour: u32, times: u32, machine: bool) {
    fixture
        .database
        .execute_as_owner(&format!(
            "INSERT INTO event (tenant_id, period, id, kind, campaign_id, delivery_id, contact_id, machine, at)
             SELECT c.tenant_id, '2026-11-01', gen_random_uuid(), 'open', gen_random_uuid(), gen_random_uuid(), c.id, {machine},
                    timestamp '2026-11-05 {hour}:20' AT TIME ZONE 'Asia/Tokyo' + n * interval '1 day'
             FROM contact c, generate_series(1, {times}) n WHERE c.email = '{person}'"
        ))
        .await;
}

#[tokio::test]
async fn each_person_gets_it_at_their_hour_within_a_day_and_the_campaign_ends_then() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    // 12:30 in Tokyo.
    let clock = Clock::fixed("2026-11-20T03:30:00Z".parse().unwrap());
    let fixture = Fixture::with_clock(&sink, clock).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let draft = draft(&fixture, 5).await;
    let person = |i: usize| format!("person{i:05}@example.jp");
    opens(&fixture, &person(0), 20, 4, false).await;
    opens(&fixture, &person(1), 8, 3, false).await;
    opens(&fixture, &person(2), 12, 3, false).await;
    // Chance, and machines: at once, as nothing says when people open here.
    opens(&fixture, &person(3), 20, 2, false).await;
    opens(&fixture, &person(4), 20, 9, true).await;
    let change = CampaignChange {
        best_hour: Some(true),
        ..CampaignChange::default()
    };
    campaign::update(db, &actor, draft.id, draft.version, change)
        .await
        .unwrap();
    control::send(db, &actor, &installation(&fixture), draft.id, 5)
        .await
        .unwrap();
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    let taken = |sink: &Sink| sink.taken().into_keys().collect::<Vec<_>>();
    assert_eq!(taken(&sink), [person(2), person(3), person(4)]);
    assert!(fixture.state(draft.id, "sending").await);

    fixture
        .database
        .clock
        .advance(TimeDelta::minutes(7 * 60 + 29));
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 3, "19:59");
    fixture.database.clock.advance(TimeDelta::minutes(1));
    mailer.drain().await.unwrap();
    assert_eq!(taken(&sink), [person(0), person(2), person(3), person(4)]);
    fixture.database.clock.advance(TimeDelta::hours(12));
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 5);
    assert_eq!(sink.duplicates(), Vec::<String>::new());
    assert!(fixture.state(draft.id, "finished").await);
}

#[tokio::test]
async fn who_opened_too_little_gets_it_at_the_hour_of_the_others() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let clock = Clock::fixed("2026-11-20T03:30:00Z".parse().unwrap());
    let fixture = Fixture::with_clock(&sink, clock).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let draft = draft(&fixture, 3).await;
    // An earlier campaign that everybody opened at six in the evening.
    let earlier = fixture
        .campaign(&["person00000@example.jp".to_owned()])
        .await;
    fixture
        .database
        .execute_as_owner(&format!(
            "UPDATE campaign SET state = 'finished', started_at = started_at - interval '2 days' WHERE id = '{earlier}';
             UPDATE delivery SET state = 'accepted', due_at = NULL, opened_at = '2026-11-18T09:10:00Z' WHERE campaign_id = '{earlier}';
             DELETE FROM send_queue WHERE campaign_id = '{earlier}'"
        ))
        .await;
    let change = CampaignChange {
        best_hour: Some(true),
        ..CampaignChange::default()
    };
    campaign::update(db, &actor, draft.id, draft.version, change)
        .await
        .unwrap();
    control::send(db, &actor, &installation(&fixture), draft.id, 3)
        .await
        .unwrap();
    let mailer = fixture.mailer();
    fixture
        .database
        .clock
        .advance(TimeDelta::minutes(5 * 60 + 29));
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 0, "17:59");
    fixture.database.clock.advance(TimeDelta::minutes(1));
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 3);
}
