//! Date mails, day after day, through the engine.

use chrono::{TimeDelta, TimeZone, Utc};
use domain::campaign::audience::Audience;
use domain::clock::Clock;
use domain::contact_field::{self, FieldType, NewContactField};
use domain::date_mail::day::Repeat;
use domain::date_mail::{self, DateMail, Rule};
use domain::{Actor, contact};

use crate::schedule::draft;
use crate::support::{Action, Fixture, Sink};

/// 08:00 in Tokyo on 28 February 2026, which no 29th follows.
fn clock() -> Clock {
    Clock::fixed(Utc.with_ymd_and_hms(2026, 2, 27, 23, 0, 0).unwrap())
}

async fn birthday(fixture: &Fixture, email: &str, born: &str) {
    let new = contact::NewContact {
        email: email.to_owned(),
        name: "髙橋".to_owned(),
        fields: [("birthday".to_owned(), born.into())].into(),
        list_ids: Vec::new(),
    };
    let actor = Actor::operator(fixture.tenant);
    contact::create(&fixture.database.db, &actor, new, "manual")
        .await
        .unwrap();
}

/// An active one, that goes out at nine on the day itself.
async fn birthday_mail(fixture: &Fixture) -> DateMail {
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let field = NewContactField {
        key: "birthday".to_owned(),
        label: "誕生日".to_owned(),
        kind: FieldType::Date,
        required: false,
        unique: false,
        default_value: None,
        choices: Vec::new(),
        position: None,
    };
    contact_field::create(db, &actor, field).await.unwrap();
    let mail = draft(fixture, 0).await.mail_id.unwrap();
    let rule = Rule {
        name: "お誕生日".to_owned(),
        mail_id: mail,
        field_key: "birthday".to_owned(),
        offset_days: 0,
        repeat: Repeat::Yearly,
        send_at: "09:00:00".parse().unwrap(),
        time_zone: "Asia/Tokyo".to_owned(),
        audience: Audience {
            all: true,
            ..Audience::default()
        },
    };
    let made = date_mail::create(db, &actor, rule).await.unwrap();
    date_mail::activate(db, &actor, made.id).await.unwrap()
}

#[tokio::test]
async fn each_day_goes_to_those_whose_day_it_is_and_makes_the_next_one() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let made = birthday_mail(&fixture).await;
    birthday(&fixture, "born28@example.jp", "1980-02-28").await;
    birthday(&fixture, "born29@example.jp", "1984-02-29").await;
    birthday(&fixture, "born2@example.jp", "1990-03-02").await;
    let nine = Utc.with_ymd_and_hms(2026, 2, 28, 0, 0, 0).unwrap();
    assert_eq!(made.next_at, Some(nine));
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 0, "it is not nine yet");

    fixture.database.clock.advance(TimeDelta::hours(1));
    mailer.drain().await.unwrap();
    let taken: Vec<String> = sink.taken().into_keys().collect();
    assert_eq!(taken, ["born28@example.jp", "born29@example.jp"]);

    // Three days at once, as after an outage: 1 March is nobody's day.
    fixture.database.clock.advance(TimeDelta::days(3));
    mailer.drain().await.unwrap();
    let taken: Vec<String> = sink.taken().into_keys().collect();
    assert_eq!(
        taken,
        ["born28@example.jp", "born29@example.jp", "born2@example.jp"]
    );
    assert_eq!(sink.duplicates(), Vec::<String>::new());
    let after = date_mail::get(db, &actor, made.id).await.unwrap();
    assert_eq!(after.next_at, Some(nine + TimeDelta::days(4)));
    let begun =
        "SELECT count(*) FROM campaign WHERE date_mail_id IS NOT NULL AND started_at IS NOT NULL";
    assert_eq!(
        fixture.database.count(begun).await,
        2,
        "days of nobody leave nothing behind"
    );
}

#[tokio::test]
async fn a_change_reaches_the_next_day_and_never_sends_to_todays_people_again() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let made = birthday_mail(&fixture).await;
    birthday(&fixture, "born28@example.jp", "1980-02-28").await;
    fixture.database.clock.advance(TimeDelta::hours(1));
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 1);

    let now = date_mail::get(db, &actor, made.id).await.unwrap();
    let later = Rule {
        send_at: "18:00:00".parse().unwrap(),
        ..now.rule.clone()
    };
    let changed = date_mail::update(db, &actor, made.id, now.version, later)
        .await
        .unwrap();
    let tomorrow = Utc.with_ymd_and_hms(2026, 3, 1, 9, 0, 0).unwrap();
    assert_eq!(changed.next_at, Some(tomorrow), "today has begun already");
    fixture.database.clock.advance(TimeDelta::hours(12));
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 1);

    let paused = date_mail::pause(db, &actor, made.id).await.unwrap();
    assert_eq!(paused.next_at, None);
    birthday(&fixture, "born1@example.jp", "1980-03-01").await;
    fixture.database.clock.advance(TimeDelta::days(2));
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 1, "a paused one sends nothing");
}

#[tokio::test]
async fn a_day_that_is_not_ready_says_why_and_the_next_one_goes_out() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let made = birthday_mail(&fixture).await;
    birthday(&fixture, "born28@example.jp", "1980-02-28").await;
    birthday(&fixture, "born1@example.jp", "1980-03-01").await;
    let enabled = |yes: bool| format!("UPDATE route SET enabled = {yes}");
    fixture.database.execute_as_owner(&enabled(false)).await;
    fixture.database.clock.advance(TimeDelta::hours(1));
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    let after = date_mail::get(db, &actor, made.id).await.unwrap();
    assert_eq!(
        after.state_reason.as_deref(),
        Some("pre-flight blocks: route")
    );
    fixture.database.execute_as_owner(&enabled(true)).await;
    fixture.database.clock.advance(TimeDelta::days(1));
    mailer.drain().await.unwrap();
    let taken: Vec<String> = sink.taken().into_keys().collect();
    assert_eq!(taken, ["born1@example.jp"]);
    let after = date_mail::get(db, &actor, made.id).await.unwrap();
    assert_eq!(after.state_reason, None);
}
