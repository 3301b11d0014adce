//! The authenticator app and recovery codes, at log-in.

use chrono::TimeDelta;
use domain::Actor;
use domain::error::DomainError;
use domain::factor::{self, Method, Proof, recovery, totp};
use domain::session::{self, LoggedIn};
use domain::tenant::{self, TenantChange};
use domain::testing::{TEST_PASSWORD, TestTenant};
use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Builder, Secret};

use crate::{HERE, Setup, code, device, setup};

/// The app on the person's phone.
pub(crate) struct App(totp_rs::Totp);

impl App {
    fn new(secret: &SecretString) -> Self {
        let secret = Secret::try_from_base32(secret.expose_secret()).unwrap();
        Self(Builder::new().with_secret(secret).build().unwrap())
    }

    /// What it shows now.
    pub(crate) fn shows(&self, s: &Setup) -> String {
        let now = s.database.db.now().timestamp();
        self.0.generate(u64::try_from(now).unwrap()).to_string()
    }

    pub(crate) fn proof(&self, s: &Setup) -> Proof {
        Proof::Totp(self.shows(s).into())
    }
}

impl Setup {
    pub(crate) async fn actor(&self, logged_in: &LoggedIn) -> Actor {
        self.access(&logged_in.access_token, true).await.unwrap()
    }

    /// Sets an app up for who is logged in; answers it and the recovery codes.
    pub(crate) async fn enrol(&self, actor: &Actor) -> (App, Vec<SecretString>) {
        let db = &self.database.db;
        let enrolment = totp::enrol(db, &self.factors, actor).await.unwrap();
        let app = App::new(&enrolment.secret);
        let codes = totp::confirm(db, &self.factors, actor, &app.shows(self))
            .await
            .unwrap();
        (app, codes)
    }

    pub(crate) async fn second_step(
        &self,
        token: &SecretString,
        proof: &Proof,
    ) -> domain::Result<LoggedIn> {
        self.second_step_from(token, proof, HERE).await
    }

    async fn second_step_from(
        &self,
        token: &SecretString,
        proof: &Proof,
        ip: &str,
    ) -> domain::Result<LoggedIn> {
        let token = token.expose_secret();
        let (db, factors) = (&self.database.db, &self.factors);
        session::finish_log_in(db, &self.tokens, factors, token, proof, device(ip)).await
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.database.clock.advance(TimeDelta::seconds(seconds));
    }
}

#[tokio::test]
async fn a_person_with_an_app_gets_no_token_for_the_password_alone() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (app, codes) = s.enrol(&actor).await;
    assert_eq!(codes.len(), recovery::CODES);
    s.pass(30);
    let question = s.question().await;
    assert_eq!(question.methods, [Method::Totp, Method::RecoveryCode]);
    let opened = s
        .second_step(&question.token, &app.proof(&s))
        .await
        .unwrap();
    assert_eq!(opened.me.user.id, s.tenant.owner_id);
    s.access(&opened.access_token, true).await.unwrap();
    // The question is answered: it opens nothing a second time.
    s.pass(30);
    let again = s.second_step(&question.token, &app.proof(&s)).await;
    assert_eq!(code(again), "challenge_over");
}

#[tokio::test]
async fn each_code_of_the_app_is_taken_once() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (app, _) = s.enrol(&actor).await;
    // The code that confirmed the set-up is used, too.
    let question = s.question().await;
    let confirmed = s.second_step(&question.token, &app.proof(&s)).await;
    assert_eq!(code(confirmed), "wrong_second_factor");
    s.pass(30);
    let seen = app.proof(&s);
    s.second_step(&question.token, &seen).await.unwrap();
    let question = s.question().await;
    let replayed = s.second_step(&question.token, &seen).await;
    assert_eq!(code(replayed), "wrong_second_factor");
    assert_eq!(
        s.database
            .count(
                "SELECT count(*) FROM audit_entry WHERE action = 'session.second_factor_refused'"
            )
            .await,
        2
    );
}

