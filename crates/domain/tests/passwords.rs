//! Password policy, expiry, reset by link, invitations, allowed networks.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; its clock begins now"
)]

use std::net::IpAddr;

use chrono::{TimeDelta, Utc};
use domain::clock::Clock;
use domain::error::DomainError;
use domain::housekeeping;
use domain::ids::UserId;
use domain::secret::Keys;
use domain::session::token::AccessTokens;
use domain::session::{self, Device, LoggedIn};
use domain::system_mail::{self, Due, Kind, Outcome};
use domain::tenant::{self, Networks, TenantChange};
use domain::testing::{TEST_PASSWORD, TestDatabase, TestTenant};
use domain::user::link::Purpose;
use domain::user::{self, FirstPassword, NewUser, UserChange, invitation, reset};
use domain::{Actor, Permission};
use secrecy::{ExposeSecret, SecretString};

const NEW: &str = "gakubuchi no ura ni kakusu";

struct Setup {
    database: TestDatabase,
    tenant: TestTenant,
    tokens: AccessTokens,
    keys: Keys,
    owner: String,
}

fn here() -> Option<IpAddr> {
    Some("203.0.113.9".parse().unwrap())
}

async fn setup() -> Setup {
    let database = TestDatabase::with_clock(Clock::fixed(Utc::now())).await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let keys = Keys::from_master(&[1; 32]).unwrap();
    Setup {
        tokens: AccessTokens::new(&keys).unwrap(),
        owner: tenant.login_id("owner"),
        database,
        tenant,
        keys,
    }
}

fn code(result: domain::Result<impl Sized>) -> String {
    match result.map(|_| ()).unwrap_err() {
        DomainError::Invalid(errors) => errors
            .iter()
            .map(|e| format!("{} {}", e.pointer, e.code))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.code().to_owned(),
    }
}

impl Setup {
    async fn log_in(
        &self,
        id: &str,
        password: &str,
        ip: Option<IpAddr>,
    ) -> domain::Result<LoggedIn> {
        let device = Device {
            ip,
            user_agent: "test".into(),
            known: None,
        };
        let db = &self.database.db;
        TestTenant::log_in(db, &self.tokens, id, password, device).await
    }

    async fn actor(&self, opened: &LoggedIn, ip: Option<IpAddr>) -> domain::Result<Actor> {
        let db = &self.database.db;
        let claims = self
            .tokens
            .check(opened.access_token.expose_secret(), db.now())?;
        session::authenticate(db, &claims, ip, true).await
    }

    async fn settings(&self, change: TenantChange) {
        let actor = self.tenant.owner();
        let db = &self.database.db;
        let version = tenant::get(db, &actor).await.unwrap().version;
        tenant::update(db, &actor, version, change).await.unwrap();
    }

    async fn change(&self, actor: &Actor, from: &str, to: &str) -> domain::Result<()> {
        let db = &self.database.db;
        session::change_password(db, &TestTenant::hasher(), actor, from.into(), to.into()).await
    }

    /// The product's mails that are due, as sent.
    async fn mails(&self) -> Vec<Due> {
        let db = &self.database.db;
        let due = system_mail::claim(db, &self.keys, 100).await.unwrap();
        for mail in &due {
            system_mail::settle(db, mail.tenant, mail.id, 1, &Outcome::Sent)
                .await
                .unwrap();
        }
        due
    }

    async fn ask(&self, who: &str) -> Option<SecretString> {
        reset::request(&self.database.db, &self.keys, who, here())
            .await
            .unwrap();
        let mut mails = self.mails().await;
        mails.retain(|mail| mail.kind == Kind::PasswordReset);
        assert!(mails.len() <= 1, "one mail a request");
        mails.pop().and_then(|mail| mail.secret)
    }

    async fn reset(&self, token: &SecretString, new: &str) -> domain::Result<String> {
        let device = Device {
            ip: here(),
            ..Device::default()
        };
        let (db, hasher) = (&self.database.db, TestTenant::hasher());
        reset::set_password(
            db,
            &hasher,
            &device,
            Purpose::PasswordReset,
            token,
            new.into(),
        )
        .await
    }

