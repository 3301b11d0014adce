//! What goes out and can't any more: it is paused and says so, or its mails do.

use chrono::{TimeDelta, TimeZone, Utc};
use domain::Actor;
use domain::campaign::{self, control, state::State};
use domain::clock::Clock;
use domain::delivery::read;

use crate::support::{Action, Counts, Fixture, Sink, addresses};
use crate::transactional::{confirmation, order, send_to};

async fn turn_routes(fixture: &Fixture, on: bool) {
    let sql = format!("UPDATE route SET enabled = {on}");
    fixture.database.execute_as_owner(&sql).await;
}

#[tokio::test]
async fn a_campaign_whose_only_route_is_turned_off_is_paused_says_so_and_can_be_resumed() {
    // The second half is put off, so that the campaign is under way.
    let sink = Sink::scripted(|to, attempt| {
        if to >= "person00005" && attempt == 1 {
            Action::Refuse("451 4.2.0 later")
        } else {
            Action::Accept
        }
    })
    .await;
    let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap());
    let fixture = Fixture::with_clock(&sink, clock).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let id = fixture.campaign(&addresses(10)).await;
    fixture.mailer().drain().await.unwrap();
    turn_routes(&fixture, false).await;
    fixture.database.clock.advance(TimeDelta::hours(1));
    fixture.mailer().drain().await.unwrap();
    let held = campaign::get(db, &actor, id).await.unwrap();
    assert_eq!(
        (held.state, held.state_reason.as_deref()),
        (State::Paused, Some("no_route"))
    );
    let told = "SELECT count(*) FROM audit_entry WHERE action = 'campaign.held'";
    assert_eq!(fixture.database.count(told).await, 1);
    let waiting = Counts {
        accepted: 5,
        deferred: 5,
        ..Counts::default()
    };
    assert_eq!(fixture.counts(id).await, waiting);
    // Resumed before anything is mended it only says so again.
    control::resume(db, &actor, id).await.unwrap();
    fixture.mailer().drain().await.unwrap();
    let again = campaign::get(db, &actor, id).await.unwrap();
    assert_eq!(again.state_reason.as_deref(), Some("no_route"));
    turn_routes(&fixture, true).await;
    let resumed = control::resume(db, &actor, id).await.unwrap();
    assert_eq!(
        (resumed.state, resumed.state_reason),
        (State::Sending, None)
    );
    fixture.mailer().drain().await.unwrap();
    let done = Counts {
        accepted: 10,
        ..Counts::default()
    };
    assert_eq!(fixture.counts(id).await, done);
}

#[tokio::test]
async fn a_campaign_of_which_no_mail_can_be_made_is_paused_and_says_so() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let (broken, whole) = (
        fixture.campaign(&addresses(3)).await,
        fixture.campaign(&addresses(3)).await,
    );
    fixture
        .database
        .execute_as_owner(&format!(
            "UPDATE mail_version v SET subject = '{{{{ gone_field }}}} {{% if %}}' FROM campaign c
             WHERE c.id = '{broken}' AND v.mail_id = c.mail_id"
        ))
        .await;
    fixture.mailer().drain().await.unwrap();
    let held = campaign::get(db, &actor, broken).await.unwrap();
    assert_eq!(
        (held.state, held.state_reason.as_deref()),
        (State::Paused, Some("not_composable"))
    );
    assert!(fixture.state(whole, "finished").await);
    assert_eq!(sink.total(), 3);
}

#[tokio::test]
async fn a_transactional_mail_without_a_route_says_so_itself_and_goes_out_once_there_is_one() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap());
    let fixture = Fixture::with_clock(&sink, clock).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let mail = confirmation(&fixture, fixture.tenant).await;
    let sent = send_to(&fixture, &actor, mail, "taro@example.jp", order("A-1"))
        .await
        .unwrap();
    turn_routes(&fixture, false).await;
    fixture.mailer().drain().await.unwrap();
    let id = sent.delivery.id;
    let waiting = read::get(db, &actor, id).await.unwrap().delivery;
    assert_eq!(waiting.state, read::DeliveryState::Deferred);
    assert_eq!(waiting.reason.as_deref(), Some("unreachable"));
    turn_routes(&fixture, true).await;
    fixture.database.clock.advance(TimeDelta::minutes(5));
    fixture.mailer().drain().await.unwrap();
    let out = read::get(db, &actor, id).await.unwrap().delivery;
    assert_eq!(out.state, read::DeliveryState::Accepted);
}
