//! Limits: how many mails go, over all mailers together, and what happens when
//! a site asks for less.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use domain::Actor;
use domain::clock::Clock;
use domain::delivery::claim::{BATCH, Claim, Except, Lanes, claim, next_turn};
use domain::delivery::outcome::Outcome;
use domain::delivery::record::{Record, record};
use domain::ids::{RouteId, SendLimitId, WorkerId};
use domain::limit::meaning::Meaning;
use domain::limit::warm_up::WarmUp;
use domain::limit::{self, Scope, SendLimit, Terms, slow};
use domain::page::PageRequest;
use domain::route::NewRoute;

use crate::support::{Action, Counts, Fixture, Sink, addresses, route_to};

/// 15:00 in Tokyo.
fn afternoon() -> DateTime<Utc> {
    "2026-11-20T06:00:00Z".parse().unwrap()
}

async fn fixture() -> (Sink, Fixture) {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, Clock::fixed(afternoon())).await;
    (sink, fixture)
}

fn site(name: &str) -> Scope {
    Scope {
        site: Some(name.to_owned()),
        sender_domain: None,
        route_id: None,
    }
}

fn everything() -> Scope {
    Scope {
        site: None,
        sender_domain: None,
        route_id: None,
    }
}

fn pace(per_minute: i32) -> Terms {
    Terms {
        per_minute: Some(per_minute),
        max_sessions: None,
        suspended: false,
        warm_up: None,
    }
}

async fn limit(fixture: &Fixture, scope: Scope, terms: Terms) -> SendLimitId {
    let actor = Actor::operator(fixture.tenant);
    limit::create(&fixture.database.db, &actor, scope, terms)
        .await
        .unwrap()
        .id
}

async fn change(fixture: &Fixture, id: SendLimitId, version: i32, terms: Terms) -> SendLimit {
    let actor = Actor::operator(fixture.tenant);
    limit::update(&fixture.database.db, &actor, id, version, terms)
        .await
        .unwrap()
}

async fn slowdowns(fixture: &Fixture) -> Vec<slow::Slowdown> {
    let actor = Actor::operator(fixture.tenant);
    slow::list(&fixture.database.db, &actor, &PageRequest::default())
        .await
        .unwrap()
        .items
}

fn docomo(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("d{i:05}@docomo.ne.jp")).collect()
}

fn accepted(n: i64) -> Counts {
    Counts {
        accepted: n,
        ..Counts::default()
    }
}

#[tokio::test]
async fn a_limit_holds_over_two_mailers_together_and_what_waits_is_no_attempt() {
    let (sink, fixture) = fixture().await;
    limit(&fixture, site("docomo"), pace(600)).await;
    let campaign = fixture.campaign(&docomo(120)).await;
    let (one, other) = (fixture.mailer(), fixture.mailer());
    for second in 0..20 {
        let (a, b) = tokio::join!(one.drain(), other.drain());
        a.unwrap();
        b.unwrap();
        let (total, most) = (sink.total(), 20 + 10 * second);
        assert!(total <= most, "{total} after {second} s");
        assert!(total >= most.min(120) * 3 / 4, "{total} after {second} s");
        let held = fixture.rows("reason = 'held_back' AND attempts = 0").await;
        assert_eq!(held, 120 - i64::try_from(total).unwrap());
        fixture.database.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(fixture.counts(campaign).await, accepted(120));
    assert_eq!(fixture.rows("attempts = 1 AND reason IS NULL").await, 120);
    assert_eq!(sink.duplicates(), Vec::<String>::new());
}

#[tokio::test]
async fn a_site_that_is_held_back_keeps_no_other_waiting() {
    let (sink, fixture) = fixture().await;
    limit(&fixture, site("docomo"), pace(1)).await;
    let mut people = docomo(450);
    people.extend(addresses(50));
    let campaign = fixture.campaign(&people).await;
    let other = fixture.campaign(&[String::from("a@example.com")]).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(sink.total(), 50 + 1 + 1);
    assert_eq!(fixture.counts(other).await, accepted(1));
    assert_eq!(fixture.counts(campaign).await.queued, 449);
    let now = fixture.database.db.now();
    let due = fixture
        .rows(&format!("state = 'queued' AND due_at <= '{now}'"))
        .await;
    assert_eq!(due, 0, "what waits is not looked at before its time");
}

#[tokio::test]
async fn a_suspended_site_gets_nothing_until_it_is_resumed() {
    let (sink, fixture) = fixture().await;
    let suspended = Terms {
        suspended: true,
        ..pace(60_000)
    };
    let id = limit(&fixture, site("docomo"), suspended).await;
    let campaign = fixture.campaign(&docomo(30)).await;
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 0);
    assert_eq!(fixture.rows("reason = 'held_back'").await, 30);
    change(&fixture, id, 1, pace(60_000)).await;
    mailer.drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await, accepted(30));
}

