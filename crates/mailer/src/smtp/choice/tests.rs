use domain::ids::TenantId;
use domain::route::{Auth, OpenRoute, Relay, Security, Via};
use secrecy::SecretString;

use super::super::connect::Timeouts;
use super::super::inside::Inside;
use super::super::mx::DirectSettings;
use super::super::route::{FIRST_REST, RouteSettings};
use super::super::tls::platform_tls;
use super::*;

fn member(position: i32, weight: u32) -> Member {
    let settings = RouteSettings {
        inside: Inside::everywhere(),
        helo: "test".into(),
        timeouts: Timeouts::default(),
        tls: platform_tls().unwrap(),
        direct: DirectSettings::default(),
        exchanges: Arc::default(),
        slots: None,
        first_rest: FIRST_REST,
    };
    let open = OpenRoute {
        id: RouteId::new(),
        version: 1,
        via: Via::Relay(Relay {
            host: "127.0.0.1".into(),
            port: 1,
            security: Security::None,
            auth: Auth::None,
            username: String::new(),
            password: SecretString::from(""),
        }),
        source_address: None,
        helo: None,
        max_sessions: 1,
        sign: true,
        position,
        weight,
    };
    Member {
        route: Arc::new(Route::new(TenantId::new(), &open, &settings).unwrap()),
        position,
        weight,
    }
}

fn fail(member: &Member, at: Instant) {
    let error = ConnectError::Private {
        host: "relay".into(),
    };
    member.route.down(&error, at, at);
}

/// How often each is picked in `n` picks at `now`.
fn shares(routes: &Routes, n: usize, now: Instant) -> Vec<usize> {
    let mut counts = vec![0; routes.members.len()];
    for _ in 0..n {
        if let Some(picked) = routes.pick(now, &[]) {
            let i = routes.iter().position(|route| Arc::ptr_eq(route, picked));
            counts[i.unwrap()] += 1;
        }
    }
    counts
}

#[test]
fn routes_of_a_position_share_by_their_weights_and_later_ones_wait() {
    let routes = Routes::new(vec![member(2, 100), member(1, 300), member(1, 100)]);
    assert_eq!(shares(&routes, 8, Instant::now()), [6, 2, 0]);
}

#[test]
fn the_share_of_a_dead_route_goes_to_the_others_of_its_position_first() {
    let routes = Routes::new(vec![
        member(1, 300),
        member(1, 100),
        member(1, 100),
        member(2, 100),
    ]);
    let now = Instant::now();
    fail(&routes.members[0], now);
    assert_eq!(shares(&routes, 8, now), [0, 4, 4, 0]);
    fail(&routes.members[1], now);
    fail(&routes.members[2], now);
    assert_eq!(shares(&routes, 8, now), [0, 0, 0, 8]);
}

#[test]
fn a_dead_route_is_tried_by_one_mail_after_a_rest_that_doubles_up_to_a_minute() {
    let routes = Routes::new(vec![member(1, 100), member(1, 100)]);
    let mut now = Instant::now();
    for rest in [1, 2, 4, 8, 16, 32, 60, 60] {
        fail(&routes.members[0], now);
        now += Duration::from_secs(rest) - Duration::from_millis(1);
        assert_eq!(shares(&routes, 4, now), [0, 4], "before {rest} s");
        now += Duration::from_millis(1);
        assert_eq!(shares(&routes, 4, now), [1, 3], "after {rest} s");
    }
    routes.members[0].route.up();
    assert_eq!(shares(&routes, 4, now), [2, 2]);
}

#[test]
fn tries_that_were_under_way_together_fail_once() {
    let routes = Routes::new(vec![member(1, 100), member(1, 100)]);
    let (route, began) = (&routes.members[0].route, Instant::now());
    let now = began + Duration::from_secs(1);
    let error = ConnectError::Own {
        host: "relay".into(),
    };
    for _ in 0..3 {
        route.down(&error, began, now);
    }
    assert_eq!(shares(&routes, 4, now + FIRST_REST), [1, 3]);
}

#[test]
fn when_all_are_dead_one_is_tried_every_five_seconds_at_the_latest() {
    let routes = Routes::new(vec![member(1, 100), member(2, 100)]);
    let mut now = Instant::now();
    for _ in 0..10 {
        now += Duration::from_millis(1);
        for member in &routes.members {
            fail(member, now);
        }
    }
    assert_eq!(routes.rest(now), REST_MAX_ALONE);
    let before = now + REST_MAX_ALONE - Duration::from_millis(1);
    assert_eq!(shares(&routes, 3, before), [0, 0]);
    assert_eq!(shares(&routes, 3, now + REST_MAX_ALONE), [1, 1]);
}

#[test]
fn a_mail_can_take_the_route_whose_turn_it_is_then_the_others_that_are_up() {
    let routes = Routes::new(vec![member(1, 100), member(1, 100), member(2, 100)]);
    let ids: Vec<RouteId> = routes.iter().map(|route| route.id).collect();
    let order = |mut probed: bool| routes.order(&mut probed);
    assert_eq!(order(false), Some(vec![ids[0], ids[1], ids[2]]));
    assert_eq!(order(false), Some(vec![ids[1], ids[0], ids[2]]));
    let long_ago = Instant::now() - REST_MAX;
    fail(&routes.members[0], long_ago);
    assert_eq!(order(true), Some(vec![ids[1], ids[2]]));
    let mut probed = false;
    let first = routes.order(&mut probed);
    assert_eq!(first, Some(vec![ids[0], ids[1], ids[2]]), "one finds out");
    assert!(probed);
    for member in &routes.members {
        fail(member, Instant::now());
    }
    assert_eq!(order(false), None);
}
