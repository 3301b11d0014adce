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

async fn birthday(fixture: &Fixture, email: &str, born: &str) -> contact::Contact {
    let new = contact::NewContact {
        email: email.to_owned(),
        name: "髙橋".to_owned(),
        fields: [("birthday".to_owned(), born.into())].into(),
        list_ids: Vec::new(),
    };
    let actor = Actor::operator(fixture.tenant);
    contact::create(&fixture.database.db, &actor, new, "manual")
        .await
        .unwrap()
}

fn addresses_of(sink: &Sink) -> Vec<String> {
    sink.taken().into_keys().collect()
}

/// Partitions of the months in which the clock of these tests stands.
async fn months(fixture: &Fixture) {
    for (month, next) in [("2026-02-01", "2026-03-01"), ("2026-03-01", "2026-04-01")] {
        for parent in ["delivery", "event"] {
            let name = format!("{parent}_{}", month[..7].replace('-', ""));
            fixture
                .database
                .execute_as_owner(&format!(
                    "CREATE TABLE IF NOT EXISTS {name} PARTITION OF {parent} FOR VALUES FROM ('{month}') TO ('{next}')"
                ))
                .await;
        }
    }
}

/// An active one, that goes out at nine on the day itself.
async fn birthday_mail(fixture: &Fixture) -> DateMail {
    months(fixture).await;
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
    assert_eq!(
        addresses_of(&sink),
        ["born28@example.jp", "born29@example.jp"]
    );

    // Three days at once, as after an outage: 1 March is nobody's day.
    fixture.database.clock.advance(TimeDelta::days(3));
    mailer.drain().await.unwrap();
    assert_eq!(
        addresses_of(&sink),
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
async fn after_a_long_outage_the_last_three_days_are_made_up_for_and_those_before_are_named() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let made = birthday_mail(&fixture).await;
    for born in ["02-28", "03-21", "03-22", "03-24", "03-30"] {
        birthday(
            &fixture,
            &format!("born{born}@example.jp"),
            &format!("1980-{born}"),
        )
        .await;
    }
    // 08:00 on 25 March.
    fixture.database.clock.advance(TimeDelta::days(25));
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    let made_up = ["born03-22@example.jp", "born03-24@example.jp"];
    assert_eq!(addresses_of(&sink), made_up);
    let reason = async || {
        let found = date_mail::get(db, &actor, made.id).await.unwrap();
        found.state_reason
    };
    let missed = Some("missed: 2026-02-28 2026-03-21");
    assert_eq!(reason().await.as_deref(), missed);

    for _ in 0..2 {
        fixture.database.clock.advance(TimeDelta::days(3));
        mailer.drain().await.unwrap();
    }
    assert_eq!(sink.total(), 3);
    assert_eq!(reason().await, None, "a week of days has gone out since");
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
    assert_eq!(after.state_reason.as_deref(), Some("not_ready: route"));
    fixture.database.execute_as_owner(&enabled(true)).await;
    fixture.database.clock.advance(TimeDelta::days(1));
    mailer.drain().await.unwrap();
    assert_eq!(addresses_of(&sink), ["born1@example.jp"]);
    let after = date_mail::get(db, &actor, made.id).await.unwrap();
    assert_eq!(after.state_reason, None);
}

#[tokio::test]
async fn who_is_edited_before_the_day_begins_is_meant_and_who_comes_after_is_not() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    birthday_mail(&fixture).await;
    let moved = birthday(&fixture, "moved@example.jp", "1980-02-28").await;
    let came = birthday(&fixture, "came@example.jp", "1980-05-05").await;
    for (who, born) in [(moved, "1980-05-05"), (came, "1980-02-28")] {
        let change = contact::ContactChange {
            fields: [("birthday".to_owned(), born.into())].into(),
            ..contact::ContactChange::default()
        };
        contact::update(db, &actor, who.id, who.version, change)
            .await
            .unwrap();
    }
    fixture.database.clock.advance(TimeDelta::hours(1));
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(addresses_of(&sink), ["came@example.jp"]);

    birthday(&fixture, "late@example.jp", "1980-02-28").await;
    fixture.database.clock.advance(TimeDelta::hours(2));
    mailer.drain().await.unwrap();
    assert_eq!(addresses_of(&sink), ["came@example.jp"]);
}

