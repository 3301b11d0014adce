//! Sessions that others end, and the proof that ending one's own wants.

use domain::Actor;
use domain::error::DomainError;
use domain::ids::UserId;
use domain::session::{self, LoggedIn};
use domain::testing::TEST_PASSWORD;

use crate::{Setup, code, setup};

impl Setup {
    async fn person(&self, role: &str) -> LoggedIn {
        self.log_in(&self.tenant.login_id(role), TEST_PASSWORD)
            .await
            .unwrap()
    }

    async fn is_out(&self, who: &LoggedIn) -> bool {
        self.access(&who.access_token, true).await.is_err()
            && self
                .refresh(who.refresh_token.as_ref().unwrap())
                .await
                .is_err()
    }

    async fn entries(&self, action: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM audit_entry WHERE action = '{action}'");
        self.database.count(&sql).await
    }
}

fn id(who: &LoggedIn) -> UserId {
    who.me.user.id
}

fn stale(actor: &Actor) -> Actor {
    Actor {
        stepped_up: false,
        ..actor.clone()
    }
}

#[tokio::test]
async fn who_manages_users_ends_all_sessions_of_one_person_who_can_log_in_again() {
    let s = setup().await;
    let db = &s.database.db;
    let here = s.owner().await;
    let owner = s.actor(&here).await;
    let theirs = [s.person("editor").await, s.person("editor").await];
    let viewer = s.person("viewer").await;
    session::end_of(db, &owner, id(&theirs[0])).await.unwrap();
    for gone in &theirs {
        assert!(s.is_out(gone).await);
    }
    assert!(!s.is_out(&viewer).await && !s.is_out(&here).await);
    s.person("editor").await;
    assert_eq!(s.entries("user.sessions_ended").await, 1);
    let own = session::end_of(db, &owner, id(&here)).await;
    assert_eq!(code(own), "own_sessions");
    let nobody = session::end_of(db, &owner, UserId::new()).await;
    assert_eq!(code(nobody), "not_found");
    let editor = s.actor(&s.person("editor").await).await;
    let refused = session::end_of(db, &editor, id(&viewer)).await;
    assert_eq!(code(refused), "forbidden");
}

#[tokio::test]
async fn an_administrator_can_not_log_an_owner_out_and_a_stranger_nobody() {
    let s = setup().await;
    let db = &s.database.db;
    let owner = s.owner().await;
    s.tenant.add(db, "admin").await;
    let admin = s.actor(&s.person("admin").await).await;
    let refused = session::end_of(db, &admin, id(&owner)).await;
    assert_eq!(code(refused), "beyond_own_permissions");
    let rival = domain::testing::TestTenant::create(db, "rival").await;
    let there = session::end_of(db, &rival.owner(), id(&owner)).await;
    assert_eq!(code(there), "not_found");
    assert!(!s.is_out(&owner).await);
}

#[tokio::test]
async fn everybodys_sessions_end_but_that_of_who_asks_and_those_of_another_tenant() {
    let s = setup().await;
    let db = &s.database.db;
    let rival = domain::testing::TestTenant::create(db, "rival").await;
    let other = s
        .log_in(&rival.login_id("owner"), TEST_PASSWORD)
        .await
        .unwrap();
    let (here, there) = (s.owner().await, s.owner().await);
    let theirs = [s.person("editor").await, s.person("viewer").await];
    let owner = s.actor(&here).await;
    let unproved = session::end_everybody(db, &stale(&owner)).await;
    assert_eq!(code(unproved), "step_up_required");
    let editor = s.actor(&theirs[0]).await;
    assert!(matches!(
        session::end_everybody(db, &editor).await,
        Err(DomainError::Forbidden { .. })
    ));
    session::end_everybody(db, &owner).await.unwrap();
    for gone in theirs.iter().chain([&there]) {
        assert!(s.is_out(gone).await);
    }
    assert!(!s.is_out(&here).await && !s.is_out(&other).await);
    let counted = "SELECT count(*) FROM audit_entry WHERE action = 'tenant.sessions_ended' AND after->>'sessions' = '3'";
    assert_eq!(s.database.count(counted).await, 1);
}

#[tokio::test]
async fn a_log_in_that_waits_for_its_second_step_is_over_with_the_sessions() {
    let s = setup().await;
    let db = &s.database.db;
    let owner = s.actor(&s.owner().await).await;
    let (app, _) = s.enrol(&owner).await;
    s.pass(30);
    for everybody in [true, false] {
        let question = s.question().await;
        if everybody {
            session::end_everybody(db, &owner).await.unwrap();
        } else {
            let system = Actor::system(s.tenant.id);
            session::end_of(db, &system, owner.user_id.unwrap())
                .await
                .unwrap();
        }
        let late = s.second_step(&question.token, &app.proof(&s)).await;
        assert_eq!(code(late), "challenge_over");
    }
}

#[tokio::test]
async fn ending_another_session_of_ones_own_wants_a_fresh_proof_and_leaving_does_not() {
    let s = setup().await;
    let db = &s.database.db;
    let (here, there) = (s.owner().await, s.owner().await);
    let actor = s.actor(&here).await;
    let other = s.actor(&there).await.session_id.unwrap();
    s.pass(540);
    let later = s
        .refresh(here.refresh_token.as_ref().unwrap())
        .await
        .unwrap();
    s.pass(60);
    let late = s.actor(&later).await;
    assert_eq!(session::list(db, &late).await.unwrap().len(), 2);
    let needed = "step_up_required";
    assert_eq!(code(session::end(db, &late, other).await), needed);
    assert_eq!(code(session::end_others(db, &late).await), needed);
    session::end(db, &actor, other).await.unwrap();
    assert!(s.is_out(&there).await);
    session::end(db, &late, late.session_id.unwrap())
        .await
        .unwrap();
    assert!(s.is_out(&later).await);
}
