//! Sequences (step mail), step after step, through the engine.

mod again;
mod complaints;
mod entry;
mod scene;

use chrono::TimeDelta;
use domain::Actor;
use domain::list::subscription::Status;
use domain::sequence::plan::{Reaction, Unit};
use domain::sequence::{self, EnrolmentState, Entry, Rule, State, enrol, results, steer};

use self::scene::{DAY, HOUR, Scene, at, received};
use crate::support::{Action, Sink};

#[tokio::test]
async fn steps_arrive_one_after_the_other_and_the_figures_say_so() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    scene.enter(made.id, "a@example.jp").await;
    scene.later(TimeDelta::zero()).await;
    assert_eq!(received(&sink, "a@example.jp"), 1);
    let inside = scene.inside(made.id).await;
    assert_eq!(inside[0].step_id, made.rule.steps[1].id);
    assert_eq!(inside[0].due_at, Some(at("2026-03-03T01:00:00Z")));
    scene.later(DAY - HOUR).await;
    assert_eq!(received(&sink, "a@example.jp"), 1, "not before its time");
    scene.later(HOUR).await;
    assert_eq!(received(&sink, "a@example.jp"), 2);
    scene.later(DAY).await;
    assert_eq!(received(&sink, "a@example.jp"), 3);
    let done = scene.people(made.id, EnrolmentState::Done).await;
    assert_eq!(done.len(), 1);
    let db = &scene.fixture.database.db;
    let found = results::get(db, &scene.actor, made.id).await.unwrap();
    assert_eq!((found.active, found.done, found.left), (0, 1, 0));
    let accepted: Vec<i64> = found.steps.iter().map(|s| s.counts.accepted).collect();
    assert_eq!(accepted, [1, 1, 1]);
    // Through once is enough.
    let person = done[0].contact_id;
    let again = enrol::people(db, &scene.actor, made.id, &[person]).await;
    assert_eq!(again.unwrap().entered, 0);
}

#[tokio::test]
async fn a_mailer_that_was_away_sends_one_step_and_counts_the_next_delay_from_then() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    scene.enter(made.id, "a@example.jp").await;
    scene.later(DAY * 10).await;
    scene.later(TimeDelta::minutes(30)).await;
    assert_eq!(received(&sink, "a@example.jp"), 1, "no flood");
    let inside = scene.inside(made.id).await;
    assert_eq!(inside[0].due_at, Some(at("2026-03-13T01:00:00Z")));
}

#[tokio::test]
async fn who_does_not_fit_a_condition_is_passed_over_and_goes_on() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let mut steps = vec![
        scene.step(0, Unit::Minutes),
        scene.step(1, Unit::Hours),
        scene.step(1, Unit::Hours),
    ];
    steps[1].condition.reaction = Some(Reaction::Opened);
    steps[2].condition.reaction = Some(Reaction::NotClicked);
    let made = scene.active(scene.rule(steps)).await;
    let opened = scene.enter(made.id, "opened@example.jp").await;
    scene.enter(made.id, "silent@example.jp").await;
    scene.later(TimeDelta::zero()).await;
    let now = scene.fixture.database.db.now();
    let sql = format!("UPDATE delivery SET opened_at = '{now}' WHERE contact_id = '{opened}'");
    scene.fixture.database.execute_as_owner(&sql).await;
    scene.later(HOUR).await;
    assert_eq!(received(&sink, "opened@example.jp"), 2);
    assert_eq!(received(&sink, "silent@example.jp"), 1);
    assert_eq!(scene.fixture.rows("reason = 'condition'").await, 1);
    scene.later(HOUR).await;
    assert_eq!(received(&sink, "opened@example.jp"), 3);
    assert_eq!(received(&sink, "silent@example.jp"), 2);
}

