//! From facts to messages, what senders take and give back, and the rotation of
//! master keys.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; its clock begins now; it asks in SQL and calls pg_dump"
)]

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::RunQueryDsl;
use domain::clock::Clock;
use domain::contact::{self, ContactChange, NewContact};
use domain::egress::Rules;
use domain::ids::{WebhookId, WorkerId};
use domain::list::{self, NewList};
use domain::route::{self, Auth, Kind, NewRoute, Security};
use domain::secret::{Keys, rotate};
use domain::session::token::AccessTokens;
use domain::session::{self, Device};
use domain::testing::{TEST_PASSWORD, TestDatabase, TestTenant, sent_campaign};
use domain::webhook::work::{Attempt, Batch, claim, record};
use domain::webhook::{self, NewWebhook, Topic, WebhookChange, log, outbox};
use domain::{Actor, Db, sender_domain};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

struct World {
    database: TestDatabase,
    keys: Keys,
    actor: Actor,
    worker: WorkerId,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::with_clock(Clock::fixed(Utc::now())).await;
        let tenant = TestTenant::create(&database.db, "acme").await;
        Self {
            actor: tenant.owner(),
            database,
            keys: Keys::from_master(&[3; 32]).unwrap(),
            worker: WorkerId::new(),
        }
    }

    fn db(&self) -> &Db {
        &self.database.db
    }

    async fn webhook(&self, events: &[Topic]) -> (WebhookId, SecretString) {
        self.webhook_of(&self.actor, events).await
    }

    async fn webhook_of(&self, actor: &Actor, events: &[Topic]) -> (WebhookId, SecretString) {
        let new = NewWebhook {
            url: "https://example.jp/hook".to_owned(),
            description: String::new(),
            events: events.to_vec(),
            enabled: true,
        };
        let rules = Rules::default();
        let (made, secret) = webhook::create(self.db(), &self.keys, &rules, actor, new)
            .await
            .unwrap();
        (made.id, secret)
    }

    async fn contact(&self, email: &str) -> contact::Contact {
        let new = NewContact {
            email: email.to_owned(),
            name: "髙橋".to_owned(),
            ..NewContact::default()
        };
        contact::create(self.db(), &self.actor, new, "manual")
            .await
            .unwrap()
    }

    async fn fan_out(&self) {
        while outbox::fan_out(self.db()).await.unwrap() {}
    }

    /// Events of all messages, in their order: type and e-mail (or name).
    async fn told(&self) -> Vec<String> {
        self.fan_out().await;
        let text = self
            .database
            .text("SELECT coalesce(json_agg(body ORDER BY id), '[]') FROM webhook_message")
            .await;
        let bodies: Vec<String> = serde_json::from_str(&text).unwrap();
        let mut events = Vec::new();
        for body in bodies {
            let body: Value = serde_json::from_str(&body).unwrap();
            body["timestamp"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
            for event in body["data"].as_array().unwrap() {
                let who = ["email", "name", "domain", "filename"];
                let who = who.iter().find_map(|key| event[*key].as_str()).unwrap_or("");
                events.push(format!("{} {who}", body["type"].as_str().unwrap()));
            }
        }
        events
    }

    async fn claim(&self) -> Option<Batch> {
        claim(self.db(), &self.keys, self.worker).await.unwrap()
    }

    async fn answer(&self, batch: &Batch, status: Option<u16>) {
        let attempts: Vec<Attempt> = batch
            .messages
            .iter()
            .map(|_| Attempt {
                at: self.db().now(),
                duration_ms: 5,
                status,
                error: status.is_none().then(|| "connection refused".to_owned()),
                answer: "\0<script>".to_owned() + &"あ".repeat(5000),
            })
            .collect();
        record(self.db(), self.worker, batch, &attempts).await.unwrap();
    }

    async fn text(&self, sql: &str) -> String {
        self.database.text(sql).await
    }
}

const ALL_OF_CONTACTS: [Topic; 5] = [
    Topic::ContactCreated,
    Topic::ContactUpdated,
    Topic::ContactDeleted,
    Topic::ContactUnsubscribed,
    Topic::ContactResubscribed,
];

