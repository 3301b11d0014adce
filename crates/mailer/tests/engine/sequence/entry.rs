//! Coming in by a date or with an audience, and edits that reach very many.

use chrono::TimeDelta;
use domain::campaign::audience::Audience;
use domain::contact;
use domain::contact_field::{self, FieldType, NewContactField};
use domain::date_mail::day::Repeat;
use domain::ids::{ListId, SequenceId};
use domain::list::subscription::Status;
use domain::sequence::enrol::intake;
use domain::sequence::plan::Unit;
use domain::sequence::{Entry, steer};

use super::scene::{DAY, HOUR, Scene, received};
use crate::support::{Action, Sink};

async fn scene() -> (Sink, Scene) {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    (sink, scene)
}

async fn birthday(scene: &Scene, email: &str, born: &str) {
    let new = contact::NewContact {
        email: email.to_owned(),
        name: "髙橋".to_owned(),
        fields: [("birthday".to_owned(), born.into())].into(),
        list_ids: Vec::new(),
    };
    contact::create(&scene.fixture.database.db, &scene.actor, new, "manual")
        .await
        .unwrap();
}

/// Begins a day after the birthday, with a mail at once.
async fn after_birthdays(scene: &Scene) -> SequenceId {
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
    let db = &scene.fixture.database.db;
    contact_field::create(db, &scene.actor, field)
        .await
        .unwrap();
    let mut rule = scene.rule(vec![scene.step(0, Unit::Minutes)]);
    rule.entry = Entry::Date {
        field: "birthday".to_owned(),
        offset_days: 1,
        repeat: Repeat::Yearly,
    };
    scene.active(rule).await.id
}

#[tokio::test]
async fn on_the_day_of_a_date_people_come_in_once_and_whoever_came_later_too() {
    let (sink, scene) = scene().await;
    after_birthdays(&scene).await;
    // It is 2 March.
    birthday(&scene, "today@example.jp", "1990-03-01").await;
    birthday(&scene, "tomorrow@example.jp", "1985-03-02").await;
    birthday(&scene, "later@example.jp", "2001-03-05").await;
    birthday(&scene, "over@example.jp", "2001-02-20").await;
    let got = |name: &str| received(&sink, &format!("{name}@example.jp"));
    scene.later(TimeDelta::zero()).await;
    assert_eq!((got("today"), got("tomorrow")), (1, 0));
    // At midnight of the sequence's zone, not before.
    scene.later(HOUR * 13).await;
    assert_eq!(got("tomorrow"), 0);
    scene.later(HOUR).await;
    assert_eq!(got("tomorrow"), 1);
    for _ in 0..5 {
        scene.later(DAY).await;
    }
    assert_eq!((got("today"), got("tomorrow"), got("later")), (1, 1, 1));
    assert_eq!(got("over"), 0, "that day is past");
    assert_eq!(sink.total(), 3);
}

#[tokio::test]
async fn days_of_a_date_that_pass_in_a_pause_are_not_made_up_for() {
    let (sink, scene) = scene().await;
    let id = after_birthdays(&scene).await;
    birthday(&scene, "paused@example.jp", "1990-03-03").await;
    birthday(&scene, "resumed@example.jp", "1990-03-06").await;
    scene.later(TimeDelta::zero()).await;
    let db = &scene.fixture.database.db;
    steer::pause(db, &scene.actor, id).await.unwrap();
    scene.later(DAY * 3).await;
    let installation = scene.installation();
    steer::activate(db, &scene.actor, &installation, id)
        .await
        .unwrap();
    for _ in 0..3 {
        scene.later(DAY).await;
    }
    assert_eq!(received(&sink, "paused@example.jp"), 0);
    assert_eq!(received(&sink, "resumed@example.jp"), 1);
}

/// So many contacts, subscribed to a list.
async fn members(scene: &Scene, list: ListId, n: usize) {
    let tenant = scene.fixture.tenant;
    let now = scene.fixture.database.db.now();
    scene
        .fixture
        .database
        .execute_as_owner(&format!(
            "INSERT INTO contact (tenant_id, id, email, email_key, name, created_at, updated_at)
             SELECT '{tenant}', gen_random_uuid(), a, a, '人', '{now}', '{now}'
             FROM (SELECT 'm' || lpad(n::text, 5, '0') || '@example.jp' AS a FROM generate_series(1, {n}) n) m;
             SELECT set_config('kikubari.tenant', '{tenant}', false);
             INSERT INTO subscription (tenant_id, list_id, contact_id, status, since)
             SELECT '{tenant}', '{list}', id, 'subscribed', '{now}' FROM contact WHERE tenant_id = '{tenant}' AND email LIKE 'm%'"
        ))
        .await;
}

