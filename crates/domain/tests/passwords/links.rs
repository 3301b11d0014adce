//! Links by mail: to set a password anew, and invitations.

use chrono::TimeDelta;
use domain::system_mail::{self, Kind, Outcome};
use domain::testing::{TEST_PASSWORD, TestTenant};
use domain::user::{self, UserChange, invitation, reset};
use domain::{Actor, Permission};
use secrecy::ExposeSecret;

use crate::support::{NEW, code, here, setup};

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
    let editor = s.tenant.login_id("editor");
    let token = s.ask(&editor).await.unwrap();
    let change = UserChange {
        email: Some("other@acme.example.jp".into()),
        ..UserChange::default()
    };
    s.administer(&editor, TEST_PASSWORD, change).await;
    assert_eq!(code(s.reset(&token, NEW).await), "/token link_invalid");
    assert!(
        s.ask("editor@acme.example.jp").await.is_none(),
        "the old address is nobody's"
    );
    let viewer = s.tenant.login_id("viewer");
    let token = s.ask(&viewer).await.unwrap();
    let change = UserChange {
        disabled: Some(true),
        ..UserChange::default()
    };
    s.administer(&viewer, TEST_PASSWORD, change).await;
    assert_eq!(code(s.reset(&token, NEW).await), "/token link_invalid");
}

#[tokio::test]
async fn a_link_is_void_when_an_administrator_gives_a_password() {
    let s = setup().await;
    let give = || UserChange {
        password: Some("thimble volcano quartz".into()),
        ..UserChange::default()
    };
    let editor = s.tenant.login_id("editor");
    let reset = s.ask(&editor).await.unwrap();
    s.administer(&editor, TEST_PASSWORD, give()).await;
    assert_eq!(code(s.reset(&reset, NEW).await), "/token link_invalid");
    // Nor does an invitation, of somebody who had no password, last.
    s.mails().await;
    let (id, invitation) = s.invite().await;
    let (db, hasher, owner) = (&s.database.db, TestTenant::hasher(), s.tenant.owner());
    user::update(db, &hasher, &owner, id, 1, give())
        .await
        .unwrap();
    assert_eq!(code(s.accept(&invitation).await), "/token link_invalid");
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