    async fn invite(&self) -> (UserId, SecretString) {
        let new = NewUser {
            login_id: "newcomer".into(),
            display_name: "新人".into(),
            email: "newcomer@acme.example.jp".into(),
            locale: Some("en".into()),
            password: FirstPassword::Invitation,
        };
        let (db, hasher, actor) = (&self.database.db, TestTenant::hasher(), self.tenant.owner());
        let user = user::create(db, &hasher, &self.keys, &actor, "editor", new)
            .await
            .unwrap();
        (user.id, self.invitation().await)
    }

    async fn invitation(&self) -> SecretString {
        let mail = self.mails().await.pop().expect("a mail");
        assert_eq!((mail.kind, mail.locale.as_str()), (Kind::Invitation, "en"));
        mail.secret.expect("a link")
    }

    async fn accept(&self, token: &SecretString) -> domain::Result<String> {
        let (db, hasher) = (&self.database.db, TestTenant::hasher());
        let device = Device::default();
        reset::set_password(db, &hasher, &device, Purpose::Invitation, token, NEW.into()).await
    }
}

#[tokio::test]
async fn a_mailed_link_sets_a_password_once_and_ends_every_session() {
    let s = setup().await;
    let before = s.log_in(&s.owner, TEST_PASSWORD, here()).await.unwrap();
    let token = s.ask(&s.owner).await.expect("a link");
    assert_eq!(s.reset(&token, NEW).await.unwrap(), s.owner);
    assert_eq!(code(s.actor(&before, here()).await), "session_ended");
    assert_eq!(
        code(s.log_in(&s.owner, TEST_PASSWORD, here()).await),
        "wrong_credentials"
    );
    s.log_in(&s.owner, NEW, here()).await.unwrap();
    assert_eq!(
        code(s.reset(&token, "thimble volcano quartz").await),
        "/token link_invalid"
    );
    let kinds: Vec<Kind> = s.mails().await.iter().map(|mail| mail.kind).collect();
    assert_eq!(kinds, [Kind::PasswordChanged], "a notice");
    let audited = "SELECT count(*) FROM audit_entry WHERE action IN ('user.password_reset_requested', 'user.password_reset')";
    assert_eq!(s.database.count(audited).await, 2);
}

#[tokio::test]
async fn of_two_uses_at_once_one_sets_the_password() {
    let s = setup().await;
    let token = s.ask(&s.owner).await.unwrap();
    let (a, b) = tokio::join!(
        s.reset(&token, NEW),
        s.reset(&token, "thimble volcano quartz")
    );
    assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1);
}

#[tokio::test]
async fn a_link_is_good_for_a_quarter_of_an_hour_and_until_a_newer_one() {
    let s = setup().await;
    let first = s.ask(&s.owner).await.unwrap();
    s.database.clock.advance(TimeDelta::seconds(61));
    let second = s
        .ask("owner@ACME.example.jp")
        .await
        .expect("by mail address too");
    assert_eq!(code(s.reset(&first, NEW).await), "/token link_invalid");
    s.database.clock.advance(TimeDelta::minutes(15));
    assert_eq!(code(s.reset(&second, NEW).await), "/token link_invalid");
}

#[tokio::test]
async fn the_database_keeps_no_token_and_the_mail_is_wiped() {
    let s = setup().await;
    let token = s.ask(&s.owner).await.unwrap();
    let bytes = base64::Engine::decode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        token.expose_secret(),
    )
    .unwrap();
    let hash = hex::encode(domain::secret::sha256(&bytes[16..]));
    let rows = format!("SELECT count(*) FROM user_link WHERE hash = '\\x{hash}'");
    assert_eq!(s.database.count(&rows).await, 1);
    let left = "SELECT count(*) FROM system_mail WHERE secret_sealed IS NOT NULL OR params <> '{}' OR address <> ''";
    assert_eq!(s.database.count(left).await, 0);
    assert_eq!(
        s.database
            .count("SELECT count(*) FROM system_mail_queue")
            .await,
        0
    );
}