#[tokio::test]
async fn who_cancels_in_between_is_out_and_who_is_taken_out_gets_nothing_that_waits() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    let left = scene.enter(made.id, "left@example.jp").await;
    let removed = scene.enter(made.id, "removed@example.jp").await;
    scene.later(TimeDelta::zero()).await;
    let sql = format!("UPDATE contact SET status = 'unsubscribed' WHERE id = '{left}'");
    scene.fixture.database.execute_as_owner(&sql).await;
    let db = &scene.fixture.database.db;
    enrol::remove(db, &scene.actor, made.id, removed)
        .await
        .unwrap();
    scene.later(DAY * 2).await;
    assert_eq!(sink.total(), 2);
    let out = scene.people(made.id, EnrolmentState::Left).await;
    let mut reasons: Vec<_> = out.iter().filter_map(|row| row.reason.clone()).collect();
    reasons.sort();
    assert_eq!(reasons, ["removed", "unsubscribed"]);
    assert!(scene.inside(made.id).await.is_empty());
}

#[tokio::test]
async fn a_pause_holds_everybody_and_a_stop_ends_it_for_good() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    scene.enter(made.id, "a@example.jp").await;
    scene.later(TimeDelta::zero()).await;
    let (db, actor) = (&scene.fixture.database.db, &scene.actor);
    steer::pause(db, actor, made.id).await.unwrap();
    scene.later(DAY * 3).await;
    assert_eq!(sink.total(), 1);
    steer::activate(db, actor, &scene.installation(), made.id)
        .await
        .unwrap();
    scene.later(TimeDelta::zero()).await;
    scene.later(HOUR).await;
    assert_eq!(sink.total(), 2, "one step, the next one a day later");
    steer::stop(db, actor, made.id).await.unwrap();
    scene.later(DAY * 3).await;
    assert_eq!(sink.total(), 2);
    let out = scene.people(made.id, EnrolmentState::Left).await;
    assert_eq!(out[0].reason.as_deref(), Some("stopped"));
    let again = steer::activate(db, actor, &scene.installation(), made.id).await;
    assert!(again.is_err());
}

#[tokio::test]
async fn a_finished_one_lets_nobody_in_and_those_inside_go_on() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    scene.enter(made.id, "a@example.jp").await;
    let (db, actor) = (&scene.fixture.database.db, &scene.actor);
    steer::finish(db, actor, made.id).await.unwrap();
    let late = scene.person("late@example.jp").await;
    assert!(enrol::people(db, actor, made.id, &[late.id]).await.is_err());
    scene.later(TimeDelta::zero()).await;
    scene.later(DAY).await;
    assert_eq!(received(&sink, "a@example.jp"), 2);
}

#[tokio::test]
async fn an_edit_reaches_people_inside_by_the_step_at_which_they_stand() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    scene.enter(made.id, "a@example.jp").await;
    scene.later(TimeDelta::zero()).await;
    // The second, at which the person stands, is brought forward; one is inserted before it.
    let mut rule = made.rule.clone();
    rule.steps[1].delay = scene.step(2, Unit::Hours).delay;
    rule.steps.insert(1, scene.step(0, Unit::Minutes));
    let edited = scene.update(&made, rule).await;
    scene.later(HOUR).await;
    assert_eq!(received(&sink, "a@example.jp"), 1);
    let inside = scene.inside(made.id).await;
    assert_eq!(inside[0].step_id, made.rule.steps[1].id);
    assert_eq!(inside[0].due_at, Some(at("2026-03-02T03:00:00Z")));
    scene.later(HOUR).await;
    assert_eq!(received(&sink, "a@example.jp"), 2);
    // The last, at which the person stands now, is removed for another one.
    let mut rule = edited.rule.clone();
    rule.steps.pop();
    rule.steps.push(scene.step(3, Unit::Hours));
    // And what the person had is moved behind: it does not come again.
    let first = rule.steps.remove(0);
    rule.steps.push(first);
    scene.update(&made, rule).await;
    scene.later(TimeDelta::zero()).await;
    let inside = scene.inside(made.id).await;
    assert_eq!(inside[0].due_at, Some(at("2026-03-02T06:00:00Z")));
    scene.later(HOUR * 3).await;
    assert_eq!(received(&sink, "a@example.jp"), 3);
    scene.later(DAY * 2).await;
    assert_eq!(received(&sink, "a@example.jp"), 3);
    assert_eq!(scene.people(made.id, EnrolmentState::Done).await.len(), 1);
}

