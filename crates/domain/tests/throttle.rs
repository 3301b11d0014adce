//! Guessing is slowed down, and nobody locks anybody out.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; its clock begins now"
)]

use std::net::{IpAddr, Ipv4Addr};

use chrono::{TimeDelta, Utc};
use domain::clock::Clock;
use domain::secret::Keys;
use domain::session::token::AccessTokens;
use domain::session::{Device, device};
use domain::testing::{TEST_PASSWORD, TestDatabase, TestTenant};
use domain::user::{self, FirstPassword, NewUser};
use futures_util::future::join_all;

struct Setup {
    database: TestDatabase,
    tenant: TestTenant,
    tokens: AccessTokens,
    keys: Keys,
    id: String,
}

async fn setup() -> Setup {
    let database = TestDatabase::with_clock(Clock::fixed(Utc::now())).await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let keys = Keys::from_master(&[1; 32]).unwrap();
    Setup {
        tokens: AccessTokens::new(&keys).unwrap(),
        id: tenant.login_id("owner"),
        tenant,
        database,
        keys,
    }
}

fn from(n: u8) -> Device {
    Device {
        ip: Some(IpAddr::V4(Ipv4Addr::new(198, 51, 100, n))),
        ..Device::default()
    }
}

impl Setup {
    /// "ok", or the code of the refusal.
    async fn try_with(&self, id: &str, password: &str, device: Device) -> &'static str {
        let db = &self.database.db;
        let done = TestTenant::log_in(db, &self.tokens, id, password, device).await;
        done.map_or_else(|error| error.code(), |_| "ok")
    }

    async fn guess(&self, n: u8) -> &'static str {
        self.try_with(&self.id, "wrong wrong wrong", from(n)).await
    }
}

#[tokio::test]
async fn the_nth_failure_is_429_and_another_address_still_gets_in() {
    let s = setup().await;
    for _ in 0..6 {
        assert_eq!(s.guess(1).await, "wrong_credentials");
    }
    assert_eq!(s.guess(1).await, "too_many_requests");
    assert_eq!(
        s.try_with(&s.id, TEST_PASSWORD, from(1)).await,
        "too_many_requests",
        "not even the right one, so that guessing tells nothing"
    );
    assert_eq!(s.try_with(&s.id, TEST_PASSWORD, from(2)).await, "ok");
}

#[tokio::test]
async fn many_addresses_on_one_account_are_slowed_down_and_a_known_browser_gets_in() {
    let s = setup().await;
    for n in 0..21 {
        assert_eq!(s.guess(n).await, "wrong_credentials", "address {n}");
    }
    assert_eq!(s.guess(100).await, "too_many_requests");
    let now = s.database.db.now();
    let cookie = device::remember(&s.keys, &s.id, "", now).unwrap();
    let known = device::recognise(&s.keys, &s.id, &cookie, now);
    assert!(known.is_some());
    let own = Device { known, ..from(101) };
    assert_eq!(s.try_with(&s.id, TEST_PASSWORD, own).await, "ok");
    assert_eq!(
        s.guess(102).await,
        "too_many_requests",
        "the strangers go on waiting"
    );
}

#[tokio::test]
async fn a_known_browser_is_slowed_down_by_its_own_failures() {
    let s = setup().await;
    let known = Some(uuid::Uuid::now_v7());
    for n in 0..6 {
        let device = Device { known, ..from(n) };
        let refused = s.try_with(&s.id, "wrong wrong wrong", device).await;
        assert_eq!(refused, "wrong_credentials");
    }
    let device = Device { known, ..from(50) };
    assert_eq!(
        s.try_with(&s.id, TEST_PASSWORD, device).await,
        "too_many_requests"
    );
}

#[tokio::test]
async fn the_wait_of_an_account_under_attack_ends() {
    let s = setup().await;
    for round in 0..40_u8 {
        s.guess(round).await;
        s.database.clock.advance(TimeDelta::minutes(16));
    }
    assert_eq!(s.try_with(&s.id, TEST_PASSWORD, from(200)).await, "ok");
}

