//! A/B tests through the engine: the test first, the winner to the rest.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::Actor;
use domain::campaign::ab_test::{Decision, How, Metric, Plan, Variant, decide, results};
use domain::campaign::{self, CampaignChange, control};
use domain::clock::Clock;
use domain::ids::CampaignId;

use crate::kill::until_finished;
use crate::schedule::{draft, installation};
use crate::support::{Action, Counts, Fixture, Machine, Sink};

fn subject(text: &str) -> Variant {
    Variant {
        subject: Some(text.to_owned()),
        ..Variant::default()
    }
}

fn plan(share: i16, decision: Decision) -> Plan {
    Plan {
        share,
        metric: Metric::Opens,
        decision,
        wait_minutes: 60,
        variants: vec![subject("Subject-A"), subject("Subject-B")],
    }
}

async fn fixture(sink: &Sink) -> Fixture {
    let clock = Clock::fixed("2026-11-20T03:00:00Z".parse().unwrap());
    Fixture::with_clock(sink, clock).await
}

/// Sent to so many people, with an A/B test.
async fn started(fixture: &Fixture, people: usize, plan: Plan) -> CampaignId {
    let draft = draft(fixture, people).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let change = CampaignChange {
        ab_test: Some(Some(plan)),
        ..CampaignChange::default()
    };
    campaign::update(db, &actor, draft.id, draft.version, change)
        .await
        .unwrap();
    let people = i64::try_from(people).unwrap();
    control::send(db, &actor, &installation(fixture), draft.id, people)
        .await
        .unwrap();
    draft.id
}

/// Mails at the sink by subject.
fn by_subject(sink: &Sink) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for mail in sink.mails() {
        *counted.entry(mail.headers("Subject").concat()).or_default() += 1;
    }
    counted
}

fn counted(a: usize, b: usize) -> BTreeMap<String, usize> {
    let all = [("Subject-A", a), ("Subject-B", b)];
    let sent = all.into_iter().filter(|(_, n)| *n > 0);
    sent.map(|(subject, n)| (subject.to_owned(), n)).collect()
}

fn counts(queued: i64, accepted: i64) -> Counts {
    Counts {
        queued,
        accepted,
        ..Counts::default()
    }
}

async fn opened(fixture: &Fixture, variant: i16) {
    fixture
        .database
        .execute_as_owner(&format!(
            "UPDATE delivery SET opened_at = accepted_at WHERE variant = {variant}"
        ))
        .await;
}

/// Until somebody has seen that the test is out.
async fn test_is_out(fixture: &Fixture, mailer: &mailer::runner::Mailer) {
    mailer.drain().await.unwrap();
    fixture.database.clock.advance(TimeDelta::seconds(5));
    mailer.drain().await.unwrap();
}

#[tokio::test]
async fn only_the_test_goes_out_first_and_the_rest_gets_the_winner_by_itself() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = fixture(&sink).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let id = started(&fixture, 40, plan(20, Decision::Automatic)).await;
    let mailer = fixture.mailer();
    test_is_out(&fixture, &mailer).await;
    assert_eq!(by_subject(&sink), counted(4, 4));
    assert_eq!(fixture.counts(id).await, counts(32, 8));
    opened(&fixture, 2).await;
    fixture.database.clock.advance(TimeDelta::minutes(59));
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 8, "the hour is not over");
    assert!(fixture.state(id, "sending").await);

    fixture.database.clock.advance(TimeDelta::minutes(1));
    mailer.drain().await.unwrap();
    assert_eq!(by_subject(&sink), counted(4, 36));
    assert_eq!(sink.duplicates(), Vec::<String>::new());
    assert_eq!(fixture.counts(id).await, counts(0, 40));
    assert!(fixture.state(id, "finished").await);
    let test = campaign::get(db, &actor, id)
        .await
        .unwrap()
        .ab_test
        .unwrap();
    let winner = test.winner.unwrap();
    assert_eq!((winner.position, winner.how), (2, How::Measured));
    let found = results::get(db, &actor, id).await.unwrap();
    let tested: Vec<_> = found.variants.iter().map(|v| v.tested.unwrap()).collect();
    assert_eq!((tested[0].accepted, tested[0].opened), (4, 0));
    assert_eq!((tested[1].accepted, tested[1].opened), (4, 4));
    assert_eq!(found.variants[1].now.accepted, 36);
    assert_eq!(found.waiting, 0);
}