#[tokio::test]
async fn two_mailers_and_one_that_dies_send_each_step_once() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    let mut people = Vec::new();
    for n in 0..60 {
        people.push(scene.person(&format!("p{n}@example.jp")).await.id);
    }
    let db = &scene.fixture.database.db;
    enrol::people(db, &scene.actor, made.id, &people)
        .await
        .unwrap();
    // Moved on, but no mailer sends: as one that dies at that moment.
    while sequence::run::run_once(db, &scene.installation())
        .await
        .unwrap()
    {}
    assert_eq!(scene.fixture.rows("state = 'queued'").await, 60);
    let (one, other) = (scene.fixture.mailer(), scene.fixture.mailer());
    for _ in 0..2 {
        let (first, second) = tokio::join!(one.drain(), other.drain());
        first.unwrap();
        second.unwrap();
        scene.fixture.database.clock.advance(DAY);
    }
    assert_eq!(sink.total(), 120);
    assert_eq!(scene.fixture.rows("state = 'accepted'").await, 120);
    let twice = "SELECT count(*) FROM (SELECT FROM delivery GROUP BY contact_id, campaign_id HAVING count(*) > 1) t";
    assert_eq!(scene.fixture.database.count(twice).await, 0);
}

#[tokio::test]
async fn who_joins_the_list_comes_in_and_who_leaves_it_is_out() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let list = scene.list().await;
    let steps = vec![scene.step(0, Unit::Minutes), scene.step(1, Unit::Days)];
    let rule = Rule {
        entry: Entry::List(Some(list)),
        leave_with_list: true,
        ..scene.rule(steps)
    };
    let early = scene.person("early@example.jp").await;
    scene.subscribe(early.id, list, Status::Subscribed).await;
    let made = scene.active(rule).await;
    let (stays, leaves) = (
        scene.person("stays@example.jp").await,
        scene.person("leaves@example.jp").await,
    );
    scene.subscribe(stays.id, list, Status::Subscribed).await;
    scene.subscribe(leaves.id, list, Status::Subscribed).await;
    scene.later(TimeDelta::zero()).await;
    assert_eq!(
        sink.total(),
        2,
        "who joined before it was active is not meant"
    );
    scene.subscribe(leaves.id, list, Status::Unsubscribed).await;
    scene.later(DAY).await;
    assert_eq!(received(&sink, "stays@example.jp"), 2);
    assert_eq!(received(&sink, "leaves@example.jp"), 1);
    let out = scene.people(made.id, EnrolmentState::Left).await;
    assert_eq!(out[0].reason.as_deref(), Some("left_list"));
}

#[tokio::test]
async fn quiet_hours_hold_a_step_and_the_cap_holds_one_that_is_not_exempt() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let steps = |scene: &Scene| vec![scene.step(0, Unit::Minutes), scene.step(1, Unit::Hours)];
    let exempt = scene.active(scene.rule(steps(&scene))).await;
    let capped = Rule {
        cap_exempt: false,
        ..scene.rule(steps(&scene))
    };
    let capped = scene.active(capped).await;
    scene
        .fixture
        .database
        .execute_as_owner(
            "UPDATE tenant SET send_from = '12:00', send_until = '21:00', cap_mails = 1, cap_days = 2",
        )
        .await;
    scene.enter(exempt.id, "exempt@example.jp").await;
    scene.enter(capped.id, "capped@example.jp").await;
    scene.later(HOUR).await;
    assert_eq!(sink.total(), 0, "eleven is a quiet hour");
    scene.later(HOUR).await;
    assert_eq!(sink.total(), 2);
    scene.later(HOUR).await;
    assert_eq!(received(&sink, "exempt@example.jp"), 2);
    assert_eq!(received(&sink, "capped@example.jp"), 1);
    scene.later(DAY).await;
    assert_eq!(received(&sink, "capped@example.jp"), 1);
    scene.later(DAY).await;
    assert_eq!(received(&sink, "capped@example.jp"), 2, "room again");
}

