//! Passwords that somebody else made up end, whether they were used or not.

use chrono::TimeDelta;
use domain::session::expiry::GIVEN_LIFETIME;
use domain::testing::{TEST_PASSWORD, TestTenant};
use domain::user::{self, FirstPassword, NewUser, UserChange};

use crate::support::{NEW, Setup, code, here, setup};

const GIVEN: &str = "thimble volcano quartz";

impl Setup {
    async fn given(&self) {
        let new = NewUser {
            login_id: "given".into(),
            display_name: "新人".into(),
            email: "given@acme.example.jp".into(),
            locale: None,
            password: FirstPassword::Temporary(GIVEN.into()),
        };
        let (db, hasher, actor) = (&self.database.db, TestTenant::hasher(), self.tenant.owner());
        user::create(db, &hasher, &self.keys, &actor, "editor", new)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_given_password_ends_after_72_hours_used_or_not_and_only_who_knows_it_is_told() {
    let s = setup().await;
    s.given().await;
    s.database
        .clock
        .advance(GIVEN_LIFETIME - TimeDelta::minutes(5));
    let opened = s.log_in("given", GIVEN, here()).await.unwrap();
    assert!(opened.me.password.must_change);
    s.database.clock.advance(TimeDelta::minutes(6));
    assert_eq!(
        code(s.log_in("given", GIVEN, here()).await),
        "given_password_over"
    );
    assert_eq!(
        code(s.log_in("given", "another one entirely", here()).await),
        "wrong_credentials"
    );
    let refused = "SELECT count(*) FROM audit_entry WHERE action = 'session.refused' AND after->>'reason' = 'given_password_over'";
    assert_eq!(s.database.count(refused).await, 1);
    // Who is inside changes it still, and it is theirs.
    let actor = s.actor(&opened, here()).await.unwrap();
    s.change(&actor, GIVEN, NEW).await.unwrap();
    s.database.clock.advance(GIVEN_LIFETIME * 2);
    s.log_in("given", NEW, here()).await.unwrap();
}

#[tokio::test]
async fn a_password_that_a_manager_gives_ends_and_a_new_one_begins_anew() {
    let s = setup().await;
    let editor = s.tenant.login_id("editor");
    let give = |password: &str| UserChange {
        password: Some(password.into()),
        ..UserChange::default()
    };
    s.database.clock.advance(GIVEN_LIFETIME);
    s.administer(&editor, TEST_PASSWORD, give(GIVEN)).await;
    s.database.clock.advance(TimeDelta::hours(71));
    let other = "oblique marmot syrup";
    s.administer(&editor, GIVEN, give(other)).await;
    s.database.clock.advance(TimeDelta::hours(71));
    s.log_in(&editor, other, here()).await.unwrap();
    s.database.clock.advance(TimeDelta::hours(1));
    assert_eq!(
        code(s.log_in(&editor, other, here()).await),
        "given_password_over"
    );
    let token = s.ask(&editor).await.unwrap();
    s.reset(&token, NEW).await.unwrap();
    s.log_in(&editor, NEW, here()).await.unwrap();
}