#[tokio::test]
async fn of_two_log_ins_with_one_code_at_the_same_time_one_gets_in() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (app, _) = s.enrol(&actor).await;
    s.pass(30);
    let (one, two) = (s.question().await, s.question().await);
    let proof = app.proof(&s);
    let both = tokio::join!(
        s.second_step(&one.token, &proof),
        s.second_step(&two.token, &proof)
    );
    assert_ne!(both.0.is_ok(), both.1.is_ok());
}

#[tokio::test]
async fn a_seed_counts_only_once_a_code_confirmed_it() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (db, factors) = (&s.database.db, &s.factors);
    let first = totp::enrol(db, factors, &actor).await.unwrap();
    let wrong = totp::confirm(db, factors, &actor, "000000").await;
    assert_eq!(code(wrong), "invalid");
    // Nobody has to answer with an app that was never set up.
    s.owner().await;
    let second = totp::enrol(db, factors, &actor).await.unwrap();
    let forgotten = App::new(&first.secret).shows(&s);
    let shown = App::new(&second.secret).shows(&s);
    if forgotten != shown {
        assert_eq!(
            code(totp::confirm(db, factors, &actor, &forgotten).await),
            "invalid"
        );
    }
    totp::confirm(db, factors, &actor, &shown).await.unwrap();
    assert_eq!(code(totp::enrol(db, factors, &actor).await), "totp_exists");
    let uri = second.uri.expose_secret();
    assert!(
        uri.starts_with("otpauth://totp/Kikubari:acme-owner?secret="),
        "{uri}"
    );
}

#[tokio::test]
async fn a_seed_stands_sealed_in_the_database() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let enrolment = totp::enrol(&s.database.db, &s.factors, &actor)
        .await
        .unwrap();
    let secret = Secret::try_from_base32(enrolment.secret.expose_secret()).unwrap();
    let seed = hex::encode(secret.as_ref());
    let found = format!(
        "SELECT count(*) FROM totp_seed WHERE position('\\x{seed}'::bytea IN seed_sealed) > 0"
    );
    assert_eq!(s.database.count(&found).await, 0);
    assert_eq!(
        s.database
            .count("SELECT count(*) FROM totp_seed WHERE length(seed_sealed) > 20")
            .await,
        1
    );
}

#[tokio::test]
async fn a_question_is_over_after_five_minutes_and_after_five_tries() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (app, _) = s.enrol(&actor).await;
    let late = s.question().await;
    s.pass(300);
    assert_eq!(
        code(s.second_step(&late.token, &app.proof(&s)).await),
        "challenge_over"
    );
    let question = s.question().await;
    let wrong = Proof::Totp("000000".into());
    for _ in 0..5 {
        let refused = s.second_step(&question.token, &wrong).await;
        assert_eq!(code(refused), "wrong_second_factor");
    }
    assert_eq!(
        code(s.second_step(&question.token, &app.proof(&s)).await),
        "challenge_over"
    );
}

#[tokio::test]
async fn guessing_a_factor_is_slowed_down_wherever_it_comes_from() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (app, _) = s.enrol(&actor).await;
    s.pass(30);
    let wrong = Proof::Totp("000000".into());
    for n in 0..11 {
        let question = s.question().await;
        let from = format!("198.51.100.{n}");
        let refused = s.second_step_from(&question.token, &wrong, &from).await;
        assert_eq!(code(refused), "wrong_second_factor");
    }
    let question = s.question().await;
    let right = app.proof(&s);
    let slowed = s
        .second_step_from(&question.token, &right, "192.0.2.7")
        .await;
    assert!(matches!(slowed, Err(DomainError::TooManyRequests { .. })));
    s.pass(2);
    let question = s.question().await;
    s.second_step(&question.token, &app.proof(&s))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_recovery_code_opens_once_and_the_rest_is_counted() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (_, codes) = s.enrol(&actor).await;
    let proof = |n: usize| Proof::RecoveryCode(codes[n].clone());
    let question = s.question().await;
    s.second_step(&question.token, &proof(0)).await.unwrap();
    let question = s.question().await;
    assert_eq!(
        code(s.second_step(&question.token, &proof(0)).await),
        "wrong_second_factor"
    );
    let db = &s.database.db;
    let seen = factor::overview(db, &s.factors, &actor).await.unwrap();
    assert_eq!(seen.recovery_codes_left, 9);
    let renewed = recovery::renew(db, &actor).await.unwrap();
    assert_eq!(renewed.len(), 10);
    assert_eq!(
        code(s.second_step(&question.token, &proof(1)).await),
        "wrong_second_factor"
    );
    let proof = Proof::RecoveryCode(renewed[3].clone());
    s.second_step(&question.token, &proof).await.unwrap();
}