#[tokio::test]
async fn what_happens_with_contacts_is_told_once_and_in_its_order() {
    let w = World::new().await;
    let before = w.contact("before@example.jp").await;
    w.webhook(&ALL_OF_CONTACTS).await;
    let taro = w.contact("taro@example.jp").await;
    let change = ContactChange {
        name: Some("太郎".to_owned()),
        ..ContactChange::default()
    };
    contact::update(w.db(), &w.actor, taro.id, 1, change).await.unwrap();
    for (version, status) in [
        (2, contact::ContactStatus::Unsubscribed),
        (3, contact::ContactStatus::Active),
        (4, contact::ContactStatus::Disabled),
    ] {
        let change = ContactChange {
            status: Some(status),
            ..ContactChange::default()
        };
        contact::update(w.db(), &w.actor, taro.id, version, change).await.unwrap();
    }
    contact::delete(w.db(), &w.actor, before.id, 1).await.unwrap();
    let mut told = w.told().await;
    told.sort();
    let mut expected = vec![
        "contact.created taro@example.jp",
        "contact.updated taro@example.jp",
        "contact.unsubscribed taro@example.jp",
        "contact.resubscribed taro@example.jp",
        "contact.updated taro@example.jp",
        "contact.deleted before@example.jp",
    ];
    expected.sort_unstable();
    assert_eq!(told, expected);
    w.fan_out().await;
    assert_eq!(w.database.count("SELECT count(*) FROM outbox").await, 0);
    assert_eq!(w.database.count("SELECT count(*) FROM outbox_queue").await, 0);
}

