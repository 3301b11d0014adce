//! Idempotency keys.

use serde_json::json;

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