#[tokio::test]
async fn whether_a_step_is_too_much_is_not_judged_while_a_campaign_is_frozen() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let rule = Rule {
        cap_exempt: false,
        ..scene.rule(vec![scene.step(0, Unit::Minutes)])
    };
    let made = scene.active(rule).await;
    let database = &scene.fixture.database;
    database
        .execute_as_owner("UPDATE tenant SET cap_mails = 1, cap_days = 2")
        .await;
    scene.enter(made.id, "a@example.jp").await;
    let turn = format!(
        "SELECT pg_advisory_xact_lock(hashtextextended('frequency_cap:{}', 0))",
        scene.fixture.tenant
    );
    let held = database.hold(&turn).await;
    let mailer = scene.fixture.mailer();
    let sending = tokio::spawn(async move { mailer.drain().await });
    while database.waiting().await == 0 && !sending.is_finished() {}
    assert!(!sending.is_finished());
    held.release().await;
    sending.await.unwrap().unwrap();
    assert_eq!(sink.total(), 1);
}

#[tokio::test]
async fn after_a_restore_it_waits_for_a_person_and_says_so() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    scene.enter(made.id, "a@example.jp").await;
    scene
        .fixture
        .database
        .execute_as_owner("UPDATE installation SET epoch = epoch + 1")
        .await;
    scene.later(DAY).await;
    assert_eq!(sink.total(), 0);
    let held = scene.get(made.id).await;
    assert_eq!(held.state, State::Paused);
    assert_eq!(held.state_reason.as_deref(), Some("restored"));
    let db = &scene.fixture.database.db;
    steer::activate(db, &scene.actor, &scene.installation(), made.id)
        .await
        .unwrap();
    scene.later(TimeDelta::zero()).await;
    assert_eq!(sink.total(), 1);
}

#[tokio::test]
async fn one_whose_mails_under_way_lose_their_route_is_paused_and_says_so() {
    let sink = Sink::scripted(|_, attempt| match attempt {
        1 => Action::Refuse("451 4.2.0 later"),
        _ => Action::Accept,
    })
    .await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    scene.enter(made.id, "a@example.jp").await;
    scene.later(TimeDelta::zero()).await;
    let enabled = |yes: bool| format!("UPDATE route SET enabled = {yes}");
    let database = &scene.fixture.database;
    database.execute_as_owner(&enabled(false)).await;
    scene.later(TimeDelta::minutes(10)).await;
    let held = scene.get(made.id).await;
    assert_eq!(held.state, State::Paused);
    assert_eq!(held.state_reason.as_deref(), Some("no_route"));
    database.execute_as_owner(&enabled(true)).await;
    steer::activate(&database.db, &scene.actor, &scene.installation(), made.id)
        .await
        .unwrap();
    scene.later(TimeDelta::zero()).await;
    assert_eq!(sink.total(), 1);
    assert_eq!(scene.get(made.id).await.state_reason, None);
}

#[tokio::test]
async fn a_step_whose_mail_is_not_ready_waits_and_says_why() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    scene.enter(made.id, "a@example.jp").await;
    let enabled = |yes: bool| format!("UPDATE route SET enabled = {yes}");
    let database = &scene.fixture.database;
    database.execute_as_owner(&enabled(false)).await;
    scene.later(TimeDelta::zero()).await;
    let reason = scene.get(made.id).await.state_reason;
    assert_eq!(reason.as_deref(), Some("step 1: pre-flight blocks: route"));
    database.execute_as_owner(&enabled(true)).await;
    scene.later(TimeDelta::minutes(2)).await;
    assert_eq!(sink.total(), 1);
    assert_eq!(scene.get(made.id).await.state_reason, None);
}

#[tokio::test]
async fn another_tenant_finds_nothing_and_its_people_get_nothing() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new(&sink).await;
    let made = scene.three().await;
    let person = scene.enter(made.id, "ours@example.jp").await;
    let other = scene.fixture.another_tenant("other", &sink).await;
    let (db, spy) = (&scene.fixture.database.db, Actor::operator(other));
    assert!(sequence::get(db, &spy, made.id).await.is_err());
    assert!(steer::stop(db, &spy, made.id).await.is_err());
    assert!(enrol::people(db, &spy, made.id, &[person]).await.is_err());
    assert!(enrol::remove(db, &spy, made.id, person).await.is_err());
    assert!(results::get(db, &spy, made.id).await.is_err());
    assert!(sequence::list(db, &spy).await.unwrap().is_empty());
    scene.later(TimeDelta::zero()).await;
    assert_eq!(sink.total(), 1);
}