#[tokio::test]
async fn nobody_who_can_not_log_in_gets_a_link_and_nobodys_mailbox_is_flooded() {
    let s = setup().await;
    assert!(s.ask("nobody-here").await.is_none());
    assert!(s.ask(&"x".repeat(10_000)).await.is_none());
    s.invite().await;
    assert!(
        s.ask("newcomer").await.is_none(),
        "the invitation is the way in"
    );
    let mut links = 0;
    for _ in 0..30 {
        links += u8::from(s.ask(&s.owner).await.is_some());
        s.database.clock.advance(TimeDelta::seconds(31));
    }
    assert_eq!(links, 5, "of thirty asked for within an hour");
    let db = &s.database.db;
    for _ in 0..31 {
        reset::admit(db, here()).await.unwrap();
    }
    assert_eq!(code(reset::admit(db, here()).await), "too_many_requests");
    reset::admit(db, Some("198.51.100.1".parse().unwrap()))
        .await
        .unwrap();
}

#[tokio::test]
async fn who_was_disabled_or_has_another_address_can_not_use_the_link() {
    let s = setup().await;
    let db = &s.database.db;
    let editor = s.tenant.login_id("editor");
    let token = s.ask(&editor).await.unwrap();
    let id = s
        .log_in(&editor, TEST_PASSWORD, here())
        .await
        .unwrap()
        .me
        .user;
    let change = UserChange {
        email: Some("other@acme.example.jp".into()),
        ..UserChange::default()
    };
    user::update(
        db,
        &TestTenant::hasher(),
        &s.tenant.owner(),
        id.id,
        id.version,
        change,
    )
    .await
    .unwrap();
    assert_eq!(code(s.reset(&token, NEW).await), "/token link_invalid");
    assert!(
        s.ask("editor@acme.example.jp").await.is_none(),
        "the old address is nobody's"
    );
}

#[tokio::test]
async fn an_invited_person_sets_a_password_that_nobody_else_knew() {
    let s = setup().await;
    let (_, token) = s.invite().await;
    assert_eq!(
        code(s.log_in("newcomer", NEW, here()).await),
        "wrong_credentials"
    );
    assert_eq!(
        code(s.reset(&token, NEW).await),
        "/token link_invalid",
        "another purpose"
    );
    assert_eq!(s.accept(&token).await.unwrap(), "newcomer");
    s.log_in("newcomer", NEW, here()).await.unwrap();
    assert_eq!(code(s.accept(&token).await), "/token link_invalid");
}

#[tokio::test]
async fn an_invitation_is_sent_again_revoked_and_expires() {
    let s = setup().await;
    let (db, owner) = (&s.database.db, s.tenant.owner());
    let (id, first) = s.invite().await;
    invitation::send_again(db, &s.keys, &owner, id)
        .await
        .unwrap();
    let second = s.invitation().await;
    assert_eq!(code(s.accept(&first).await), "/token link_invalid");
    invitation::revoke(db, &owner, id).await.unwrap();
    assert_eq!(code(s.accept(&second).await), "/token link_invalid");
    invitation::send_again(db, &s.keys, &owner, id)
        .await
        .unwrap();
    let third = s.invitation().await;
    s.database.clock.advance(TimeDelta::hours(72));
    assert_eq!(code(s.accept(&third).await), "/token link_invalid");
    let editor = Actor {
        permissions: [Permission::SettingsRead].into(),
        ..owner.clone()
    };
    assert_eq!(code(invitation::revoke(db, &editor, id).await), "forbidden");
    let other = TestTenant::create(db, "rival").await.owner();
    assert_eq!(
        code(invitation::send_again(db, &s.keys, &other, id).await),
        "not_found"
    );
}

#[tokio::test]
async fn a_listed_password_is_refused_wherever_one_is_set() {
    let s = setup().await;
    let opened = s.log_in(&s.owner, TEST_PASSWORD, here()).await.unwrap();
    let actor = s.actor(&opened, here()).await.unwrap();
    let leaked = "1q2w3e4r5t6y";
    assert_eq!(
        code(s.change(&actor, TEST_PASSWORD, leaked).await),
        "/new_password leaked"
    );
    let token = s.ask(&s.owner).await.unwrap();
    assert_eq!(code(s.reset(&token, leaked).await), "/new_password leaked");
    assert_eq!(
        code(s.reset(&token, "acme-owner-2026").await),
        "/new_password contains_name"
    );
    s.reset(&token, NEW)
        .await
        .expect("a refused one does not use the link up");
}

