//! Purging: what waits is not sent any more.

use domain::Actor;
use domain::clock::Clock;
use domain::limit::purge::{Purge, purge};
use domain::limit::{self, Scope, Terms};

use crate::support::{Action, Counts, Fixture, Sink, addresses};

/// One whose docomo is suspended.
async fn fixture() -> (Sink, Fixture) {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let clock = Clock::fixed("2026-11-20T06:00:00Z".parse().unwrap());
    let fixture = Fixture::with_clock(&sink, clock).await;
    let scope = Scope {
        site: Some("docomo".into()),
        sender_domain: None,
        route_id: None,
    };
    let terms = Terms {
        per_minute: None,
        max_sessions: None,
        suspended: true,
        warm_up: None,
    };
    let actor = Actor::operator(fixture.tenant);
    limit::create(&fixture.database.db, &actor, scope, terms)
        .await
        .unwrap();
    (sink, fixture)
}

fn mixed() -> Vec<String> {
    let mut people = addresses(20);
    people.extend((0..30).map(|i| format!("d{i:03}@docomo.ne.jp")));
    people.extend((0..10).map(|i| format!("m{i:03}@mopera.net")));
    people
}

#[tokio::test]
async fn what_waits_for_a_site_is_skipped_and_its_campaign_ends() {
    let (sink, fixture) = fixture().await;
    let campaign = fixture.campaign(&mixed()).await;
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 20);
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let of_site = |site: &str| Purge {
        campaign: None,
        site: Some(site.to_owned()),
    };
    assert_eq!(purge(db, &actor, &of_site("gmail")).await.unwrap(), 0);
    assert!(purge(db, &actor, &of_site("nowhere")).await.is_err());
    assert!(fixture.state(campaign, "sending").await);
    let skipped = purge(db, &actor, &of_site("docomo.ne.jp")).await.unwrap();
    assert_eq!(skipped, 40, "all domains of the site");
    let counts = Counts {
        accepted: 20,
        skipped: 40,
        ..Counts::default()
    };
    assert_eq!(fixture.counts(campaign).await, counts);
    assert_eq!(fixture.rows("reason = 'purged'").await, 40);
    assert!(fixture.state(campaign, "finished").await);
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 20);
}

#[tokio::test]
async fn a_purge_of_a_campaign_leaves_the_others() {
    let (_sink, fixture) = fixture().await;
    let one = fixture.campaign(&mixed()).await;
    let other = fixture.campaign(&mixed()).await;
    let another = fixture
        .campaign_of(fixture.tenant, &["d999@docomo.ne.jp".to_owned()])
        .await;
    fixture.mailer().drain().await.unwrap();
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let of_one = Purge {
        campaign: Some(one),
        site: None,
    };
    assert_eq!(purge(db, &actor, &of_one).await.unwrap(), 40);
    assert_eq!(fixture.counts(other).await.queued, 40);
    let all = Purge {
        campaign: None,
        site: None,
    };
    assert_eq!(purge(db, &actor, &all).await.unwrap(), 41);
    for campaign in [one, other, another] {
        assert!(fixture.state(campaign, "finished").await);
    }
}
