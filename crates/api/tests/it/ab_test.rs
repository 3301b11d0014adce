//! A/B tests over HTTP: written, checked, sent, decided by hand, read.

use domain::campaign::ab_test;
use domain::campaign::freeze::{Frozen, freeze_next_chunk};
use domain::ids::WorkerId;
use domain::mail::content::ContentChange;
use domain::mail::{self, NewMail};
use domain::template;
use domain::tenant::{self, TenantChange};
use domain::testing::TestTenant;
use serde_json::{Value, json};

use crate::support::TestApp;

fn plan(variants: &[Value]) -> Value {
    json!({"ab_test": {
        "share": 20, "metric": "clicks", "decision": "manual", "wait_minutes": 240, "variants": variants
    }})
}

fn subjects() -> Value {
    plan(&[
        json!({"subject": "春の新商品"}),
        json!({"subject": "春の新商品のご案内", "sender_name": "acme 春"}),
    ])
}

/// What a tenant needs to send, and the id of a mail.
async fn ready(app: &TestApp, tenant: &TestTenant) -> String {
    let (db, actor, t) = (&app.database.db, tenant.owner(), tenant.id);
    let change = TenantChange {
        legal_sender_name: Some("株式会社acme".to_owned()),
        legal_postal_address: Some("東京都千代田区1-1-1".to_owned()),
        legal_contact: Some("info@acme.example.jp".to_owned()),
        ..TenantChange::default()
    };
    tenant::update(db, &actor, 1, change).await.unwrap();
    app.database
        .execute_as_owner(&format!(
            "INSERT INTO route (tenant_id, id, name, host, port, security)
             VALUES ('{t}', gen_random_uuid(), 'relay', '127.0.0.1', 1025, 'none');
             INSERT INTO sender_domain (tenant_id, id, domain) VALUES ('{t}', gen_random_uuid(), 'acme.example.jp');
             INSERT INTO dkim_key (tenant_id, id, sender_domain_id, selector, algorithm, private_key_sealed, public_key)
             SELECT tenant_id, gen_random_uuid(), id, 's1', 'rsa-sha256', '\\x00', 'x' FROM sender_domain;
             INSERT INTO contact (tenant_id, id, email, email_key, created_at, updated_at)
             SELECT '{t}', gen_random_uuid(), 'p' || i || '@example.jp', 'p' || i || '@example.jp', now(), now()
             FROM generate_series(1, 100) i"
        ))
        .await;
    let from = template::get_supplied(db, &actor, template::FIRST_MAIL)
        .await
        .unwrap();
    let new = NewMail {
        name: "お知らせ".to_owned(),
        from_template_id: Some(from.id),
        content: ContentChange {
            sender_name: Some("acme".to_owned()),
            sender_address: Some("news@acme.example.jp".to_owned()),
            ..ContentChange::default()
        },
        ..NewMail::default()
    };
    mail::create(db, &actor, new).await.unwrap().id.to_string()
}

/// A draft to everybody; answers its path.
async fn draft(app: &TestApp, token: &str, mail: &str) -> String {
    let body = json!({"name": "春の新商品", "mail_id": mail, "audience": {"all": true}});
    let made = app
        .post("/v1/campaigns")
        .by(token)
        .json(&body)
        .send()
        .await
        .expect(201);
    format!("/v1/campaigns/{}", made["id"].as_str().unwrap())
}

#[actix_web::test]
async fn a_test_is_written_read_changed_and_taken_away() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let mail = ready(&app, &tenant).await;
    let path = draft(&app, &token, &mail).await;
    let change = async |version: i64, body: &Value| {
        let call = app.patch(&path).by(&token).if_match(version).json(body);
        call.send().await
    };
    let set = change(1, &subjects()).await.expect(200);
    assert_eq!(
        (&set["ab_test"]["share"], &set["ab_test"]["winner"]),
        (&json!(20), &Value::Null)
    );
    assert_eq!(
        set["ab_test"]["variants"][1],
        json!({"mail_id": null, "subject": "春の新商品のご案内", "sender_name": "acme 春", "sender_address": null})
    );
    let read = app.get(&path).by(&token).send().await.expect(200);
    assert_eq!(read["ab_test"], set["ab_test"]);
    // Another change leaves it as it is.
    let named = change(2, &json!({"name": "春"})).await.expect(200);
    assert_eq!(named["ab_test"], set["ab_test"]);
    let gone = change(3, &json!({"ab_test": null})).await.expect(200);
    assert_eq!(gone["ab_test"], Value::Null);
    let variants = format!("{path}/variants");
    let none = app.get(&variants).by(&token).send().await.expect(200);
    assert_eq!(none, json!({"variants": [], "waiting": 0}));
}