#[tokio::test]
async fn lists_campaigns_events_and_checks_are_told() {
    let w = World::new().await;
    w.webhook(Topic::ALL).await;
    let contact = w.contact("taro@example.jp").await;
    let new = NewList {
        name: "月刊".to_owned(),
        description: String::new(),
        colour: "gray".to_owned(),
        folder_id: None,
    };
    let list = list::create(w.db(), &w.actor, new).await.unwrap();
    list::add_members(w.db(), &w.actor, list.id, &[contact.id]).await.unwrap();
    list::remove_member(w.db(), &w.actor, list.id, contact.id).await.unwrap();
    let campaign = sent_campaign(&w.database, w.actor.tenant_id, 1).await;
    let sql = [
        format!("UPDATE campaign SET state = 'scheduled' WHERE id = '{campaign}'"),
        format!("UPDATE campaign SET state = 'preparing' WHERE id = '{campaign}'"),
        format!("UPDATE campaign SET state = 'sending' WHERE id = '{campaign}'"),
        format!("UPDATE campaign SET state = 'paused' WHERE id = '{campaign}'"),
        format!("UPDATE campaign SET state = 'sending' WHERE id = '{campaign}'"),
        format!("UPDATE campaign SET state = 'finished' WHERE id = '{campaign}'"),
        "INSERT INTO event (tenant_id, period, id, kind, campaign_id, delivery_id, contact_id, link_number, machine, at)
         SELECT d.tenant_id, d.period, gen_random_uuid(), k, d.campaign_id, d.id, d.contact_id, CASE k WHEN 'click' THEN 1 END, m, now()
         FROM delivery d, unnest(ARRAY['open', 'click', 'bounce', 'complaint', 'cancel', 'open'], ARRAY[false, false, false, false, false, true]) AS x (k, m)"
            .to_owned(),
        "UPDATE delivery SET state = 'accepted'".to_owned(),
        "SELECT tell_deliveries(period, array_agg(id)) FROM delivery GROUP BY period".to_owned(),
        "UPDATE sender_domain SET spf_state = 'ok', dmarc_state = 'unchecked'".to_owned(),
        "UPDATE dkim_key SET checked_state = 'ok' WHERE algorithm = 'rsa-sha256'".to_owned(),
    ];
    sender_domain::create(w.db(), &w.keys, &w.actor, "example.co.jp").await.unwrap();
    for sql in sql {
        w.db()
            .tenant(w.actor.tenant_id, async |tx| {
                diesel::sql_query(&sql).execute(tx).await?;
                Ok(())
            })
            .await
            .unwrap();
    }
    let mut told = w.told().await;
    told.sort();
    let person = "p1@site1.example.jp";
    let mut expected: Vec<String> = [
        "campaign.started 11月号",
        "campaign.paused 11月号",
        "campaign.resumed 11月号",
        "campaign.finished 11月号",
        "contact.created taro@example.jp",
        "list.subscribed taro@example.jp",
        "list.unsubscribed taro@example.jp",
        "sender_domain.health_changed example.co.jp",
        "sender_domain.health_changed example.co.jp",
    ]
    .map(str::to_owned)
    .into();
    for topic in [
        "message.opened",
        "message.clicked",
        "delivery.bounced",
        "delivery.complained",
        "delivery.accepted",
    ] {
        expected.push(format!("{topic} {person}"));
    }
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_is_rolled_back_is_not_told_and_what_nobody_wants_is_not_written() {
    let w = World::new().await;
    w.contact("a@example.jp").await;
    assert_eq!(w.database.count("SELECT count(*) FROM outbox").await, 0);
    let (id, _) = w.webhook(&[Topic::ContactCreated]).await;
    let broken = w
        .db()
        .tenant(w.actor.tenant_id, async |tx| {
            diesel::sql_query("INSERT INTO contact (tenant_id, id, email, email_key, created_at, updated_at) VALUES (current_tenant(), gen_random_uuid(), 'b@example.jp', 'b@example.jp', now(), now())")
                .execute(tx).await?;
            Err::<(), _>(domain::DomainError::internal("no"))
        })
        .await;
    assert!(broken.is_err());
    let off = WebhookChange {
        enabled: Some(false),
        ..WebhookChange::default()
    };
    webhook::update(w.db(), &Rules::default(), &w.actor, id, 1, off).await.unwrap();
    w.contact("c@example.jp").await;
    assert_eq!(w.told().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_thousand_events_in_one_transaction_become_messages_of_a_hundred_once_although_two_take_them() {
    let w = World::new().await;
    w.webhook(&[Topic::ListSubscribed]).await;
    w.db()
        .tenant(w.actor.tenant_id, async |tx| {
            diesel::sql_query(
                "INSERT INTO subscription_event (tenant_id, id, list_id, contact_id, status, source)
                 SELECT current_tenant(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'subscribed', 'manual' FROM generate_series(1, 1050)",
            )
            .execute(tx)
            .await?;
            Ok(())
        })
        .await
        .unwrap();
    let (one, two) = tokio::join!(outbox::fan_out(w.db()), outbox::fan_out(w.db()));
    one.and(two).unwrap();
    assert_eq!(w.told().await.len(), 1050);
    let sizes = w.text("SELECT string_agg(event_count::text, ' ' ORDER BY event_count) FROM webhook_message").await;
    assert_eq!(sizes, "50 100 100 100 100 100 100 100 100 100 100");
    let distinct = w
        .database
        .count("SELECT count(DISTINCT e->>'contact_id') FROM webhook_message m, jsonb_array_elements(m.body::jsonb->'data') e")
        .await;
    assert_eq!(distinct, 1050);
}

#[tokio::test]
async fn one_tenants_facts_go_to_no_other_tenants_webhook() {
    let w = World::new().await;
    let rival = TestTenant::create(w.db(), "rival").await.owner();
    let (theirs, _) = w.webhook_of(&rival, &ALL_OF_CONTACTS).await;
    w.webhook(&ALL_OF_CONTACTS).await;
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    assert_eq!(
        w.text("SELECT string_agg(tenant_id::text, ' ') FROM webhook_message").await,
        w.actor.tenant_id.to_string()
    );
    assert!(webhook::get(w.db(), &w.actor, theirs).await.is_err());
    let page = log::list(w.db(), &rival, theirs, &log::Filter::default(), &Default::default()).await;
    assert_eq!(page.unwrap().items.len(), 0);
}

#[tokio::test]
async fn a_batch_is_worked_on_by_one_at_a_time_and_again_when_its_lease_ran_out() {
    let w = World::new().await;
    let (id, _) = w.webhook(&[Topic::ContactCreated]).await;
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    let batch = w.claim().await.unwrap();
    assert_eq!((batch.webhook, batch.messages.len(), batch.secrets.len()), (id, 1, 1));
    assert!(w.claim().await.is_none(), "it is taken");
    // As if the sender had been killed, and its time were over.
    w.database
        .execute_as_owner("UPDATE webhook_queue SET leased_until = now() - interval '1 second'")
        .await;
    let again = claim(w.db(), &w.keys, WorkerId::new()).await.unwrap().unwrap();
    assert_eq!(again.messages[0].id, batch.messages[0].id, "the same webhook-id");
    w.answer(&again, Some(200)).await;
    // The first one comes late: what is recorded stays.
    w.answer(&batch, None).await;
    assert_eq!(w.text("SELECT state || ' ' || attempts FROM webhook_message").await, "delivered 1");
    assert_eq!(w.database.count("SELECT count(*) FROM webhook_attempt").await, 1);
    w.database.execute_as_owner("UPDATE webhook_queue SET leased_until = NULL").await;
    assert!(w.claim().await.is_none_or(|batch| batch.messages.is_empty()), "nothing is left");
}

#[tokio::test]
async fn a_message_that_fails_is_tried_for_three_days_and_then_given_up_and_its_webhook_turned_off() {
    let w = World::new().await;
    let (id, _) = w.webhook(&[Topic::ContactCreated]).await;
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    let mut tries = 0;
    let start = w.db().now();
    while w.text("SELECT state FROM webhook_message").await == "pending" {
        if let Some(batch) = w.claim().await {
            tries += batch.messages.len();
            w.answer(&batch, Some(503)).await;
        }
        w.database.clock.advance(TimeDelta::minutes(30));
        assert!(w.db().now() < start + TimeDelta::hours(80), "it ends");
    }
    assert!((10..=12).contains(&tries), "{tries} tries");
    assert_eq!(
        w.text("SELECT concat_ws(' ', state, reason, status, error) FROM webhook_message").await,
        "failed given_up 503 HTTP 503"
    );
    let answer = w.text("SELECT max(length(answer)) || ' ' || bool_or(answer LIKE '<script>%') FROM webhook_attempt").await;
    assert_eq!(answer, "2048 true");
    // Nothing has gone through for three days: the next failure turns it off.
    w.contact("hanako@example.jp").await;
    w.fan_out().await;
    let batch = w.claim().await.unwrap();
    w.answer(&batch, None).await;
    let seen = webhook::get(w.db(), &w.actor, id).await.unwrap();
    assert!(!seen.enabled);
    assert_eq!(seen.disabled_reason, Some(webhook::DisabledReason::Failing));
    assert_eq!(seen.last_error.as_deref(), Some("connection refused"));
    assert_eq!(w.database.count("SELECT count(*) FROM audit_entry WHERE action = 'webhook.disabled'").await, 1);
    // Turned on again, and all that failed sent once more.
    let on = WebhookChange {
        enabled: Some(true),
        ..WebhookChange::default()
    };
    webhook::update(w.db(), &Rules::default(), &w.actor, id, seen.version, on).await.unwrap();
    assert_eq!(log::replay_failed(w.db(), &w.actor, id, start).await.unwrap(), 1);
    let batch = w.claim().await.unwrap();
    assert_eq!(batch.messages.len(), 2);
    w.answer(&batch, Some(204)).await;
    assert_eq!(w.text("SELECT string_agg(DISTINCT state, ' ') FROM webhook_message").await, "delivered");
    let seen = webhook::get(w.db(), &w.actor, id).await.unwrap();
    assert_eq!((seen.failures, seen.failing_since), (0, None));
}

#[tokio::test]
async fn one_that_answers_410_is_turned_off_at_once() {
    let w = World::new().await;
    let (id, _) = w.webhook(&[Topic::ContactCreated]).await;
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    let batch = w.claim().await.unwrap();
    w.answer(&batch, Some(410)).await;
    let seen = webhook::get(w.db(), &w.actor, id).await.unwrap();
    assert_eq!((seen.enabled, seen.disabled_reason), (false, Some(webhook::DisabledReason::Gone)));
    w.contact("hanako@example.jp").await;
    assert_eq!(w.database.count("SELECT count(*) FROM outbox").await, 0);
    assert_eq!(log::send_test(w.db(), &w.actor, id).await.unwrap_err().code(), "webhook_off");
}

#[tokio::test]
async fn one_that_fails_gets_one_message_at_a_time_and_a_test_goes_first() {
    let w = World::new().await;
    let (id, _) = w.webhook(&[Topic::ContactCreated, Topic::ContactUpdated]).await;
    for n in 0..8 {
        w.contact(&format!("p{n}@example.jp")).await;
        w.fan_out().await;
    }
    let batch = w.claim().await.unwrap();
    assert_eq!(batch.messages.len(), 8);
    w.answer(&batch, None).await;
    w.database.clock.advance(TimeDelta::seconds(10));
    assert!(w.claim().await.is_none(), "it rests");
    let test = log::send_test(w.db(), &w.actor, id).await.unwrap();
    let batch = w.claim().await.unwrap();
    assert_eq!(batch.messages.len(), 1);
    assert_eq!(batch.messages[0].id, test.id);
    w.answer(&batch, Some(200)).await;
    assert_eq!(w.claim().await.unwrap().messages.len(), 8, "it is well again");
}

#[tokio::test]
async fn a_tenant_with_many_slow_webhooks_leaves_room_for_others() {
    let w = World::new().await;
    for _ in 0..6 {
        w.webhook(&[Topic::ContactCreated]).await;
    }
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    let mut taken = Vec::new();
    while let Some(batch) = w.claim().await {
        taken.push(batch);
    }
    assert_eq!(taken.len(), 4);
    let rival = TestTenant::create(w.db(), "rival").await.owner();
    let (theirs, _) = w.webhook_of(&rival, &[Topic::ContactCreated]).await;
    log::send_test(w.db(), &rival, theirs).await.unwrap();
    assert_eq!(w.claim().await.unwrap().webhook, theirs);
}

#[tokio::test]
async fn old_messages_are_swept_and_what_waits_at_one_that_is_off_is_given_up() {
    let w = World::new().await;
    let (id, _) = w.webhook(&[Topic::ContactCreated]).await;
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    let batch = w.claim().await.unwrap();
    w.answer(&batch, Some(200)).await;
    w.contact("hanako@example.jp").await;
    w.fan_out().await;
    let off = WebhookChange {
        enabled: Some(false),
        ..WebhookChange::default()
    };
    webhook::update(w.db(), &Rules::default(), &w.actor, id, 1, off).await.unwrap();
    w.database.clock.advance(TimeDelta::days(8));
    domain::housekeeping::run_once(w.db()).await.unwrap();
    assert_eq!(w.text("SELECT string_agg(state || ' ' || reason, ',') FROM webhook_message").await, "failed given_up");
    w.database.clock.advance(TimeDelta::days(31));
    domain::housekeeping::run_once(w.db()).await.unwrap();
    assert_eq!(w.database.count("SELECT count(*) FROM webhook_message").await, 0);
}

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
    [hex, STANDARD.encode(secret), String::from_utf8_lossy(secret).into_owned()]
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
    route::create(w.db(), &w.keys, &w.actor, relay).await.unwrap();
    let domain = sender_domain::create(w.db(), &w.keys, &w.actor, "example.co.jp").await.unwrap();
    let (id, first) = w.webhook(&[Topic::ContactCreated]).await;
    let (_, second) = webhook::rotate_secret(w.db(), &w.keys, &w.actor, id).await.unwrap();
    let answer = domain::idempotency::Answer {
        status: 201,
        headers: Vec::new(),
        body: format!("{{\"secret\": \"{}\"}}", second.expose_secret()).into_bytes(),
    };
    domain::idempotency::claim(w.db(), &w.keys, &w.actor, "k", &[0; 32]).await.unwrap();
    domain::idempotency::store(w.db(), &w.keys, &w.actor, "k", &answer).await.unwrap();
    let (db, tenant) = (w.database.db.clone(), w.actor.tenant_id);
    let signing = async |keys: Keys| {
        sender_domain::signing_keys(&db, &keys, tenant, "example.co.jp").await
    };
    let dkim = signing(Keys::from_master(&old).unwrap()).await.unwrap();
    assert_eq!(domain.keys.len(), 2);

    let dumped = dump(&w.database);
    assert!(dumped.contains("example.co.jp"), "the dump was read");
    let decoded = |shown: &SecretString| {
        let text = shown.expose_secret().strip_prefix("whsec_").unwrap();
        STANDARD.decode(text).unwrap()
    };
    let mut known = vec![password.as_bytes().to_vec(), decoded(&first), decoded(&second)];
    known.extend(dkim.iter().map(|key| key.private.clone()));
    known.extend([old.to_vec(), first.expose_secret().as_bytes().to_vec(), second.expose_secret().as_bytes().to_vec()]);
    for secret in &known {
        for form in forms(secret) {
            assert!(!dumped.contains(&form), "a secret stands in the dump: {} bytes", secret.len());
        }
    }

    // A log-in and links under the old key.
    let tokens = AccessTokens::new(&w.keys).unwrap();
    let device = Device {
        ip: None,
        user_agent: "test".to_owned(),
    };
    let hasher = TestTenant::hasher();
    let me = session::log_in(w.db(), &hasher, &tokens, "acme-owner", TEST_PASSWORD.into(), device).await.unwrap();
    let link = w.keys.mac("delivery token", b"a link in a mail");

    let ring = Keys::ring(&[new, old], &[]).unwrap();
    let done: BTreeMap<&str, u64> = rotate::run(w.db(), &ring).await.unwrap().into_iter().map(|r| (r.column, r.secrets)).collect();
    assert_eq!(
        done,
        BTreeMap::from([("body_sealed", 1), ("old_secret_sealed", 1), ("password_sealed", 1), ("private_key_sealed", 2), ("secret_sealed", 1)])
    );
    assert_eq!(rotate::waiting(w.db(), &ring).await.unwrap(), 0);
    assert!(rotate::run(w.db(), &ring).await.unwrap().iter().all(|r| r.secrets == 0), "a second time finds nothing");

    // Everybody stays logged in, by the access token and by the refresh token.
    let tokens = AccessTokens::new(&ring).unwrap();
    tokens.check(me.access_token.expose_secret(), w.db().now()).unwrap();
    let cookie = me.refresh_token.unwrap();
    let refreshed = session::refresh(w.db(), &tokens, cookie.expose_secret()).await.unwrap();
    assert_ne!(kid(me.access_token.expose_secret()), kid(refreshed.access_token.expose_secret()));

    // The old master key is taken out; links of old mails still hold.
    w.keys = Keys::from_master(&new).unwrap();
    assert!(!w.keys.verify("delivery token", b"a link in a mail", &link));
    let retired = retired_file(&new, &old);
    assert!(retired.verify("delivery token", b"a link in a mail", &link));
    let again = signing(retired).await.unwrap();
    assert_eq!(again[0].private, dkim[0].private);
    log::send_test(w.db(), &w.actor, id).await.unwrap();
    assert_eq!(w.claim().await.unwrap().secrets.len(), 2);
    assert!(AccessTokens::new(&w.keys).unwrap().check(me.access_token.expose_secret(), w.db().now()).is_err());
    assert!(!dump(&w.database).contains(password));
}

fn kid(token: &str) -> String {
    token.split('.').next().unwrap().to_owned()
}

/// As `kikubari secrets retire` writes it.
fn retired_file(new: &[u8; 32], old: &[u8; 32]) -> Keys {
    let file = std::env::temp_dir().join(format!("kikubari-keys-{}", WorkerId::new()));
    std::fs::write(&file, format!("{}\n{}\n", STANDARD.encode(new), STANDARD.encode(old))).unwrap();
    let read = domain::secret::KeyFile::read(&file).unwrap();
    std::fs::write(&file, read.retired().unwrap().to_text()).unwrap();
    let keys = Keys::from_file(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    keys
}
