//! Several relays: shares by weight, and what happens when one is gone.

use chrono::{TimeDelta, TimeZone, Utc};
use domain::clock::Clock;
use domain::route::{Auth, NewRoute};

use crate::support::{Action, Counts, DeadPort, Fixture, Options, Sink, addresses, route_to};

fn clock() -> Clock {
    // Within the partitions that every database has: this month.
    Clock::fixed(Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap())
}

async fn sink() -> Sink {
    Sink::scripted(|_, _| Action::Accept).await
}

/// A port where nobody listens: taken and let go.
#[tokio::test]
async fn two_relays_share_a_campaign_by_their_weights() {
    let (first, second) = (sink().await, sink().await);
    let fixture = Fixture::new(&first).await;
    fixture
        .route(NewRoute {
            name: "second".into(),
            weight: 300,
            ..route_to(&second)
        })
        .await;
    let campaign = fixture.campaign(&addresses(200)).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await.accepted, 200);
    assert_eq!((first.total(), second.total()), (50, 150));
}

#[tokio::test]
async fn a_campaign_that_names_a_relay_goes_by_that_one_alone() {
    let (first, second) = (sink().await, sink().await);
    let fixture = Fixture::new(&first).await;
    let route = fixture
        .route(NewRoute {
            name: "second".into(),
            position: 5,
            ..route_to(&second)
        })
        .await;
    let campaign = fixture.campaign(&addresses(20)).await;
    fixture
        .database
        .execute_as_owner(&format!("UPDATE campaign SET route_id = '{route}'"))
        .await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await.accepted, 20);
    assert_eq!((first.total(), second.total()), (0, 20));
}

#[tokio::test]
async fn the_share_of_a_dead_relay_goes_out_by_the_other_at_the_first_attempt() {
    let alive = sink().await;
    let fixture = Fixture::new(&alive).await;
    let port = DeadPort::new();
    let dead = fixture
        .route(NewRoute {
            name: "dead".into(),
            port: Some(port.number().into()),
            ..route_to(&alive)
        })
        .await;
    let campaign = fixture.campaign(&addresses(300)).await;
    let mailer = fixture.mailer_without_second_tries();
    mailer.drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 300,
            ..Counts::default()
        }
    );
    assert_eq!(fixture.rows("attempts = 1").await, 300);
    assert_eq!(alive.duplicates(), Vec::<String>::new());
    mailer.heed().await.unwrap();
    let seen = fixture
        .database
        .count(&format!(
            "SELECT count(*) FROM route_health WHERE route_id = '{dead}' AND failures = 1
             AND recovered_at IS NULL AND retry_at > failed_at AND error LIKE '%onnection refused%'"
        ))
        .await;
    assert_eq!(seen, 1, "people see that it is down");
}

#[tokio::test]
async fn a_relay_of_a_later_position_stands_in_while_the_first_is_down_and_not_after() {
    let (first, second) = (sink().await, sink().await);
    let fixture = Fixture::new(&first).await;
    fixture
        .route(NewRoute {
            name: "stand-in".into(),
            position: 1,
            ..route_to(&second)
        })
        .await;
    let dead = DeadPort::new();
    let (here, there) = (first.address.port(), dead.number());
    let change =
        format!("UPDATE route SET port = {there}, version = version + 1 WHERE port = {here}");
    fixture.database.execute_as_owner(&change).await;
    let campaign = fixture.campaign(&addresses(40)).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await.accepted, 40);
    assert_eq!((first.total(), second.total()), (0, 40));

    let change =
        format!("UPDATE route SET port = {here}, version = version + 1 WHERE port = {there}");
    fixture.database.execute_as_owner(&change).await;
    let more: Vec<String> = (0..40).map(|n| format!("other{n}@example.jp")).collect();
    let campaign = fixture.campaign(&more).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await.accepted, 40);
    assert_eq!((first.total(), second.total()), (40, 40));
}

#[tokio::test]
async fn a_relay_takes_an_access_token_and_an_expired_one_puts_off() {
    let sink = Sink::start(Options {
        login: Some(("kiku", "ya29.token")),
        ..Options::default()
    })
    .await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let actor = domain::Actor::operator(fixture.tenant);
    let with_token = |token: &str| domain::route::RouteChange {
        // The sink has no TLS, which the use case rightly asks for.
        auth: Some(Auth::XOAuth2),
        security: Some(domain::route::Security::StartTls),
        username: Some("kiku".into()),
        password: Some(token.to_owned().into()),
        ..Default::default()
    };
    let routes = fixture.database.count("SELECT count(*) FROM route").await;
    assert_eq!(routes, 1);
    let page = domain::page::PageRequest::default();
    let listed = domain::route::list(&fixture.database.db, &actor, &page)
        .await
        .unwrap();
    let id = listed.items[0].id;
    let without_tls = "UPDATE route SET security = 'none'";
    let campaign = fixture.campaign(&addresses(2)).await;
    for (version, token) in [(1, "old"), (2, "ya29.token")] {
        domain::route::update(
            &fixture.database.db,
            &fixture.keys,
            &actor,
            id,
            version,
            with_token(token),
        )
        .await
        .unwrap();
        fixture.database.execute_as_owner(without_tls).await;
        fixture.mailer().drain().await.unwrap();
        if token == "old" {
            assert_eq!(
                fixture
                    .rows("reason = 'relay_auth' AND reply_code = 535 AND reply_text LIKE '%token expired'")
                    .await,
                2
            );
            fixture.database.clock.advance(TimeDelta::hours(1));
        }
    }
    assert_eq!(fixture.counts(campaign).await.accepted, 2);
}
