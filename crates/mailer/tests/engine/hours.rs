//! Quiet hours: a campaign waits, and goes on by itself.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Actor;
use domain::campaign;
use domain::clock::Clock;
use domain::delivery::queue;
use domain::tenant::{self, TenantChange};

use crate::support::{Action, Counts, Fixture, Sink, addresses};

/// 20:59 in Tokyo.
fn evening() -> Clock {
    Clock::fixed("2026-11-20T11:59:00Z".parse().unwrap())
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The tenant's campaigns go out from nine to nine.
async fn nine_to_nine(fixture: &Fixture) {
    fixture
        .database
        .execute_as_owner("UPDATE tenant SET send_from = '09:00', send_until = '21:00'")
        .await;
}

#[tokio::test]
async fn a_campaign_waits_for_the_morning_says_so_and_goes_on_by_itself() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, evening()).await;
    nine_to_nine(&fixture).await;
    let id = fixture.campaign(&addresses(5)).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    fixture.database.clock.advance(TimeDelta::minutes(1));
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 0);
    let morning = at("2026-11-21T00:00:00Z");
    let found = campaign::get(db, &actor, id).await.unwrap();
    assert_eq!(found.waits_until, Some(morning));
    assert_eq!(found.counts.queued, 5);
    assert_eq!(
        queue::next_due(db).await.unwrap(),
        Some(morning),
        "nobody asks before"
    );

    fixture.database.clock.advance(morning - db.now());
    mailer.drain().await.unwrap();
    let accepted = Counts {
        accepted: 5,
        ..Counts::default()
    };
    assert_eq!(fixture.counts(id).await, accepted);
    assert_eq!(
        campaign::get(db, &actor, id).await.unwrap().waits_until,
        None
    );
}

#[tokio::test]
async fn what_is_not_handed_over_when_the_hour_strikes_is_given_back_and_the_counts_are_exact() {
    let sink = Sink::scripted(|_, _| Action::Wait).await;
    let fixture = Fixture::with_clock(&sink, evening()).await;
    nine_to_nine(&fixture).await;
    let id = fixture.campaign(&addresses(300)).await;
    let mailer = std::sync::Arc::new(fixture.mailer());
    let draining = tokio::spawn({
        let mailer = std::sync::Arc::clone(&mailer);
        async move { mailer.drain().await }
    });
    sink.until(10).await;
    fixture.database.clock.advance(TimeDelta::minutes(1));
    mailer.heed().await.unwrap();
    sink.open_gate();
    draining.await.unwrap().unwrap();
    let counts = fixture.counts(id).await;
    assert_eq!(usize::try_from(counts.accepted).unwrap(), sink.total());
    let expected = Counts {
        accepted: counts.accepted,
        queued: 300 - counts.accepted,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
    assert!(counts.accepted < 100, "{counts:?}");
}

#[tokio::test]
async fn a_campaigns_own_hours_come_before_the_tenants_and_a_test_send_knows_none() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, evening()).await;
    nine_to_nine(&fixture).await;
    // 22:59 in Tokyo.
    fixture.database.clock.advance(TimeDelta::hours(2));
    let campaigns = [
        (fixture.campaign(&addresses(1)).await, "hours = 'tenant'", 0),
        (fixture.campaign(&addresses(1)).await, "hours = 'any'", 1),
        (
            fixture.campaign(&addresses(1)).await,
            "hours = 'own', send_from = '22:00', send_until = '02:00'",
            1,
        ),
        // The same span is over in London's afternoon.
        (
            fixture.campaign(&addresses(1)).await,
            "hours = 'own', send_from = '22:00', send_until = '02:00', time_zone = 'Europe/London'",
            0,
        ),
        (
            fixture.campaign(&addresses(1)).await,
            "kind = 'test', audience = '{}'",
            1,
        ),
    ];
    for (id, change, _) in &campaigns {
        let sql = format!("UPDATE campaign SET {change} WHERE id = '{id}'");
        fixture.database.execute_as_owner(&sql).await;
    }
    fixture.mailer().drain().await.unwrap();
    for (id, change, accepted) in campaigns {
        assert_eq!(fixture.counts(id).await.accepted, accepted, "{change}");
    }
}

#[tokio::test]
async fn a_campaign_that_waits_for_the_morning_goes_on_when_the_hours_are_changed() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, evening()).await;
    nine_to_nine(&fixture).await;
    let id = fixture.campaign(&addresses(5)).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    fixture.database.clock.advance(TimeDelta::hours(2));
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 0);
    let change = TenantChange {
        send_from: Some(None),
        send_until: Some(None),
        ..TenantChange::default()
    };
    let version = tenant::get(db, &actor).await.unwrap().version;
    tenant::update(db, &actor, version, change).await.unwrap();
    mailer.drain().await.unwrap();
    let accepted = Counts {
        accepted: 5,
        ..Counts::default()
    };
    assert_eq!(fixture.counts(id).await, accepted);
}