#[tokio::test]
async fn a_limit_that_is_changed_or_deleted_takes_effect_on_what_waits() {
    let (sink, fixture) = fixture().await;
    let id = limit(&fixture, site("docomo"), pace(1)).await;
    let campaign = fixture.campaign(&docomo(400)).await;
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 1);
    change(&fixture, id, 1, pace(6_000)).await;
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 1 + 200, "two seconds of the new one");
    let actor = Actor::operator(fixture.tenant);
    limit::delete(&fixture.database.db, &actor, id, 2)
        .await
        .unwrap();
    mailer.drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await, accepted(400));
}

#[tokio::test]
async fn what_was_judged_by_limits_from_before_a_change_is_weighed_anew() {
    let (_sink, fixture) = fixture().await;
    let suspended = Terms {
        suspended: true,
        ..pace(60)
    };
    let id = limit(&fixture, site("docomo"), suspended).await;
    fixture.campaign(&docomo(3)).await;
    let db = &fixture.database.db;
    let worker = WorkerId::new();
    let turn = next_turn(db, &Except::default(), Lanes::All)
        .await
        .unwrap()
        .unwrap();
    let Claim::Batch(batch) = claim(db, worker, turn, BATCH).await.unwrap() else {
        panic!("nothing is due")
    };
    assert!(batch.limited);
    let asked = Clock::system().now();
    change(&fixture, id, 1, pace(60)).await;
    let held: Vec<Record> = batch
        .deliveries
        .iter()
        .map(|claimed| Record {
            id: claimed.id,
            attempts: claimed.attempts,
            message_id: None,
            site: None,
            at: db.now(),
            outcome: Outcome::HeldBack {
                until: db.now() + TimeDelta::hours(6),
                asked,
            },
        })
        .collect();
    let (tenant, campaign) = (batch.tenant_id, batch.campaign_id);
    let counted = record(db, worker, tenant, campaign, batch.period, &held)
        .await
        .unwrap();
    assert_eq!(counted, 3);
    let due = format!("state = 'queued' AND due_at <= '{}'", db.now());
    assert_eq!(fixture.rows(&due).await, 3);
}

#[tokio::test]
async fn limits_of_the_tenant_and_of_a_sender_domain_count_every_site() {
    let (sink, fixture) = fixture().await;
    limit(&fixture, everything(), pace(1_200)).await;
    let of_domain = Scope {
        sender_domain: Some("example.co.jp".into()),
        ..everything()
    };
    limit(&fixture, of_domain, pace(600)).await;
    let other_domain = Scope {
        sender_domain: Some("other.example.jp".into()),
        ..everything()
    };
    limit(&fixture, other_domain, pace(1)).await;
    let mut people = docomo(30);
    people.extend(addresses(30));
    fixture.campaign(&people).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(sink.total(), 20, "two seconds of the lower one");
}

#[tokio::test]
async fn a_route_that_is_used_up_leaves_the_rest_to_the_others() {
    let (sink, fixture) = fixture().await;
    let second = Sink::scripted(|_, _| Action::Accept).await;
    let id: RouteId = fixture
        .route(NewRoute {
            name: "second".into(),
            ..route_to(&second)
        })
        .await;
    let by_route = Scope {
        route_id: Some(id),
        ..everything()
    };
    limit(&fixture, by_route, pace(60)).await;
    let campaign = fixture.campaign(&addresses(100)).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await, accepted(100));
    assert_eq!((sink.total(), second.total()), (98, 2));
}

#[tokio::test]
async fn a_warm_up_lets_more_through_each_day_until_it_is_over() {
    let (sink, fixture) = fixture().await;
    let plan = WarmUp {
        from: afternoon().date_naive(),
        first: 10,
        growth: 100,
        until: 40,
    };
    let terms = Terms {
        per_minute: None,
        max_sessions: None,
        suspended: false,
        warm_up: Some(plan),
    };
    let id = limit(&fixture, everything(), terms).await;
    let campaign = fixture.campaign(&addresses(100)).await;
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 10);
    // A change does not forget what went today.
    change(
        &fixture,
        id,
        1,
        Terms {
            per_minute: Some(60_000),
            max_sessions: None,
            suspended: false,
            warm_up: Some(plan),
        },
    )
    .await;
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 10);
    let midnight: DateTime<Utc> = "2026-11-20T15:00:02Z".parse().unwrap();
    fixture.database.clock.advance(midnight - afternoon());
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 10 + 20);
    fixture.database.clock.advance(TimeDelta::days(1));
    mailer.drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await, accepted(100));
}

