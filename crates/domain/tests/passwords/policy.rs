//! What is taken as a password, and for how long.

use chrono::TimeDelta;
use domain::Permission;
use domain::housekeeping;
use domain::system_mail::Kind;
use domain::tenant::TenantChange;
use domain::testing::{TEST_PASSWORD, TestTenant};
use domain::user::{self, UserChange};

use crate::support::{NEW, code, here, setup};

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
    let editor = s.tenant.login_id("editor");
    let change = UserChange {
        password: Some("thimble volcano quartz".into()),
        ..UserChange::default()
    };
    s.administer(&editor, TEST_PASSWORD, change).await;
    let opened = s
        .log_in(&editor, "thimble volcano quartz", here())
        .await
        .unwrap();
    assert!(opened.me.password.must_change);
}

#[tokio::test]
async fn ones_own_password_is_changed_with_the_present_one_alone() {
    let s = setup().await;
    let opened = s.log_in(&s.owner, TEST_PASSWORD, here()).await.unwrap();
    let owner = s.actor(&opened, here()).await.unwrap();
    let (id, version) = (opened.me.user.id, opened.me.user.version);
    let (db, hasher) = (&s.database.db, TestTenant::hasher());
    let change = UserChange {
        password: Some(NEW.into()),
        ..UserChange::default()
    };
    let changed = user::update(db, &hasher, &owner, id, version, change).await;
    assert_eq!(code(changed), "own_password");
    s.log_in(&s.owner, TEST_PASSWORD, here()).await.unwrap();
}