#[tokio::test]
async fn a_person_chooses_once_and_a_pause_holds_what_they_chose() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = fixture(&sink).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let id = started(&fixture, 20, plan(50, Decision::Manual)).await;
    let mailer = fixture.mailer();
    test_is_out(&fixture, &mailer).await;
    opened(&fixture, 2).await;
    fixture.database.clock.advance(TimeDelta::days(3));
    mailer.drain().await.unwrap();
    assert_eq!(by_subject(&sink), counted(5, 5), "it waits for a person");
    assert!(decide::choose(db, &actor, id, 3).await.is_err());
    control::pause(db, &actor, id).await.unwrap();
    decide::choose(db, &actor, id, 1).await.unwrap();
    assert!(decide::choose(db, &actor, id, 2).await.is_err(), "once");
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 10, "paused");
    control::resume(db, &actor, id).await.unwrap();
    mailer.drain().await.unwrap();
    assert_eq!(by_subject(&sink), counted(15, 5));
    assert_eq!(sink.duplicates(), Vec::<String>::new());
    assert!(fixture.state(id, "finished").await);
}

#[tokio::test]
async fn who_stops_a_test_stops_the_rest_too_and_the_counts_are_exact() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = fixture(&sink).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let id = started(&fixture, 20, plan(10, Decision::Automatic)).await;
    let mailer = fixture.mailer();
    test_is_out(&fixture, &mailer).await;
    control::stop(db, &actor, id).await.unwrap();
    fixture.database.clock.advance(TimeDelta::hours(2));
    mailer.drain().await.unwrap();
    let expected = Counts {
        accepted: 2,
        skipped: 18,
        ..Counts::default()
    };
    assert_eq!(fixture.counts(id).await, expected);
    assert!(decide::choose(db, &actor, id, 1).await.is_err());
}

#[tokio::test]
async fn a_split_of_everybody_waits_for_nobody_and_nothing_measured_makes_the_first_win() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture_of_all = fixture(&sink).await;
    let id = started(&fixture_of_all, 11, plan(100, Decision::Automatic)).await;
    fixture_of_all.mailer().drain().await.unwrap();
    assert_eq!(by_subject(&sink), counted(6, 5));
    assert!(fixture_of_all.state(id, "finished").await);

    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = fixture(&sink).await;
    let id = started(&fixture, 20, plan(20, Decision::Automatic)).await;
    let mailer = fixture.mailer();
    test_is_out(&fixture, &mailer).await;
    fixture.database.clock.advance(TimeDelta::hours(1));
    mailer.drain().await.unwrap();
    assert_eq!(by_subject(&sink), counted(18, 2));
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let test = campaign::get(db, &actor, id)
        .await
        .unwrap()
        .ab_test
        .unwrap();
    assert_eq!(test.winner.unwrap().how, How::NothingMeasured);
}

#[tokio::test(flavor = "multi_thread")]
async fn mailers_killed_around_the_decision_lose_nobody_and_repeat_nothing() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let id = started(&fixture, 60, plan(20, Decision::Manual)).await;
    let machine = Machine::new(&fixture);
    let process = machine.start();
    sink.until(4).await;
    process.kill();
    let process = machine.start();
    decide::choose(db, &actor, id, 2).await.unwrap();
    sink.until(30).await;
    process.kill();
    let last = machine.start();
    until_finished(&fixture, id).await;
    assert!(last.terminate().await.success(), "{}", machine.log());
    let counts = fixture.counts(id).await;
    assert_eq!(counts.accepted + counts.unknown, 60, "{counts:?}");
    assert_eq!(sink.duplicates(), Vec::<String>::new());
    assert_eq!(fixture.rows("variant IS NULL").await, 0);
    assert_eq!(fixture.rows("variant = 1").await, 6);
}
