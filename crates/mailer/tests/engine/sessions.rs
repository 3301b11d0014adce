//! Limits of sessions: how many are open at a time, over all mailers together.

use std::time::Duration;

use domain::Actor;
use domain::ids::{CampaignId, TenantId};
use domain::limit::{self, Scope, Terms};
use mailer::runner::Mailer;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{Action, Counts, Fixture, Machine, Options, Sink, addresses};

async fn allow(fixture: &Fixture, site: Option<&str>, max_sessions: i32) {
    let scope = Scope {
        site: site.map(str::to_owned),
        sender_domain: None,
        route_id: None,
    };
    let terms = Terms {
        per_minute: None,
        max_sessions: Some(max_sessions),
        suspended: false,
        warm_up: None,
    };
    let actor = Actor::operator(fixture.tenant);
    limit::create(&fixture.database.db, &actor, scope, terms)
        .await
        .unwrap();
}

/// A sink of some latency: sessions are in use for a while.
async fn slow_sink() -> Sink {
    Sink::start(Options {
        latency: Duration::from_millis(5),
        keep: false,
        ..Options::default()
    })
    .await
}

struct Running {
    end: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

fn running(mailer: Mailer) -> Running {
    let (end, ending) = oneshot::channel::<()>();
    let task = tokio::spawn(mailer.run(async {
        ending.await.ok();
    }));
    Running { end, task }
}

impl Running {
    async fn end(self) {
        self.end.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

async fn slots(fixture: &Fixture) -> i64 {
    fixture
        .database
        .count("SELECT count(*) FROM send_session WHERE waits_since IS NULL")
        .await
}

fn accepted(n: i64) -> Counts {
    Counts {
        accepted: n,
        ..Counts::default()
    }
}

/// Ends when it is so; looked at again and again.
async fn until(is_so: impl AsyncFn() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    while !is_so().await {
        looks.tick().await;
    }
}

async fn all_sent(fixture: &Fixture, sink: &Sink, campaign: CampaignId, n: usize) {
    sink.until(n).await;
    until(async || fixture.state(campaign, "finished").await).await;
    assert_eq!(
        fixture.counts(campaign).await,
        accepted(i64::try_from(n).unwrap())
    );
    assert_eq!(sink.duplicates(), Vec::<String>::new());
}

#[tokio::test]
async fn two_mailers_together_open_no_more_sessions_than_a_limit_allows() {
    let sink = slow_sink().await;
    let fixture = Fixture::new(&sink).await;
    allow(&fixture, None, 3).await;
    let first = fixture.campaign(&addresses(300)).await;
    let second = fixture.campaign(&addresses(200)).await;
    let (one, other) = (running(fixture.mailer()), running(fixture.mailer()));
    sink.until(500).await;
    for campaign in [first, second] {
        until(async || fixture.state(campaign, "finished").await).await;
    }
    assert_eq!(sink.most_open(), 3, "all that is allowed, and no more");
    assert_eq!(fixture.counts(first).await, accepted(300));
    assert_eq!(fixture.counts(second).await, accepted(200));
    one.end().await;
    other.end().await;
    assert_eq!(slots(&fixture).await, 0, "who ends gives back");
}

#[tokio::test]
async fn a_site_whose_sessions_are_all_in_use_keeps_no_other_waiting() {
    let sink = Sink::scripted(|address, _| {
        if address.ends_with("@docomo.ne.jp") {
            Action::Wait
        } else {
            Action::Accept
        }
    })
    .await;
    let fixture = Fixture::new(&sink).await;
    allow(&fixture, Some("docomo"), 2).await;
    let mut people: Vec<String> = (0..40).map(|i| format!("d{i}@docomo.ne.jp")).collect();
    people.extend(addresses(150));
    let campaign = fixture.campaign(&people).await;
    let mailer = running(fixture.mailer());
    sink.until(2 + 150).await;
    assert_eq!(sink.most_open(), 10, "the route's own number");
    assert_eq!(slots(&fixture).await, 2);
    sink.open_gate();
    all_sent(&fixture, &sink, campaign, 190).await;
    mailer.end().await;
}

#[tokio::test]
async fn where_no_limit_counts_sessions_nobody_asks() {
    let sink = slow_sink().await;
    let fixture = Fixture::new(&sink).await;
    // Should anybody ask, that would fail.
    fixture
        .database
        .execute_as_owner("DROP TABLE send_session")
        .await;
    let campaign = fixture.campaign(&addresses(100)).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await, accepted(100));
    assert_eq!(sink.most_open(), 10);
}

#[tokio::test]
async fn an_idle_session_gives_its_slot_back() {
    let sink = slow_sink().await;
    let fixture = Fixture::new(&sink).await;
    allow(&fixture, None, 5).await;
    let campaign = fixture.campaign(&addresses(30)).await;
    let mailer = running(fixture.mailer());
    all_sent(&fixture, &sink, campaign, 30).await;
    until(async || slots(&fixture).await == 0).await;
    mailer.end().await;
}

#[tokio::test]
async fn one_that_had_all_sessions_gives_way_to_another_that_waits() {
    let sink = slow_sink().await;
    let fixture = Fixture::new(&sink).await;
    allow(&fixture, None, 2).await;
    // More than both can do in the time.
    fixture.campaign(&addresses(20_000)).await;
    let first = running(fixture.mailer());
    sink.until(20).await;
    let second = running(fixture.mailer());
    let workers = "SELECT count(DISTINCT worker) FROM send_session WHERE waits_since IS NULL";
    until(async || fixture.database.count(workers).await == 2).await;
    assert_eq!(sink.most_open(), 2);
    first.task.abort();
    second.task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_mailer_that_is_killed_the_sessions_come_back_with_their_lease_or_its_journal() {
    let sink = Sink::scripted(|_, _| Action::Wait).await;
    let fixture = Fixture::new(&sink).await;
    allow(&fixture, None, 1).await;
    fixture.campaign(&addresses(1)).await;
    let (machine, another) = (Machine::new(&fixture), Machine::new(&fixture));
    let killed = machine.start();
    sink.until(1).await;
    killed.kill();
    assert_eq!(slots(&fixture).await, 1, "nobody knows yet");
    let living = another.start();
    let waits = "SELECT count(*) FROM send_session WHERE waits_since IS NOT NULL";
    fixture.campaign(&["late@example.jp".to_owned()]).await;
    until(async || fixture.database.count(waits).await == 1).await;
    assert_eq!(sink.total(), 1);
    // The lease runs out.
    fixture
        .database
        .execute_as_owner("UPDATE send_session SET leased_until = now() - interval '1 s' WHERE waits_since IS NULL")
        .await;
    sink.until(2).await;
    living.kill();
    // Its successor on the same machine finds its journal.
    let successor = another.start();
    fixture.campaign(&["later@example.jp".to_owned()]).await;
    sink.open_gate();
    sink.until(3).await;
    assert!(successor.terminate().await.success(), "{}", another.log());
    assert_eq!(slots(&fixture).await, 0);
}

#[tokio::test]
async fn a_slot_is_of_one_tenant() {
    let sink = slow_sink().await;
    let fixture = Fixture::new(&sink).await;
    allow(&fixture, None, 1).await;
    let other: TenantId = fixture.another_tenant("other", &sink).await;
    let limited = fixture.campaign(&addresses(20)).await;
    let free = fixture.campaign_of(other, &addresses(200)).await;
    let mailer = running(fixture.mailer());
    sink.until(220).await;
    for campaign in [limited, free] {
        until(async || fixture.state(campaign, "finished").await).await;
    }
    assert!(sink.most_open() > 1 + 1, "{}", sink.most_open());
    mailer.end().await;
}
