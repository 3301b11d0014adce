//! Log-in with its second step, step-up, refresh, idle time-out, log-out and
//! password change.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; its clock begins now"
)]

mod everybody;
mod factor;
mod notice;
mod overload;
mod passkey;
mod passkey_log_in;
mod step_up;
mod token;

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use domain::clock::Clock;
use domain::error::DomainError;
use domain::factor::{Factors, Question};
use domain::secret::Keys;
use domain::session::token::AccessTokens;
use domain::session::{self, Device, LoggedIn, Outcome};
use domain::testing::{TEST_PASSWORD, TestDatabase, TestTenant};
use secrecy::{ExposeSecret, SecretString};

struct Setup {
    database: TestDatabase,
    tenant: TestTenant,
    tokens: AccessTokens,
    factors: Factors,
}

/// Where the browser of these tests is.
const PUBLIC_URL: &str = "https://mail.example.jp";

async fn setup() -> Setup {
    let database = TestDatabase::with_clock(Clock::fixed(Utc::now())).await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let keys = Arc::new(Keys::from_master(&[1; 32]).unwrap());
    Setup {
        database,
        tenant,
        tokens: AccessTokens::new(&keys).unwrap(),
        factors: Factors::new(keys, PUBLIC_URL),
    }
}

impl Setup {
    async fn first_step(
        &self,
        login_id: &str,
        password: &str,
        ip: &str,
    ) -> domain::Result<Outcome> {
        session::log_in(
            &self.database.db,
            &TestTenant::hasher(),
            &self.tokens,
            &self.factors,
            login_id,
            password.into(),
            device(ip),
        )
        .await
    }

    /// Of somebody without a second factor.
    async fn log_in(&self, login_id: &str, password: &str) -> domain::Result<LoggedIn> {
        match self.first_step(login_id, password, HERE).await? {
            Outcome::LoggedIn(logged_in) => Ok(*logged_in),
            Outcome::SecondFactor(_) => panic!("{login_id} has a second factor"),
        }
    }

    /// The owner's password was right: the question for the second factor.
    async fn question(&self) -> Question {
        let id = self.tenant.login_id("owner");
        match self.first_step(&id, TEST_PASSWORD, HERE).await.unwrap() {
            Outcome::SecondFactor(question) => *question,
            Outcome::LoggedIn(_) => panic!("no second factor was asked for"),
        }
    }

    async fn owner(&self) -> LoggedIn {
        self.log_in(&self.tenant.login_id("owner"), TEST_PASSWORD)
            .await
            .unwrap()
    }

    async fn refresh(&self, token: &SecretString) -> domain::Result<LoggedIn> {
        let ip = Some("203.0.113.9".parse().unwrap());
        session::refresh(&self.database.db, &self.tokens, token.expose_secret(), ip).await
    }

    async fn access(&self, token: &SecretString, activity: bool) -> domain::Result<domain::Actor> {
        let claims = self
            .tokens
            .check(token.expose_secret(), self.database.db.now())?;
        let ip = Some("203.0.113.9".parse().unwrap());
        session::authenticate(&self.database.db, &claims, ip, activity).await
    }
}

const HERE: &str = "203.0.113.9";

fn device(ip: &str) -> Device {
    Device {
        ip: Some(ip.parse().unwrap()),
        user_agent: "test".to_owned(),
        known: None,
        cookie: String::new(),
    }
}

fn code(result: domain::Result<impl Sized>) -> &'static str {
    result.map(|_| ()).unwrap_err().code()
}

#[tokio::test]
async fn a_person_logs_in_and_an_unknown_id_answers_like_a_wrong_password() {
    let s = setup().await;
    let me = s.owner().await.me;
    assert_eq!(me.user.role, "owner");
    let wrong = s
        .log_in(&s.tenant.login_id("owner"), "not the password!")
        .await
        .unwrap_err();
    let unknown = s.log_in("nobody-here", TEST_PASSWORD).await.unwrap_err();
    assert_eq!(wrong.to_string(), unknown.to_string());
    assert_eq!(
        (wrong.code(), unknown.code()),
        ("wrong_credentials", "wrong_credentials")
    );
}

