//! Whether there is such a person shows in no answer: what is done is the same,
//! counted in hashes and queries. (How long it takes is measured by
//! `scripts/bench timing`, where nothing else runs.)
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; its clock begins now"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Utc;
use diesel::connection::{InstrumentationEvent, set_default_instrumentation};
use domain::clock::Clock;
use domain::factor::Factors;
use domain::secret::Keys;
use domain::session::password::Hasher;
use domain::session::token::AccessTokens;
use domain::session::{self, Device, PasskeyAnswer};
use domain::testing::{SoftAuthenticator, TestDatabase, TestTenant};
use domain::user::{self, FirstPassword, NewUser};

static QUERIES: AtomicU64 = AtomicU64::new(0);

#[expect(clippy::needless_pass_by_value, reason = "the shape that diesel calls")]
fn count(event: InstrumentationEvent<'_>) {
    if matches!(event, InstrumentationEvent::StartQuery { .. }) {
        QUERIES.fetch_add(1, Ordering::Relaxed);
    }
}

async fn cost(
    database: &TestDatabase,
    hasher: &Hasher,
    tokens: &AccessTokens,
    id: &str,
) -> (String, u64, u64) {
    let before = (QUERIES.load(Ordering::Relaxed), hasher.worked());
    let device = Device {
        ip: Some("203.0.113.9".parse().unwrap()),
        ..Device::default()
    };
    let keys = Arc::new(Keys::from_master(&[1; 32]).unwrap());
    let refused = session::log_in(
        &database.db,
        hasher,
        tokens,
        &Factors::new(keys, "https://kikubari.example.jp"),
        id,
        "wrong wrong wrong".into(),
        device,
    )
    .await
    .unwrap_err();
    (
        refused.to_string(),
        QUERIES.load(Ordering::Relaxed) - before.0,
        hasher.worked() - before.1,
    )
}

#[tokio::test]
async fn a_log_in_costs_the_same_whether_the_person_is_there_invited_or_unknown() {
    set_default_instrumentation(|| Some(Box::new(count))).unwrap();
    let database = TestDatabase::with_clock(Clock::fixed(Utc::now())).await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let keys = Keys::from_master(&[1; 32]).unwrap();
    let tokens = AccessTokens::new(&keys).unwrap();
    let hasher = TestTenant::hasher();
    let new = NewUser {
        login_id: "newcomer".into(),
        display_name: "新人".into(),
        email: "newcomer@acme.example.jp".into(),
        locale: None,
        password: FirstPassword::Invitation,
    };
    let owner = tenant.owner();
    user::create(&database.db, &hasher, &keys, &owner, "viewer", new)
        .await
        .unwrap();
    let known = cost(&database, &hasher, &tokens, &tenant.login_id("owner")).await;
    assert!(known.1 > 0, "queries are counted");
    assert_eq!(known.2, 1, "one hash");
    for id in ["nobody-here", "newcomer"] {
        assert_eq!(cost(&database, &hasher, &tokens, id).await, known, "{id}");
    }
}

#[tokio::test]
async fn a_passkey_costs_the_same_whether_its_person_is_there_or_unknown() {
    set_default_instrumentation(|| Some(Box::new(count))).unwrap();
    let database = TestDatabase::with_clock(Clock::fixed(Utc::now())).await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let keys = Arc::new(Keys::from_master(&[1; 32]).unwrap());
    let tokens = AccessTokens::new(&keys).unwrap();
    let url = "https://kikubari.example.jp";
    let factors = Factors::new(keys, url);
    let owner = tenant.owner();
    let id = owner.user_id.unwrap();
    let known = [*owner.tenant_id.0.as_bytes(), *id.0.as_bytes()].concat();
    let device = || Device {
        ip: Some("203.0.113.9".parse().unwrap()),
        ..Device::default()
    };
    let cost = async |user_handle: Vec<u8>| {
        let asked = session::ask_passkey(&database.db, &factors, device().ip)
            .await
            .unwrap();
        let answer = PasskeyAnswer {
            user_handle,
            assertion: SoftAuthenticator::new(url).get(&asked.challenge),
        };
        let token = secrecy::ExposeSecret::expose_secret(&asked.token);
        let before = QUERIES.load(Ordering::Relaxed);
        let (db, from) = (&database.db, device());
        session::log_in_with_passkey(db, &tokens, &factors, token, &answer, from)
            .await
            .unwrap_err();
        QUERIES.load(Ordering::Relaxed) - before
    };
    let known = cost(known).await;
    assert!(known > 0, "queries are counted");
    for handle in [vec![7; 32], Vec::new()] {
        assert_eq!(cost(handle).await, known);
    }
}