#[actix_web::test]
async fn what_is_wrong_with_a_test_is_said_where_it_stands() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let other = app.tenant("other").await;
    let token = app.log_in("acme-owner").await;
    let mail = ready(&app, &tenant).await;
    let path = draft(&app, &token, &mail).await;
    let theirs = mail::create(
        &app.database.db,
        &other.owner(),
        NewMail {
            name: "theirs".to_owned(),
            ..NewMail::default()
        },
    )
    .await
    .unwrap()
    .id
    .to_string();
    let (a, b) = (json!({"subject": "A"}), json!({"subject": "B"}));
    let with = |field: &str, value: Value| {
        let mut body = plan(&[a.clone(), b.clone()]);
        body["ab_test"][field] = value;
        body
    };
    for (body, pointer) in [
        (with("share", json!(0)), "/ab_test/share"),
        (with("share", json!(51)), "/ab_test/share"),
        (with("wait_minutes", json!(0)), "/ab_test/wait_minutes"),
        (with("wait_minutes", json!(10_081)), "/ab_test/wait_minutes"),
        (with("variants", json!([a])), "/ab_test/variants"),
        (
            with(
                "variants",
                json!([a, b, {"subject": "C"}, {"subject": "D"}, {"subject": "E"}, {"subject": "F"}]),
            ),
            "/ab_test/variants",
        ),
        (with("variants", json!([a, a])), "/ab_test/variants/1"),
        (
            with(
                "variants",
                json!([a, {"subject": "B\r\nBcc: x@example.jp"}]),
            ),
            "/ab_test/variants/1/subject",
        ),
        (
            with("variants", json!([a, {"sender_address": "nobody"}])),
            "/ab_test/variants/1/sender_address",
        ),
        (
            with("variants", json!([a, {"mail_id": theirs}])),
            "/ab_test/variants/1/mail_id",
        ),
    ] {
        let problem = app
            .patch(&path)
            .by(&token)
            .if_match(1)
            .json(&body)
            .send()
            .await
            .expect(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    for body in [
        with("metric", json!("luck")),
        with("decision", json!("by_dice")),
        with("surprise", json!(1)),
    ] {
        let answer = app.patch(&path).by(&token).if_match(1).json(&body);
        answer.send().await.expect(422);
    }
}

#[actix_web::test]
async fn a_test_goes_out_first_and_a_person_chooses_what_the_rest_gets() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let mail = ready(&app, &tenant).await;
    let path = draft(&app, &token, &mail).await;
    let winner = async |token: &str, variant: i64| {
        let call = app.post(&format!("{path}/winner")).by(token);
        call.json(&json!({"variant": variant})).send().await
    };
    let early = winner(&token, 1).await.expect(409);
    assert_eq!(early["code"], "no_ab_test");
    let call = app.patch(&path).by(&token).if_match(1).json(&subjects());
    call.send().await.expect(200);
    let early = winner(&token, 1).await.expect(409);
    assert_eq!(early["code"], "wrong_state", "nobody waits in a draft");
    let call = app
        .post(&format!("{path}/send"))
        .by(&token)
        .json(&json!({"confirmed_people": 100}));
    call.send().await.expect(200);
    let db = &app.database.db;
    let worker = WorkerId::new();
    while freeze_next_chunk(db, worker).await.unwrap() != Frozen::Nothing {}

    let results = async || {
        let call = app.get(&format!("{path}/variants")).by(&token);
        call.send().await.expect(200)
    };
    let before = results().await;
    assert_eq!(before["waiting"], 80);
    let people: Vec<&Value> = before["variants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| &variant["people"])
        .collect();
    assert_eq!(people, [&json!(10), &json!(10)]);

    let viewer = app.log_in("acme-viewer").await;
    winner(&viewer, 2).await.expect(403);
    winner(&token, 3).await.expect(422);
    let decided = winner(&token, 2).await.expect(200);
    let test = &decided["ab_test"]["winner"];
    assert_eq!(
        (
            &test["variant"],
            &test["how"],
            test["decided_by"].is_string()
        ),
        (&json!(2), &json!("by_hand"), true)
    );
    let again = winner(&token, 1).await.expect(409);
    assert_eq!(again["code"], "decided");
    // A mailer tells the rest.
    while ab_test::decide::run_once(db).await.unwrap() {}
    let after = results().await;
    assert_eq!(
        (&after["waiting"], &after["variants"][1]["people"]),
        (&json!(0), &json!(90))
    );
    // Another tenant finds nothing of it.
    app.tenant("other").await;
    let spy = app.log_in("other-owner").await;
    winner(&spy, 1).await.expect(404);
    let call = app.get(&format!("{path}/variants")).by(&spy);
    call.send().await.expect(404);
}
