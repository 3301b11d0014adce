//! Networks that people may come from, and log-ins from new places.

use domain::Actor;
use domain::session;
use domain::system_mail::Kind;
use domain::tenant::{self, Networks, TenantChange};
use domain::testing::TEST_PASSWORD;
use secrecy::ExposeSecret;
use std::net::IpAddr;

use crate::support::{code, here, setup};

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
