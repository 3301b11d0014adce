//! Log-ins, refused ones too, and log-outs stand in the trail of the tenant.

use domain::audit::read::{self, AuditEntry, AuditFilter};
use domain::page::PageRequest;
use domain::secret::Keys;
use domain::session::token::AccessTokens;
use domain::session::{self, Device};
use domain::testing::{TEST_PASSWORD, TestTenant};
use secrecy::ExposeSecret;

use crate::support::World;

async fn log_in(
    world: &World,
    login_id: &str,
    password: &str,
    ip: &str,
) -> domain::Result<session::LoggedIn> {
    let tokens = AccessTokens::new(&Keys::from_master(&[1; 32]).unwrap()).unwrap();
    let device = Device {
        ip: Some(ip.parse().unwrap()),
        user_agent: "test".to_owned(),
        known: None,
        cookie: String::new(),
    };
    TestTenant::log_in(&world.database.db, &tokens, login_id, password, device).await
}

async fn trail(world: &World, action: &str) -> Vec<AuditEntry> {
    let filter = AuditFilter {
        action: Some(action.to_owned()),
        ..AuditFilter::default()
    };
    let page = PageRequest {
        limit: Some(200),
        ..PageRequest::default()
    };
    let found = read::list(&world.database.db, &world.actor, &filter, &page).await;
    found.unwrap().items
}

#[tokio::test]
async fn a_refused_log_in_of_a_known_person_stands_in_the_trail_of_their_tenant() {
    let world = World::new().await;
    for (login_id, password) in [("acme-owner", "wrong"), ("nobody-here", TEST_PASSWORD)] {
        let refused = log_in(&world, login_id, password, "203.0.113.9").await;
        assert!(refused.is_err());
    }
    let found = trail(&world, "session.refused").await;
    assert_eq!(found.len(), 1, "an unknown id is nobody's");
    assert_eq!(found[0].subject_name.as_deref(), Some("acme owner"));
    assert_eq!(found[0].ip.as_deref(), Some("203.0.113.9"));
    assert_eq!(found[0].actor_id, None);
    let reason = found[0].after.as_ref().unwrap();
    assert_eq!(reason["reason"], "wrong_password");
}

#[tokio::test]
async fn refused_log_ins_from_many_addresses_do_not_fill_the_trail() {
    let world = World::new().await;
    for n in 0..65 {
        let ip = format!("203.0.113.{n}");
        log_in(&world, "acme-owner", "wrong", &ip)
            .await
            .unwrap_err();
        // As if each had waited for as long as they were told to.
        let waits = "DELETE FROM login_throttle";
        world.database.execute_as_owner(waits).await;
    }
    assert_eq!(trail(&world, "session.refused").await.len(), 60);
}

#[tokio::test]
async fn log_in_and_log_out_stand_in_the_trail_once() {
    let world = World::new().await;
    let opened = log_in(&world, "acme-owner", TEST_PASSWORD, "203.0.113.9").await;
    let token = opened.unwrap().refresh_token.unwrap();
    for _ in 0..2 {
        let ip = "203.0.113.10".parse().ok();
        session::log_out(&world.database.db, token.expose_secret(), ip)
            .await
            .unwrap();
    }
    let ended = trail(&world, "session.ended").await;
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].ip.as_deref(), Some("203.0.113.10"));
    assert_eq!(ended[0].actor_name.as_deref(), Some("acme owner"));
    let opened = trail(&world, "session.opened").await;
    assert_eq!(opened[0].subject_id, ended[0].subject_id);
}