#[tokio::test]
async fn a_tenants_rule_of_length_and_of_former_passwords_holds() {
    let s = setup().await;
    s.settings(TenantChange {
        password_min_length: Some(20),
        password_history_length: Some(3),
        ..TenantChange::default()
    })
    .await;
    let opened = s.log_in(&s.owner, TEST_PASSWORD, here()).await.unwrap();
    let actor = s.actor(&opened, here()).await.unwrap();
    assert_eq!(
        code(s.change(&actor, TEST_PASSWORD, "xq7-mulpe-vrat").await),
        "/new_password too_short"
    );
    let words = [
        "chestnut lantern ferry",
        "oblique marmot syrup",
        "thimble volcano quartz",
    ];
    let mut current = TEST_PASSWORD;
    for next in words {
        s.change(&actor, current, next).await.unwrap();
        current = next;
    }
    for former in [words[0], words[1]] {
        assert_eq!(
            code(s.change(&actor, current, former).await),
            "/new_password used_before"
        );
    }
    let unchanged = s.change(&actor, current, current).await;
    assert_eq!(code(unchanged), "/new_password unchanged");
    s.change(&actor, current, TEST_PASSWORD)
        .await
        .expect("the fourth last is free again");
    let kept = "SELECT count(*) FROM password_history";
    assert_eq!(
        s.database.count(kept).await,
        3,
        "no more is kept than is looked at"
    );
}

#[tokio::test]
async fn an_expired_password_allows_nothing_but_changing_it() {
    let s = setup().await;
    s.settings(TenantChange {
        password_expiry_months: Some(Some(1)),
        ..TenantChange::default()
    })
    .await;
    s.database.clock.advance(TimeDelta::days(32));
    let opened = s.log_in(&s.owner, TEST_PASSWORD, here()).await.unwrap();
    assert!(opened.me.password.must_change);
    let actor = s.actor(&opened, here()).await.unwrap();
    assert_eq!(
        code(actor.require(Permission::ContactsRead)),
        "password_expired"
    );
    s.change(&actor, TEST_PASSWORD, NEW).await.unwrap();
    let actor = s.actor(&opened, here()).await.unwrap();
    actor.require(Permission::ContactsRead).unwrap();
}

#[tokio::test]
async fn people_are_reminded_once_from_a_week_before() {
    let s = setup().await;
    s.settings(TenantChange {
        password_expiry_months: Some(Some(1)),
        ..TenantChange::default()
    })
    .await;
    let db = &s.database.db;
    s.database.clock.advance(TimeDelta::days(20));
    housekeeping::run_once(db).await.unwrap();
    assert_eq!(s.mails().await.len(), 0);
    s.database.clock.advance(TimeDelta::days(5));
    housekeeping::run_once(db).await.unwrap();
    housekeeping::run_once(db).await.unwrap();
    let kinds: Vec<Kind> = s.mails().await.iter().map(|mail| mail.kind).collect();
    assert_eq!(kinds, [Kind::PasswordExpires; 3], "owner, editor, viewer");
}

#[tokio::test]
async fn a_password_from_an_administrator_has_to_be_changed_first() {
    let s = setup().await;
    let db = &s.database.db;
    let editor = s.tenant.login_id("editor");
    let row = s
        .log_in(&editor, TEST_PASSWORD, here())
        .await
        .unwrap()
        .me
        .user;
    let change = UserChange {
        password: Some("thimble volcano quartz".into()),
        ..UserChange::default()
    };
    user::update(
        db,
        &TestTenant::hasher(),
        &s.tenant.owner(),
        row.id,
        row.version,
        change,
    )
    .await
    .unwrap();
    let opened = s
        .log_in(&editor, "thimble volcano quartz", here())
        .await
        .unwrap();
    assert!(opened.me.password.must_change);
}