#[tokio::test]
async fn a_hundred_guesses_at_once_are_a_hundred() {
    let s = setup().await;
    let tries = join_all((0..100).map(|_| s.guess(1))).await;
    let judged = tries.iter().filter(|t| **t == "wrong_credentials").count();
    assert_eq!(judged, 6, "the others had to wait: {tries:?}");
}

#[tokio::test]
async fn one_address_that_tries_many_accounts_is_slowed_down() {
    let s = setup().await;
    for n in 0..51 {
        let id = format!("somebody-{n}");
        let refused = s.try_with(&id, "wrong wrong wrong", from(1)).await;
        assert_eq!(refused, "wrong_credentials", "{n}");
    }
    assert_eq!(
        s.try_with("somebody-else", "wrong wrong wrong", from(1))
            .await,
        "too_many_requests"
    );
    assert_eq!(s.try_with(&s.id, TEST_PASSWORD, from(2)).await, "ok");
}

#[tokio::test]
async fn a_whole_office_logs_in_at_once_from_behind_one_address() {
    let s = setup().await;
    let db = &s.database.db;
    let owner = s.tenant.owner();
    let hasher = TestTenant::hasher();
    for n in 0..60 {
        let new = NewUser {
            login_id: format!("member-{n}"),
            display_name: format!("社員 {n}"),
            email: format!("member-{n}@acme.example.jp"),
            locale: None,
            password: FirstPassword::Own(TEST_PASSWORD.into()),
        };
        user::create(db, &hasher, &s.keys, &owner, "viewer", new)
            .await
            .unwrap();
    }
    // Most of the free failures of the address are gone already.
    for n in 0..45 {
        let id = format!("somebody-{n}");
        let refused = s.try_with(&id, "wrong wrong wrong", from(1)).await;
        assert_eq!(refused, "wrong_credentials", "{n}");
    }
    let ids: Vec<String> = (0..60).map(|n| format!("member-{n}")).collect();
    let tries = ids.iter().map(|id| s.try_with(id, TEST_PASSWORD, from(1)));
    let all = join_all(tries).await;
    assert!(all.iter().all(|t| *t == "ok"), "{all:?}");
}

#[tokio::test]
async fn an_office_that_mistypes_each_day_never_waits() {
    let s = setup().await;
    for n in 0..80 {
        let id = format!("somebody-{n}");
        let refused = s.try_with(&id, "wrong wrong wrong", from(1)).await;
        assert_eq!(refused, "wrong_credentials", "{n}");
        assert_eq!(s.try_with(&s.id, TEST_PASSWORD, from(1)).await, "ok");
        s.database.clock.advance(TimeDelta::hours(1));
    }
}

#[tokio::test]
async fn somebody_with_an_account_of_their_own_can_not_log_in_to_go_on_guessing() {
    let s = setup().await;
    for n in 0..51 {
        let id = format!("somebody-{n}");
        let refused = s.try_with(&id, "wrong wrong wrong", from(1)).await;
        assert_eq!(refused, "wrong_credentials", "{n}");
        if n < 50 {
            assert_eq!(s.try_with(&s.id, TEST_PASSWORD, from(1)).await, "ok");
        }
    }
    assert_eq!(
        s.try_with(&s.id, TEST_PASSWORD, from(1)).await,
        "too_many_requests"
    );
}

#[tokio::test]
async fn of_two_log_ins_at_once_the_one_that_read_the_clock_first_may_come_second() {
    let s = setup().await;
    let here = async || {
        let id = "somebody-else";
        s.try_with(id, "wrong wrong wrong", from(1)).await
    };
    assert_eq!(here().await, "wrong_credentials");
    assert_eq!(s.guess(1).await, "wrong_credentials");
    s.database.clock.advance(TimeDelta::milliseconds(-20));
    assert_eq!(here().await, "wrong_credentials");
    assert_eq!(s.try_with(&s.id, TEST_PASSWORD, from(1)).await, "ok");
}
