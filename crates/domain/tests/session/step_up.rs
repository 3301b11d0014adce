//! Step-up: what it wants, how long it lasts, and what asks for it.

use domain::Actor;
use domain::api_token::{self, ApiTokenChange, NewApiToken};
use domain::contact::ContactFilter;
use domain::contact::export::{self, NewExport};
use domain::contact::import::Encoding;
use domain::factor::{self, Method, Proof, recovery, totp};
use domain::ids::UserId;
use domain::role::{self, NewRole, RoleChange};
use domain::route::{self, Auth, Kind, NewRoute, RouteChange, Security};
use domain::secret::Keys;
use domain::session;
use domain::tenant::{self, TenantChange};
use domain::testing::{SoftAuthenticator, TEST_PASSWORD, TestTenant};
use domain::user::{self, FirstPassword, NewUser, UserChange};
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

/// What makes somebody mightier, by somebody who may do it and proved nothing of late.
#[tokio::test]
async fn whoever_is_given_more_is_given_it_with_a_fresh_proof() {
    let s = setup().await;
    let fresh = s.actor(&s.owner().await).await;
    let stale = Actor {
        stepped_up: false,
        ..fresh.clone()
    };
    let (db, hasher) = (&s.database.db, TestTenant::hasher());
    let keys = Keys::from_master(&[1; 32]).unwrap();
    let needed = "step_up_required";

    let person = || NewUser {
        login_id: "acme-new".to_owned(),
        display_name: "新人".to_owned(),
        email: "new@example.jp".to_owned(),
        locale: None,
        password: FirstPassword::Temporary(TEST_PASSWORD.into()),
    };
    let refused = user::create(db, &hasher, &keys, &stale, "viewer", person()).await;
    assert_eq!(code(refused), needed);
    let made = user::create(db, &hasher, &keys, &fresh, "viewer", person())
        .await
        .unwrap();
    let role = |key: &str| UserChange {
        role: Some(key.to_owned()),
        ..UserChange::default()
    };
    let disabled = |disabled| UserChange {
        disabled: Some(disabled),
        ..UserChange::default()
    };
    let change = async |by: &Actor, change| {
        let version = user::get(db, &fresh, made.id).await.unwrap().version;
        user::update(db, &hasher, by, made.id, version, change).await
    };
    assert_eq!(code(change(&stale, role("admin")).await), needed);
    change(&stale, role("viewer")).await.unwrap();
    change(&stale, disabled(true)).await.unwrap();
    assert_eq!(code(change(&stale, disabled(false)).await), needed);
    change(&fresh, disabled(false)).await.unwrap();

    let names = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    let new = || NewRole {
        name: "読む".to_owned(),
        permissions: names(&["contacts.read", "mails.read"]),
    };
    assert_eq!(code(role::create(db, &stale, new()).await), needed);
    let own = role::create(db, &fresh, new()).await.unwrap();
    let permissions = |list: &[&str]| RoleChange {
        name: None,
        permissions: Some(names(list)),
    };
    let more = permissions(&["contacts.read", "mails.read", "contacts.export"]);
    assert_eq!(
        code(role::update(db, &stale, own.id, 1, more).await),
        needed
    );
    let less = permissions(&["contacts.read"]);
    role::update(db, &stale, own.id, 1, less).await.unwrap();

    let token = NewApiToken {
        name: "連携".to_owned(),
        scopes: names(&["contacts.read"]),
        allowed_ips: names(&["203.0.113.0/24"]),
        lifetime_days: None,
    };
    let token = api_token::create(db, &fresh, token).await.unwrap().token;
    let update = async |scopes: Option<&[&str]>, ips: Option<&[&str]>| {
        let change = ApiTokenChange {
            name: None,
            scopes: scopes.map(names),
            allowed_ips: ips.map(names),
        };
        let version = api_token::get(db, &fresh, token.id).await.unwrap().version;
        api_token::update(db, &stale, token.id, version, change).await
    };
    let wider = update(Some(&["contacts.read", "contacts.export"]), None).await;
    assert_eq!(code(wider), needed);
    for ips in [
        &[][..],
        &["198.51.100.1"],
        &["203.0.113.0/24", "2001:db8::/32"],
    ] {
        assert_eq!(code(update(None, Some(ips)).await), needed, "{ips:?}");
    }
    update(Some(&["contacts.read"]), Some(&["203.0.113.7"]))
        .await
        .unwrap();
}

fn relay() -> NewRoute {
    NewRoute {
        name: "契約リレー".to_owned(),
        kind: Kind::Relay,
        host: Some("smtp.example.jp".to_owned()),
        port: Some(587),
        security: Some(Security::StartTls),
        auth: Auth::Plain,
        username: "acme".to_owned(),
        password: Some("relay-password".into()),
        source_address: String::new(),
        helo: String::new(),
        max_sessions: 10,
        sign: true,
        enabled: true,
        position: 0,
        weight: 100,
    }
}

#[tokio::test]
async fn where_mails_go_out_is_changed_with_a_fresh_proof() {
    let s = setup().await;
    let fresh = s.actor(&s.owner().await).await;
    let stale = Actor {
        stepped_up: false,
        ..fresh.clone()
    };
    let db = &s.database.db;
    let keys = Keys::from_master(&[1; 32]).unwrap();
    let needed = "step_up_required";
    assert_eq!(
        code(route::create(db, &keys, &stale, relay()).await),
        needed
    );
    let made = route::create(db, &keys, &fresh, relay()).await.unwrap();
    for change in [
        RouteChange {
            host: Some("attacker.example".to_owned()),
            ..RouteChange::default()
        },
        RouteChange {
            password: Some("another".into()),
            ..RouteChange::default()
        },
        RouteChange {
            auth: Some(Auth::None),
            ..RouteChange::default()
        },
        RouteChange {
            kind: Some(Kind::Direct),
            ..RouteChange::default()
        },
    ] {
        let refused = route::update(db, &keys, &stale, made.id, 1, change).await;
        assert_eq!(code(refused), needed);
    }
    let name = RouteChange {
        name: Some("改名".to_owned()),
        ..RouteChange::default()
    };
    route::update(db, &keys, &stale, made.id, 1, name)
        .await
        .unwrap();
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