#[tokio::test]
async fn people_come_in_from_the_listed_networks_only_and_can_not_lock_themselves_out() {
    let s = setup().await;
    let db = &s.database.db;
    let opened = s.log_in(&s.owner, TEST_PASSWORD, here()).await.unwrap();
    let actor = s.actor(&opened, here()).await.unwrap();
    let of = |text: &str| TenantChange {
        allowed_networks: Some(Networks::parse(&[text.to_owned()]).unwrap()),
        ..TenantChange::default()
    };
    let version = opened.me.tenant.version;
    let locked_out = tenant::update(db, &actor, version, of("198.51.100.0/24")).await;
    assert_eq!(code(locked_out), "/allowed_networks own_address_missing");
    tenant::update(db, &actor, version, of("203.0.113.0/24"))
        .await
        .unwrap();

    s.actor(&opened, here()).await.unwrap();
    let elsewhere: Option<IpAddr> = Some("198.51.100.7".parse().unwrap());
    for ip in [elsewhere, None] {
        assert_eq!(code(s.actor(&opened, ip).await), "address_not_allowed");
        let refresh = opened.refresh_token.as_ref().unwrap().expose_secret();
        let refreshed = session::refresh(db, &s.tokens, refresh, ip).await;
        assert_eq!(code(refreshed), "address_not_allowed");
        assert_eq!(
            code(s.log_in(&s.owner, TEST_PASSWORD, ip).await),
            "address_not_allowed"
        );
        assert_eq!(
            code(s.log_in(&s.owner, "wrong wrong wrong", ip).await),
            "wrong_credentials",
            "only who knows the password learns of the list"
        );
    }
    s.actor(&opened, here())
        .await
        .expect("the session is still there");
    let audited = "SELECT count(*) FROM audit_entry WHERE action = 'session.network_refused'";
    assert_eq!(s.database.count(audited).await, 2);

    let operator = Actor::operator(s.tenant.id);
    let all = TenantChange {
        allowed_networks: Some(Networks::default()),
        ..TenantChange::default()
    };
    tenant::update(db, &operator, version + 1, all)
        .await
        .unwrap();
    s.log_in(&s.owner, TEST_PASSWORD, elsewhere).await.unwrap();
}

#[tokio::test]
async fn a_log_in_from_a_new_place_is_told_and_a_known_one_is_not() {
    let s = setup().await;
    s.log_in(&s.owner, TEST_PASSWORD, here()).await.unwrap();
    s.log_in(&s.owner, TEST_PASSWORD, here()).await.unwrap();
    assert_eq!(
        s.mails().await.len(),
        0,
        "the first one, and the same place"
    );
    let elsewhere = Some("198.51.100.7".parse().unwrap());
    s.log_in(&s.owner, TEST_PASSWORD, elsewhere).await.unwrap();
    let mails = s.mails().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(
        (mails[0].kind, mails[0].params["ip"].as_str()),
        (Kind::NewDevice, Some("198.51.100.7"))
    );
}

#[tokio::test]
async fn a_mail_that_can_not_be_sent_is_tried_again_and_given_up_with_its_link() {
    let s = setup().await;
    let db = &s.database.db;
    reset::request(db, &s.keys, &s.owner, here()).await.unwrap();
    let mut tries = 0;
    for _ in 0..400 {
        for mail in system_mail::claim(db, &s.keys, 10).await.unwrap() {
            tries += 1;
            let later = Outcome::Later {
                reply: "421 busy".into(),
            };
            system_mail::settle(db, mail.tenant, mail.id, mail.attempts, &later)
                .await
                .unwrap();
        }
        s.database.clock.advance(TimeDelta::seconds(5));
    }
    assert_eq!(
        tries, 6,
        "0, 15, 45, 105, 225, 465 s; its link is over at 900"
    );
    let failed = "SELECT count(*) FROM system_mail WHERE state = 'failed' AND reply = '421 busy' AND secret_sealed IS NULL";
    assert_eq!(s.database.count(failed).await, 1);
}