fn of(list: ListId, except: &[ListId]) -> Audience {
    Audience {
        list_ids: vec![list],
        exclude_list_ids: except.to_vec(),
        ..Audience::default()
    }
}

#[tokio::test]
async fn an_audience_of_more_than_a_chunk_comes_in_once_without_those_who_said_no() {
    let (sink, scene) = scene().await;
    let (list, except) = (scene.list().await, scene.list_called("除外").await);
    members(&scene, list, 1_200).await;
    let excluded = scene.person("excluded@example.jp").await.id;
    let cancelled = scene.person("cancelled@example.jp").await.id;
    scene.person("stranger@example.jp").await;
    scene.subscribe(excluded, list, Status::Subscribed).await;
    scene.subscribe(excluded, except, Status::Subscribed).await;
    scene.subscribe(cancelled, list, Status::Subscribed).await;
    scene.subscribe(cancelled, list, Status::Unsubscribed).await;
    let made = scene
        .active(scene.rule(vec![scene.step(0, Unit::Minutes)]))
        .await;
    let db = &scene.fixture.database.db;
    let mut counted = Vec::new();
    for _ in 0..2 {
        let audience = of(list, &[except]);
        let people = intake::count(db, &scene.actor, made.id, &audience)
            .await
            .unwrap();
        counted.push(people);
        intake::create(db, &scene.actor, made.id, &audience, people)
            .await
            .unwrap();
        scene.later(HOUR).await;
    }
    assert_eq!(counted, [1_200, 0], "who is meant, as it then comes");
    let intakes = intake::list(db, &scene.actor, made.id).await.unwrap();
    let mut entered: Vec<i64> = intakes.iter().map(|intake| intake.entered).collect();
    entered.sort_unstable();
    assert_eq!(entered, [0, 1_200], "nobody a second time");
    assert!(intakes.iter().all(|intake| intake.done_at.is_some()));
    assert_eq!(sink.total(), 1_200);
    assert_eq!(sink.duplicates(), Vec::<String>::new());
    for name in ["excluded", "cancelled", "stranger"] {
        assert_eq!(received(&sink, &format!("{name}@example.jp")), 0, "{name}");
    }
}

#[tokio::test]
async fn an_edit_that_reaches_very_many_touches_nobody_in_the_request_and_all_of_them_after() {
    let (sink, scene) = scene().await;
    let list = scene.list().await;
    let people = 2_500;
    members(&scene, list, people).await;
    let steps = vec![scene.step(1, Unit::Days), scene.step(1, Unit::Days)];
    let made = scene.active(scene.rule(steps)).await;
    let db = &scene.fixture.database.db;
    let audience = of(list, &[]);
    let people = intake::count(db, &scene.actor, made.id, &audience)
        .await
        .unwrap();
    intake::create(db, &scene.actor, made.id, &audience, people)
        .await
        .unwrap();
    scene.later(TimeDelta::zero()).await;
    let due_at = async |hours: i64| {
        let at = scene.fixture.database.db.now() + HOUR * i32::try_from(hours).unwrap();
        let sql = format!(
            "SELECT count(*) FROM sequence_enrolment WHERE state = 'active' AND step_id IS NOT NULL AND due_at = '{at}'"
        );
        scene.fixture.database.count(&sql).await
    };
    let all = people;
    assert_eq!(due_at(24).await, all);
    // Sooner.
    let mut rule = made.rule.clone();
    rule.steps[0].delay = scene.step(2, Unit::Hours).delay;
    let edited = scene.update(&made, rule).await;
    assert_eq!(due_at(24).await, all, "the request touched nobody");
    scene.later(TimeDelta::zero()).await;
    assert_eq!(due_at(2).await, all);
    // The step is removed: they stand at the next one.
    let mut rule = edited.rule.clone();
    rule.steps.remove(0);
    rule.steps[0].delay = scene.step(5, Unit::Hours).delay;
    scene.update(&edited, rule).await;
    scene.later(TimeDelta::zero()).await;
    assert_eq!(due_at(5).await, all);
    assert_eq!(sink.total(), 0);
    let left = "SELECT count(*) FROM sequence_step WHERE relook";
    assert_eq!(scene.fixture.database.count(left).await, 0);
}
