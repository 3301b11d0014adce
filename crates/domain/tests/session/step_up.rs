//! Step-up: what it wants, how long it lasts, and what asks for it.

use domain::Actor;
use domain::contact::ContactFilter;
use domain::contact::export::{self, NewExport};
use domain::contact::import::Encoding;
use domain::factor::{self, Method, Proof, recovery, totp};
use domain::ids::UserId;
use domain::session;
use domain::tenant::{self, TenantChange};
use domain::testing::{SoftAuthenticator, TEST_PASSWORD, TestTenant};
use domain::user::{self, UserChange};
use secrecy::ExposeSecret;

use crate::{PUBLIC_URL, Setup, code, setup};

impl Setup {
    async fn step_up(
        &self,
        actor: &Actor,
        token: Option<&str>,
        proof: &Proof,
    ) -> domain::Result<chrono::DateTime<chrono::Utc>> {
        let (db, hasher) = (&self.database.db, TestTenant::hasher());
        session::step_up(db, &self.factors, &hasher, actor, token, proof).await
    }
}

#[tokio::test]
async fn a_log_in_is_good_for_ten_minutes_and_the_password_for_ten_more() {
    let s = setup().await;
    let opened = s.owner().await;
    s.pass(540);
    assert!(s.actor(&opened).await.stepped_up);
    let fresh = s
        .refresh(opened.refresh_token.as_ref().unwrap())
        .await
        .unwrap();
    s.pass(60);
    let stale = s.actor(&fresh).await;
    assert_eq!(code(stale.require_step_up()), "step_up_required");
    let question = session::ask_step_up(&s.database.db, &s.factors, &stale)
        .await
        .unwrap();
    assert_eq!(question.methods, [Method::Password]);
    let wrong = s
        .step_up(&stale, None, &Proof::Password("wrong wrong wrong".into()))
        .await;
    assert_eq!(code(wrong), "invalid");
    let until = s
        .step_up(&stale, None, &Proof::Password(TEST_PASSWORD.into()))
        .await
        .unwrap();
    assert_eq!((until - s.database.db.now()).num_minutes(), 10);
    assert!(s.actor(&fresh).await.stepped_up);
}

#[tokio::test]
async fn who_has_a_second_factor_steps_up_with_it_and_not_with_the_password() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (app, codes) = s.enrol(&actor).await;
    s.pass(30);
    let refused = s
        .step_up(&actor, None, &Proof::Password(TEST_PASSWORD.into()))
        .await;
    assert_eq!(code(refused), "invalid");
    let proof = || app.proof(&s);
    s.step_up(&actor, None, &proof()).await.unwrap();
    assert_eq!(
        code(s.step_up(&actor, None, &proof()).await),
        "invalid",
        "each code once"
    );
    s.step_up(&actor, None, &Proof::RecoveryCode(codes[0].clone()))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_passkey_steps_up_the_session_that_asked_and_no_other() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let other = s.actor(&s.owner().await).await;
    let (db, factors) = (&s.database.db, &s.factors);
    let mut key = SoftAuthenticator::new(PUBLIC_URL);
    let options = factor::passkey::begin(db, factors, &actor).await.unwrap();
    let answer = key.create(&options.challenge);
    let token = options.token.expose_secret();
    factor::passkey::register(db, factors, &actor, token, "鍵", &answer)
        .await
        .unwrap();
    let question = session::ask_step_up(db, factors, &actor).await.unwrap();
    let challenge = question.passkey.unwrap().challenge;
    let token = Some(question.token.expose_secret());
    let mut proof = || Proof::Passkey(key.get(&challenge));
    assert_eq!(code(s.step_up(&other, token, &proof()).await), "invalid");
    assert_eq!(code(s.step_up(&actor, None, &proof()).await), "invalid");
    s.step_up(&actor, token, &proof()).await.unwrap();
    assert_eq!(
        code(s.step_up(&actor, token, &proof()).await),
        "invalid",
        "a question once"
    );
}

/// Each dangerous action, by somebody who may do it and proved nothing of late.
#[tokio::test]
async fn dangerous_actions_want_a_fresh_proof() {
    let s = setup().await;
    let fresh = s.actor(&s.owner().await).await;
    s.enrol(&fresh).await;
    let stale = Actor {
        stepped_up: false,
        ..fresh.clone()
    };
    let (db, factors) = (&s.database.db, &s.factors);
    let hasher = TestTenant::hasher();
    let editor: UserId = user::list(db, &fresh, &domain::page::PageRequest::default())
        .await
        .unwrap()
        .items[1]
        .id;
    let export = || NewExport {
        encoding: Encoding::Utf8,
        columns: vec!["email".to_owned()],
        filter: ContactFilter::default(),
    };
    let needed = "step_up_required";
    assert_eq!(code(export::create(db, &stale, export()).await), needed);
    export::create(db, &fresh, export()).await.unwrap();
    let password = UserChange {
        password: Some("another good one".into()),
        ..UserChange::default()
    };
    assert_eq!(
        code(user::update(db, &hasher, &stale, editor, 1, password).await),
        needed
    );
    let address = UserChange {
        email: Some("elsewhere@example.jp".to_owned()),
        ..UserChange::default()
    };
    assert_eq!(
        code(user::update(db, &hasher, &stale, editor, 1, address).await),
        needed
    );
    let name = UserChange {
        display_name: Some("改名".to_owned()),
        ..UserChange::default()
    };
    user::update(db, &hasher, &stale, editor, 1, name)
        .await
        .unwrap();
    assert_eq!(code(factor::reset(db, &stale, editor).await), needed);
    assert_eq!(code(totp::enrol(db, factors, &stale).await), needed);
    assert_eq!(code(totp::remove(db, &stale).await), needed);
    assert_eq!(code(recovery::renew(db, &stale).await), needed);
    assert_eq!(
        code(factor::passkey::begin(db, factors, &stale).await),
        needed
    );
    for change in [
        TenantChange {
            second_factor_required: Some(true),
            ..TenantChange::default()
        },
        TenantChange {
            idle_minutes: Some(60),
            ..TenantChange::default()
        },
        TenantChange {
            step_up_people: Some(None),
            ..TenantChange::default()
        },
    ] {
        assert_eq!(code(tenant::update(db, &stale, 1, change).await), needed);
    }
    let rename = TenantChange {
        name: Some("株式会社エーシーエムイー".to_owned()),
        ..TenantChange::default()
    };
    tenant::update(db, &stale, 1, rename).await.unwrap();
}
