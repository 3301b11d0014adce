//! Secrets at rest, and a change of the master key.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::ids::WorkerId;
use domain::route::{self, Auth, Kind, NewRoute, Security};
use domain::secret::{Keys, rotate};
use domain::sender_domain;
use domain::session::token::AccessTokens;
use domain::session::{self, Device};
use domain::testing::{TEST_PASSWORD, TestDatabase, TestTenant};
use domain::webhook::{self, Topic, log};
use secrecy::{ExposeSecret, SecretString};

use crate::support::World;

fn dump(database: &TestDatabase) -> String {
    let output = std::process::Command::new("pg_dump")
        .arg(database.owner_url())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn forms(secret: &[u8]) -> [String; 3] {
    let hex = hex::encode(secret);
    [
        hex,
        STANDARD.encode(secret),
        String::from_utf8_lossy(secret).into_owned(),
    ]
}

#[tokio::test]
async fn no_dump_holds_a_secret_and_a_rotation_of_the_master_key_breaks_nothing() {
    let mut w = World::new().await;
    let (old, new) = ([3_u8; 32], [4_u8; 32]);
    let password = "Nagoya-1612-Kinshachi";
    let relay = NewRoute {
        name: "relay".into(),
        kind: Kind::Relay,
        host: Some("smtp.example.jp".into()),
        port: Some(587),
        security: Some(Security::StartTls),
        auth: Auth::Plain,
        username: "acme".into(),
        password: Some(password.into()),
        source_address: String::new(),
        helo: String::new(),
        max_sessions: 10,
        sign: true,
        enabled: true,
        position: 0,
        weight: 100,
    };
    route::create(w.db(), &w.keys, &w.actor, relay)
        .await
        .unwrap();
    let domain = sender_domain::create(w.db(), &w.keys, &w.actor, "example.co.jp")
        .await
        .unwrap();
    let (id, first) = w.webhook(&[Topic::ContactCreated]).await;
    let (_, second) = webhook::rotate_secret(w.db(), &w.keys, &w.actor, id)
        .await
        .unwrap();
    let answer = domain::idempotency::Answer {
        status: 201,
        headers: Vec::new(),
        body: format!("{{\"secret\": \"{}\"}}", second.expose_secret()).into_bytes(),
    };
    let claimed = domain::idempotency::Claimed {
        key: "k".to_owned(),
        request_hash: [0; 32],
    };
    domain::idempotency::claim(w.db(), &w.keys, &w.actor, &claimed)
        .await
        .unwrap();
    domain::idempotency::store(w.db(), &w.keys, &w.actor, &claimed, &answer)
        .await
        .unwrap();
    let (db, tenant) = (w.database.db.clone(), w.actor.tenant_id);
    let signing =
        async |keys: Keys| sender_domain::signing_keys(&db, &keys, tenant, "example.co.jp").await;
    let dkim = signing(Keys::from_master(&old).unwrap()).await.unwrap();
    assert_eq!(domain.keys.len(), 2);

    let dumped = dump(&w.database);
    assert!(dumped.contains("example.co.jp"), "the dump was read");
    let decoded = |shown: &SecretString| {
        let text = shown.expose_secret().strip_prefix("whsec_").unwrap();
        STANDARD.decode(text).unwrap()
    };
    let mut known = vec![
        password.as_bytes().to_vec(),
        decoded(&first),
        decoded(&second),
    ];
    known.extend(dkim.iter().map(|key| key.private.clone()));
    known.extend([
        old.to_vec(),
        first.expose_secret().as_bytes().to_vec(),
        second.expose_secret().as_bytes().to_vec(),
    ]);
    for secret in &known {
        for form in forms(secret) {
            assert!(
                !dumped.contains(&form),
                "a secret stands in the dump: {} bytes",
                secret.len()
            );
        }
    }

    // A log-in and links under the old key.
    let tokens = AccessTokens::new(&w.keys).unwrap();
    let device = Device {
        ip: None,
        user_agent: "test".to_owned(),
        known: None,
        cookie: String::new(),
    };
    let me = TestTenant::log_in(w.db(), &tokens, "acme-owner", TEST_PASSWORD, device)
        .await
        .unwrap();
    let link = w.keys.mac("delivery token", b"a link in a mail");

    let ring = Keys::ring(&[new, old], &[]).unwrap();
    let done: BTreeMap<String, u64> = rotate::run(w.db(), &ring)
        .await
        .unwrap()
        .into_iter()
        .filter(|r| r.secrets > 0)
        .map(|r| (format!("{}.{}", r.table, r.column), r.secrets))
        .collect();
    assert_eq!(
        done,
        BTreeMap::from([
            ("idempotency_key.body_sealed".to_owned(), 1),
            ("webhook.old_secret_sealed".to_owned(), 1),
            ("route.password_sealed".to_owned(), 1),
            ("dkim_key.private_key_sealed".to_owned(), 2),
            ("webhook.secret_sealed".to_owned(), 1)
        ])
    );
    assert_eq!(rotate::waiting(w.db(), &ring).await.unwrap(), 0);
    assert!(
        rotate::run(w.db(), &ring)
            .await
            .unwrap()
            .iter()
            .all(|r| r.secrets == 0),
        "a second time finds nothing"
    );

    // Everybody stays logged in, by the access token and by the refresh token.
    let tokens = AccessTokens::new(&ring).unwrap();
    tokens
        .check(me.access_token.expose_secret(), w.db().now())
        .unwrap();
    let cookie = me.refresh_token.unwrap();
    let refreshed = session::refresh(w.db(), &tokens, cookie.expose_secret(), None)
        .await
        .unwrap();
    assert_ne!(
        kid(me.access_token.expose_secret()),
        kid(refreshed.access_token.expose_secret())
    );

    // The old master key is taken out; links of old mails still hold.
    w.keys = Keys::from_master(&new).unwrap();
    assert!(!w.keys.verify("delivery token", b"a link in a mail", &link));
    let retired = retired_file(&new, &old);
    assert!(retired.verify("delivery token", b"a link in a mail", &link));
    let again = signing(retired).await.unwrap();
    assert_eq!(again[0].private, dkim[0].private);
    log::send_test(w.db(), &w.actor, id).await.unwrap();
    assert_eq!(w.claim().await.unwrap().secrets.len(), 2);
    assert!(
        AccessTokens::new(&w.keys)
            .unwrap()
            .check(me.access_token.expose_secret(), w.db().now())
            .is_err()
    );
    assert!(!dump(&w.database).contains(password));
}

fn kid(token: &str) -> String {
    token.split('.').next().unwrap().to_owned()
}

/// As `kikubari secrets retire` writes it.
fn retired_file(new: &[u8; 32], old: &[u8; 32]) -> Keys {
    let file = std::env::temp_dir().join(format!("kikubari-keys-{}", WorkerId::new()));
    std::fs::write(
        &file,
        format!("{}\n{}\n", STANDARD.encode(new), STANDARD.encode(old)),
    )
    .unwrap();
    let read = domain::secret::KeyFile::read(&file).unwrap();
    std::fs::write(&file, read.retired().unwrap().to_text()).unwrap();
    let keys = Keys::from_file(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    keys
}
