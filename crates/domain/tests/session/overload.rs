//! More log-ins at a time than there are cores to hash for.

use domain::error::DomainError;
use domain::session::password::{Hasher, KEPT, Turn, Who};
use domain::session::{self, Device, Outcome};
use domain::testing::{TEST_PASSWORD, TestTenant};

use crate::{Setup, device, setup};

/// As many as get in.
fn crowd(hasher: &Hasher, who: Who) -> Vec<Turn> {
    std::iter::from_fn(|| hasher.enter(who).ok()).collect()
}

impl Setup {
    async fn try_in(
        &self,
        hasher: &Hasher,
        login_id: &str,
        password: &str,
        device: Device,
    ) -> domain::Result<Outcome> {
        let (db, password) = (&self.database.db, password.into());
        let (tokens, factors) = (&self.tokens, &self.factors);
        session::log_in(db, hasher, tokens, factors, login_id, password, device).await
    }

    async fn lanes(&self) -> i64 {
        let lanes = "SELECT count(*) FROM login_throttle";
        self.database.count(lanes).await
    }
}

#[tokio::test]
async fn a_log_in_too_many_is_sent_away_before_anybody_is_looked_up_and_counts_nowhere() {
    let s = setup().await;
    let hasher = TestTenant::hasher();
    let full = crowd(&hasher, Who::Stranger);
    let owner = s.tenant.login_id("owner");
    let mut heard = Vec::new();
    for (login_id, password) in [
        (owner.as_str(), TEST_PASSWORD),
        (&owner, "wrong wrong wrong"),
        ("nobody-here", TEST_PASSWORD),
        ("no login id at all!", ""),
    ] {
        let refused = s.try_in(&hasher, login_id, password, device("203.0.113.9"));
        let refused = refused.await.unwrap_err();
        assert!(
            matches!(refused, DomainError::Overloaded { retry_after } if retry_after.as_secs() == 3)
        );
        heard.push(refused.to_string());
    }
    heard.dedup();
    assert_eq!(heard.len(), 1, "everybody hears the same: {heard:?}");
    assert_eq!((hasher.worked(), s.lanes().await), (0, 0));
    let noted = "SELECT count(*) FROM audit_entry WHERE action LIKE 'session.%'";
    assert_eq!(s.database.count(noted).await, 0);
    drop(full);
    let done = s.try_in(&hasher, &owner, TEST_PASSWORD, device("203.0.113.9"));
    assert!(done.await.is_ok());
    assert_eq!(hasher.worked(), 1, "one hash");
}

#[tokio::test]
async fn who_is_known_gets_in_and_works_on_while_strangers_crowd_at_the_door() {
    let s = setup().await;
    let hasher = TestTenant::hasher();
    let owner = s.tenant.login_id("owner");
    let opened = s.owner().await;
    let actor = s.access(&opened.access_token, true).await.unwrap();
    let _strangers = crowd(&hasher, Who::Stranger);
    let own = Device {
        known: Some(uuid::Uuid::now_v7()),
        ..device("203.0.113.9")
    };
    assert!(s.try_in(&hasher, &owner, TEST_PASSWORD, own).await.is_ok());
    let wrong = session::change_password(
        &s.database.db,
        &hasher,
        &actor,
        "wrong wrong wrong".into(),
        "gakubuchi no ura ni kakusu".into(),
    );
    assert_eq!(wrong.await.unwrap_err().code(), "invalid");
    // Of those who are known there can be too many, too.
    let known = crowd(&hasher, Who::Known);
    assert!(known.len() >= KEPT);
    let before = s.lanes().await;
    let busy = session::change_password(
        &s.database.db,
        &hasher,
        &actor,
        TEST_PASSWORD.into(),
        "gakubuchi no ura ni kakusu".into(),
    );
    assert_eq!(busy.await.unwrap_err().code(), "overloaded");
    let judged = session::check_password(&s.database.db, &hasher, &actor, "x".into());
    assert_eq!(judged.await.unwrap_err().code(), "overloaded");
    assert_eq!(s.lanes().await, before, "no failed try");
}
