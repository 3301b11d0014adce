//! Idempotency keys.

use domain::testing::TEST_PASSWORD;
use serde_json::{Value, json};

use crate::support::TestApp;

fn person(name: &str) -> serde_json::Value {
    json!({"login_id": name, "display_name": name, "email": "a@example.jp", "role": "viewer", "password": "correct horse battery"})
}

#[actix_web::test]
async fn the_same_request_with_the_same_key_is_done_once() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let send = |body: serde_json::Value| {
        app.post("/v1/users")
            .by(&owner)
            .header("Idempotency-Key", "k-1")
            .json(&body)
            .send()
    };
    let first = send(person("taro")).await;
    let again = send(person("taro")).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("etag"), first.header("etag"));
    assert_eq!(first.expect(201), again.expect(201));
    assert_eq!(
        app.database
            .count("SELECT count(*) FROM user_account WHERE login_id = 'taro'")
            .await,
        1
    );
    let other = send(person("jiro")).await.expect(422);
    assert_eq!(other["errors"][0]["code"], "reused");
}

#[actix_web::test]
async fn a_key_belongs_to_one_person_and_to_one_tenant() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    app.tenant("other").await;
    for (login, name) in [("acme-owner", "taro"), ("other-owner", "hanako")] {
        let token = app.log_in(login).await;
        let answer = app
            .post("/v1/users")
            .by(&token)
            .header("Idempotency-Key", "k-1")
            .json(&person(name))
            .send()
            .await;
        assert_eq!(answer.expect(201)["login_id"], name);
    }
}

#[actix_web::test]
async fn an_unfit_key_is_refused_before_anything_is_done() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    for key in ["a b", ""] {
        let answer = app
            .post("/v1/users")
            .by(&owner)
            .header("Idempotency-Key", key)
            .json(&person("taro"))
            .send()
            .await;
        assert_eq!(
            answer.expect(422)["errors"][0]["pointer"],
            "/Idempotency-Key"
        );
    }
    assert_eq!(
        app.database
            .count("SELECT count(*) FROM user_account WHERE login_id = 'taro'")
            .await,
        0
    );
}

#[actix_web::test]
async fn a_refusal_that_can_be_mended_is_not_kept() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let session = app.get("/v1/sessions").by(&owner).send().await.expect(200);
    let id = session["items"][0]["id"].as_str().unwrap().to_owned();
    app.database
        .execute_as_owner(&format!(
            "UPDATE session SET stepped_up_at = stepped_up_at - interval '10 minutes' WHERE id = '{id}'"
        ))
        .await;
    let export = json!({"encoding": "utf-8", "columns": ["email"]});
    let send = || {
        app.post("/v1/exports")
            .by(&owner)
            .header("Idempotency-Key", "export-1")
            .json(&export)
            .send()
    };
    assert_eq!(send().await.expect(403)["code"], "step_up_required");
    // As the answer asks for: prove who you are, and send the same again.
    app.post("/v1/auth/step-up-challenges")
        .by(&owner)
        .send()
        .await
        .expect(200);
    let proof = json!({"password": TEST_PASSWORD});
    let step_up = app.post("/v1/auth/step-up").by(&owner).json(&proof);
    assert!(step_up.send().await.status.is_success());
    let made = send().await;
    assert_eq!(made.header("idempotency-replayed"), "");
    assert!(made.status.is_success(), "{}", made.status);

    // A permission that somebody got meanwhile.
    let viewer = app.log_in("acme-viewer").await;
    let list = || {
        app.post("/v1/lists")
            .by(&viewer)
            .header("Idempotency-Key", "list-1")
            .json(&json!({"name": "月刊ニュース"}))
            .send()
    };
    list().await.expect(403);
    let kept = "SELECT count(*) FROM idempotency_key WHERE key = 'list-1'";
    assert_eq!(app.database.count(kept).await, 0);
}

#[actix_web::test]
async fn a_secret_that_is_shown_once_is_kept_for_no_second_look() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let hook = json!({"url": "https://hooks.example.jp/kikubari", "events": ["contact.created"]});
    let send = async |path: &str, body: &Value| {
        app.post(path)
            .by(&owner)
            .header("Idempotency-Key", "hook-1")
            .json(body)
            .send()
            .await
    };
    let first = send("/v1/webhooks", &hook).await.expect(201);
    let again = send("/v1/webhooks", &hook).await;
    assert_eq!(again.header("idempotency-replayed"), "");
    assert_ne!(again.expect(201)["secret"], first["secret"]);
    let path = format!(
        "/v1/webhooks/{}/rotate-secret",
        first["id"].as_str().unwrap()
    );
    // However its path is spelled: the route decides.
    for path in [path.clone(), path.replace("/webhooks/", "/%77ebhooks/")] {
        let rotated = send(&path, &json!({})).await;
        assert_eq!(rotated.header("idempotency-replayed"), "");
    }
    let kept = "SELECT count(*) FROM idempotency_key";
    assert_eq!(app.database.count(kept).await, 0);
}