#[tokio::test]
async fn a_day_keeps_to_the_quiet_hours_and_to_the_frequency_cap() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    birthday_mail(&fixture).await;
    birthday(&fixture, "born28@example.jp", "1980-02-28").await;
    birthday(&fixture, "had@example.jp", "1980-02-28").await;
    fixture.campaign(&["had@example.jp".to_owned()]).await;
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(addresses_of(&sink), ["had@example.jp"]);
    fixture
        .database
        .execute_as_owner(
            "UPDATE tenant SET send_from = '10:00', send_until = '21:00', cap_mails = 1, cap_days = 7",
        )
        .await;
    fixture.database.clock.advance(TimeDelta::hours(1));
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 1, "nine is a quiet hour");
    fixture.database.clock.advance(TimeDelta::hours(1));
    mailer.drain().await.unwrap();
    assert_eq!(addresses_of(&sink), ["born28@example.jp", "had@example.jp"]);
    assert_eq!(sink.duplicates(), Vec::<String>::new());
    assert_eq!(fixture.rows("reason = 'frequency_cap'").await, 1);
}

#[tokio::test]
async fn two_mailers_that_were_away_over_midnight_send_a_day_once() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    birthday_mail(&fixture).await;
    for i in 0..20 {
        birthday(&fixture, &format!("p{i}@example.jp"), "1980-02-28").await;
    }
    fixture.database.clock.advance(TimeDelta::hours(20));
    let (one, other) = (fixture.mailer(), fixture.mailer());
    let (first, second) = tokio::join!(one.drain(), other.drain());
    first.unwrap();
    second.unwrap();
    assert_eq!(sink.total(), 20);
    assert_eq!(sink.duplicates(), Vec::<String>::new());
    let days = "SELECT count(*) FROM campaign WHERE date_mail_id IS NOT NULL";
    assert_eq!(
        fixture.database.count(days).await,
        2,
        "the day that went out and the next one"
    );
}

#[tokio::test]
async fn another_tenants_people_of_the_same_day_get_nothing_and_its_date_mails_are_not_found() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let made = birthday_mail(&fixture).await;
    birthday(&fixture, "ours@example.jp", "1980-02-28").await;
    let other = fixture.another_tenant("other", &sink).await;
    fixture
        .database
        .execute_as_owner(&format!(
            "INSERT INTO contact (tenant_id, id, email, email_key, fields, created_at, updated_at)
             SELECT '{other}', gen_random_uuid(), 'theirs@example.jp', 'theirs@example.jp', fields, created_at, updated_at FROM contact"
        ))
        .await;
    fixture.database.clock.advance(TimeDelta::hours(1));
    fixture.mailer().drain().await.unwrap();
    assert_eq!(addresses_of(&sink), ["ours@example.jp"]);
    let (db, spy) = (&fixture.database.db, Actor::operator(other));
    assert!(date_mail::get(db, &spy, made.id).await.is_err());
    assert!(date_mail::pause(db, &spy, made.id).await.is_err());
    assert!(date_mail::list(db, &spy).await.unwrap().is_empty());
}

#[tokio::test]
async fn after_a_restore_a_day_that_may_have_gone_out_waits_for_a_person() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let made = birthday_mail(&fixture).await;
    birthday(&fixture, "born28@example.jp", "1980-02-28").await;
    birthday(&fixture, "born1@example.jp", "1980-03-01").await;
    fixture
        .database
        .execute_as_owner("UPDATE installation SET epoch = epoch + 1")
        .await;
    fixture.database.clock.advance(TimeDelta::hours(1));
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 0);
    let found = date_mail::get(db, &actor, made.id).await.unwrap();
    assert_eq!(
        (found.state, found.next_at),
        (date_mail::State::Paused, None)
    );
    assert_eq!(found.state_reason.as_deref(), Some("restored"));

    date_mail::activate(db, &actor, made.id).await.unwrap();
    fixture.database.clock.advance(TimeDelta::days(1));
    mailer.drain().await.unwrap();
    assert_eq!(addresses_of(&sink), ["born1@example.jp"]);
}