#[tokio::test]
async fn guessing_is_slowed_down_and_forgiven_after_the_wait() {
    let s = setup().await;
    let id = s.tenant.login_id("owner");
    for _ in 0..6 {
        assert_eq!(
            code(s.log_in(&id, "wrong wrong wrong").await),
            "wrong_credentials"
        );
    }
    assert!(matches!(
        s.log_in(&id, TEST_PASSWORD).await,
        Err(DomainError::TooManyRequests { .. })
    ));
    s.first_step(&id, TEST_PASSWORD, "198.51.100.7")
        .await
        .unwrap();
    s.database.clock.advance(TimeDelta::seconds(2));
    s.log_in(&id, TEST_PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_the_session() {
    let s = setup().await;
    let first = s.owner().await.refresh_token.unwrap();
    let second = s.refresh(&first).await.unwrap();
    let race = s.refresh(&first).await.unwrap();
    assert!(
        race.refresh_token.is_none(),
        "two tabs at once share the newer cookie"
    );
    s.database.clock.advance(TimeDelta::seconds(11));
    assert_eq!(code(s.refresh(&first).await), "session_ended");
    assert_eq!(
        code(s.refresh(&second.refresh_token.unwrap()).await),
        "session_ended"
    );
    assert_eq!(
        code(s.access(&second.access_token, true).await),
        "session_ended"
    );
    assert_eq!(
        s.database
            .text("SELECT string_agg(host(ip), ' ') FROM audit_entry WHERE action = 'session.refresh_token_reused'")
            .await,
        "203.0.113.9",
        "where it came back from, once"
    );
}

#[tokio::test]
async fn an_idle_session_ends_and_polling_does_not_keep_it_alive() {
    let s = setup().await;
    let opened = s.owner().await;
    let mut token = opened.access_token;
    let mut refresh = opened.refresh_token.unwrap();
    for _ in 0..3 {
        s.database.clock.advance(TimeDelta::minutes(9));
        s.access(&token, false).await.unwrap();
        let next = s.refresh(&refresh).await.unwrap();
        (token, refresh) = (next.access_token, next.refresh_token.unwrap());
    }
    s.database.clock.advance(TimeDelta::minutes(4));
    assert_eq!(code(s.access(&token, false).await), "session_ended");
    assert_eq!(code(s.refresh(&refresh).await), "session_ended");
}

#[tokio::test]
async fn activity_keeps_a_session_alive_until_the_absolute_limit() {
    let s = setup().await;
    let opened = s.owner().await;
    let mut token = opened.access_token;
    let mut refresh = opened.refresh_token.unwrap();
    for _ in 0..79 {
        s.database.clock.advance(TimeDelta::minutes(9));
        s.access(&token, true).await.unwrap();
        let next = s.refresh(&refresh).await.unwrap();
        (token, refresh) = (next.access_token, next.refresh_token.unwrap());
    }
    s.database
        .clock
        .advance(TimeDelta::minutes(9) + TimeDelta::seconds(1));
    assert_eq!(code(s.refresh(&refresh).await), "session_ended");
}

#[tokio::test]
async fn a_password_change_ends_the_other_sessions_only() {
    let s = setup().await;
    let (here, there) = (s.owner().await, s.owner().await);
    let actor = s.access(&here.access_token, true).await.unwrap();
    let db = &s.database.db;
    let hasher = TestTenant::hasher();
    let wrong = session::change_password(
        db,
        &hasher,
        &actor,
        "wrong wrong wrong".into(),
        "gakubuchi no ura ni kakusu".into(),
    )
    .await;
    assert_eq!(code(wrong), "invalid");
    session::change_password(
        db,
        &hasher,
        &actor,
        TEST_PASSWORD.into(),
        "gakubuchi no ura ni kakusu".into(),
    )
    .await
    .unwrap();
    s.access(&here.access_token, true).await.unwrap();
    assert_eq!(
        code(s.access(&there.access_token, true).await),
        "session_ended"
    );
    assert_eq!(
        code(s.log_in(&s.tenant.login_id("owner"), TEST_PASSWORD).await),
        "wrong_credentials"
    );
    s.log_in(&s.tenant.login_id("owner"), "gakubuchi no ura ni kakusu")
        .await
        .unwrap();
}

#[tokio::test]
async fn log_out_ends_the_access_token_too() {
    let s = setup().await;
    let opened = s.owner().await;
    session::log_out(
        &s.database.db,
        opened.refresh_token.unwrap().expose_secret(),
        None,
    )
    .await
    .unwrap();
    assert_eq!(
        code(s.access(&opened.access_token, true).await),
        "session_ended"
    );
}