/// A sink whose docomo is tired of us while the switch is on, and the number of
/// its refusals.
async fn tired(reply: &'static str) -> (Sink, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (is_tired, refusals) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (switch, count) = (Arc::clone(&is_tired), Arc::clone(&refusals));
    let sink = Sink::scripted(move |address, _| {
        if address.ends_with("@docomo.ne.jp") && switch.load(Ordering::SeqCst) {
            count.fetch_add(1, Ordering::SeqCst);
            return Action::Refuse(reply);
        }
        Action::Accept
    })
    .await;
    (sink, is_tired, refusals)
}

#[tokio::test]
async fn a_site_that_asks_for_less_rests_gets_little_and_recovers() {
    let (sink, is_tired, refusals) = tired("451 4.7.1 Too many mails, slow down").await;
    let fixture = Fixture::with_clock(&sink, Clock::fixed(afternoon())).await;
    let mut people = docomo(300);
    people.extend(addresses(20));
    let campaign = fixture.campaign(&people).await;
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 20, "others get theirs");
    let refused = refusals.load(Ordering::SeqCst);
    assert!((1..=80).contains(&refused), "{refused} went on knocking");
    let slow = slowdowns(&fixture).await;
    assert_eq!(slow.len(), 1);
    assert_eq!(
        (slow[0].site.as_str(), slow[0].per_minute, slow[0].meaning),
        ("docomo", 600, Meaning::TooFast)
    );
    assert_eq!(slow[0].rests_until, afternoon() + TimeDelta::seconds(60));

    // Another mailer knows it too.
    let more = fixture.campaign(&["late@docomo.ne.jp".to_owned()]).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(refusals.load(Ordering::SeqCst), refused);
    assert_eq!(fixture.counts(more).await.queued, 1);

    is_tired.store(false, Ordering::SeqCst);
    fixture.database.clock.advance(TimeDelta::seconds(60));
    for second in 0..5 {
        mailer.drain().await.unwrap();
        let to_docomo = sink.total() - 20;
        assert!(
            to_docomo <= 20 + 10 * second,
            "{to_docomo} after {second} s"
        );
        fixture.database.clock.advance(TimeDelta::seconds(1));
    }
    assert!(sink.total() > 20 + 20, "{}", sink.total());
    fixture.database.clock.advance(TimeDelta::minutes(16));
    mailer.drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await, accepted(320));
    assert_eq!(fixture.counts(more).await, accepted(1));
    assert_eq!(slowdowns(&fixture).await.len(), 0, "it has recovered");
    assert_eq!(sink.duplicates(), Vec::<String>::new());
}

#[tokio::test]
async fn a_site_that_stays_tired_gets_less_each_time_and_a_person_can_lift_it() {
    let (sink, is_tired, _) = tired("421 4.3.2 Service busy").await;
    let fixture = Fixture::with_clock(&sink, Clock::fixed(afternoon())).await;
    let campaign = fixture.campaign(&docomo(200)).await;
    let mailer = fixture.mailer();
    for paces in [600, 300, 150] {
        mailer.drain().await.unwrap();
        assert_eq!(slowdowns(&fixture).await[0].per_minute, paces);
        fixture.database.clock.advance(TimeDelta::seconds(40));
    }
    is_tired.store(false, Ordering::SeqCst);
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let id = slowdowns(&fixture).await[0].id;
    slow::lift(db, &actor, id).await.unwrap();
    assert!(slow::lift(db, &actor, id).await.is_err());
    // What this mailer heard itself it heeds until the rest is over.
    fixture.database.clock.advance(TimeDelta::seconds(30));
    mailer.drain().await.unwrap();
    let counts = fixture.counts(campaign).await;
    assert_eq!(counts.accepted + counts.deferred, 200, "{counts:?}");
    assert!(counts.accepted > 100, "{counts:?}");
}

#[tokio::test]
async fn what_is_said_of_one_person_slows_nobody_down() {
    let (sink, _, refusals) = tired("450 4.2.2 Mailbox full").await;
    let fixture = Fixture::with_clock(&sink, Clock::fixed(afternoon())).await;
    let campaign = fixture.campaign(&docomo(50)).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(refusals.load(Ordering::SeqCst), 50);
    assert_eq!(fixture.counts(campaign).await.deferred, 50);
    assert_eq!(slowdowns(&fixture).await.len(), 0);
}