#[tokio::test]
async fn an_answer_of_a_person_who_was_disabled_meanwhile_opens_nothing() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (app, _) = s.enrol(&actor).await;
    s.pass(30);
    let question = s.question().await;
    s.database
        .execute_as_owner(
            "UPDATE user_account SET disabled_at = now() WHERE login_id = 'acme-owner'",
        )
        .await;
    assert_eq!(
        code(s.second_step(&question.token, &app.proof(&s)).await),
        "wrong_second_factor"
    );
}

#[tokio::test]
async fn a_changed_password_ends_a_log_in_that_waits_for_its_second_step() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (app, _) = s.enrol(&actor).await;
    s.pass(30);
    let question = s.question().await;
    let (db, hasher) = (&s.database.db, TestTenant::hasher());
    let (old, new) = (TEST_PASSWORD.into(), "another good one".into());
    session::change_password(db, &hasher, &actor, old, new)
        .await
        .unwrap();
    assert_eq!(
        code(s.second_step(&question.token, &app.proof(&s)).await),
        "challenge_over"
    );
}

#[tokio::test]
async fn where_the_tenant_wants_a_second_factor_running_sessions_may_only_enrol_and_the_last_one_stays()
 {
    let s = setup().await;
    let owner = s.owner().await;
    let actor = s.actor(&owner).await;
    let viewer = s
        .log_in(&s.tenant.login_id("viewer"), TEST_PASSWORD)
        .await
        .unwrap();
    let db = &s.database.db;
    let version = tenant::get(db, &actor).await.unwrap().version;
    let change = TenantChange {
        second_factor_required: Some(true),
        ..TenantChange::default()
    };
    tenant::update(db, &actor, version, change).await.unwrap();
    let held = s.actor(&viewer).await;
    assert!(held.must_enrol && held.permissions.is_empty());
    assert_eq!(code(held.require_enrolled()), "second_factor_required");
    // Also who logs in from now on.
    let next = s
        .log_in(&s.tenant.login_id("viewer"), TEST_PASSWORD)
        .await
        .unwrap();
    assert!(next.me.must_enrol());
    s.enrol(&held).await;
    let free = s.actor(&viewer).await;
    assert!(!free.must_enrol && !free.permissions.is_empty());
    assert_eq!(code(totp::remove(db, &free).await), "last_factor");
}

#[tokio::test]
async fn a_manager_takes_the_factors_of_another_person_away_and_never_their_own() {
    let s = setup().await;
    let owner = s.actor(&s.owner().await).await;
    let id = s.tenant.login_id("editor");
    let editor = s.log_in(&id, TEST_PASSWORD).await.unwrap();
    let actor = s.actor(&editor).await;
    s.enrol(&actor).await;
    let db = &s.database.db;
    let user = actor.user_id.unwrap();
    assert_eq!(code(factor::reset(db, &actor, user).await), "forbidden");
    factor::reset(db, &owner, user).await.unwrap();
    assert_eq!(
        code(s.access(&editor.access_token, true).await),
        "session_ended"
    );
    s.log_in(&id, TEST_PASSWORD).await.unwrap();
    assert_eq!(
        code(factor::reset(db, &owner, user).await),
        "no_second_factor"
    );
    s.enrol(&owner).await;
    let own = factor::reset(db, &owner, s.tenant.owner_id).await;
    assert_eq!(code(own), "own_factors");
    assert_eq!(
        s.database
            .count("SELECT count(*) FROM audit_entry WHERE action = 'user.second_factors_reset'")
            .await,
        1
    );
    factor::reset_by_login_id(db, "acme-owner").await.unwrap();
    s.owner().await;
    assert_eq!(
        code(factor::reset_by_login_id(db, "nobody").await),
        "not_found"
    );
}
