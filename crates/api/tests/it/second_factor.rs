//! Second factors over HTTP: log-in in two steps, enrolment where the company
//! wants it, step-up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use domain::clock::Clock;
use domain::factor::passkey::Assertion;
use domain::testing::{SoftAuthenticator, TEST_PASSWORD};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

async fn post(app: &TestApp, path: &str, token: &str, body: &Value) -> Answer {
    app.post(path).by(token).json(body).send().await
}

async fn first_step(app: &TestApp, login_id: &str) -> Answer {
    app.post("/v1/auth/login")
        .json(&json!({"login_id": login_id, "password": TEST_PASSWORD}))
        .send()
        .await
}

async fn second_step(app: &TestApp, body: &Value) -> Answer {
    app.post("/v1/auth/second-factors").json(body).send().await
}

pub(crate) fn bytes(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode(text.as_str().expect("text"))
        .expect("base64url")
}

pub(crate) fn asserted(given: &Assertion) -> Value {
    json!({
        "credential_id": URL_SAFE_NO_PAD.encode(&given.credential_id),
        "client_data": URL_SAFE_NO_PAD.encode(&given.client_data),
        "authenticator_data": URL_SAFE_NO_PAD.encode(&given.authenticator_data),
        "signature": URL_SAFE_NO_PAD.encode(&given.signature),
    })
}

/// Adds a passkey; answers it with the recovery codes.
async fn add_passkey(app: &TestApp, token: &str) -> (SoftAuthenticator, Value) {
    let (key, made, _) = added(app, token).await;
    (key, made)
}

/// Adds a passkey; answers it with the user handle that it keeps.
pub(crate) async fn add_passkey_with_handle(
    app: &TestApp,
    token: &str,
) -> (SoftAuthenticator, Value) {
    let (key, _, handle) = added(app, token).await;
    (key, handle)
}

async fn added(app: &TestApp, token: &str) -> (SoftAuthenticator, Value, Value) {
    let options = app
        .post("/v1/auth/passkey-challenges")
        .by(token)
        .send()
        .await
        .expect(200);
    assert_eq!(options["rp_id"], "localhost");
    let mut key = SoftAuthenticator::new(&app.state.config.public_url);
    let answer = key.create(&bytes(&options["challenge"]));
    let body = json!({
        "token": options["token"], "name": "ノートPC", "discoverable": true,
        "client_data": URL_SAFE_NO_PAD.encode(&answer.client_data),
        "attestation_object": URL_SAFE_NO_PAD.encode(&answer.attestation_object),
    });
    let made = post(app, "/v1/auth/passkeys", token, &body)
        .await
        .expect(201);
    (key, made, options["user_id"].clone())
}

#[actix_web::test]
async fn a_passkey_is_added_and_opens_the_next_session() {
    let app = TestApp::with_name(Clock::system()).await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let (mut key, made) = add_passkey(&app, &token).await;
    assert_eq!(made["recovery_codes"].as_array().map(Vec::len), Some(10));
    let first = first_step(&app, "acme-owner").await;
    assert_eq!(
        first.header("set-cookie"),
        "",
        "no cookie for the password alone"
    );
    let question = first.expect(200)["second_factor"].clone();
    assert!(question["token"].is_string() && question["expires_in"] == 300);
    let challenge = bytes(&question["passkey"]["challenge"]);
    let body = json!({"token": question["token"], "passkey": asserted(&key.get(&challenge))});
    let opened = second_step(&app, &body).await;
    assert!(
        opened
            .header("set-cookie")
            .starts_with("__Host-kikubari_refresh=")
    );
    let session = opened.expect(200);
    let token = session["access_token"].as_str().expect("a token");
    assert_eq!(
        session["me"]["second_factor"],
        json!({"enrolled": true, "required": false})
    );
    let seen = app
        .get("/v1/auth/second-factors")
        .by(token)
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&seen["recovery_codes_left"], &seen["totp_since"]),
        (&json!(10), &Value::Null)
    );
    let id = seen["passkeys"][0]["id"].as_str().expect("an id");
    let path = format!("/v1/auth/passkeys/{id}");
    let call = app.patch(&path).by(token).json(&json!({"name": "  "}));
    call.send().await.expect(422);
    let other = app.log_in("acme-editor").await;
    app.delete(&path).by(&other).send().await.expect(404);
    app.delete(&path).by(token).send().await.expect(204);
}

#[actix_web::test]
async fn a_wrong_second_factor_is_401_and_the_body_says_exactly_one() {
    let app = TestApp::with_name(Clock::system()).await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let (_, made) = add_passkey(&app, &token).await;
    let question = first_step(&app, "acme-owner").await.expect(200)["second_factor"].clone();
    let answer = |name: &str, value: &Value| json!({"token": question["token"], name: value});
    let wrong = second_step(&app, &answer("totp", &json!("123456")))
        .await
        .expect(401);
    assert_eq!(wrong["code"], "wrong_second_factor");
    second_step(&app, &json!({"token": question["token"]}))
        .await
        .expect(422);
    let both = json!({"token": question["token"], "totp": "1", "recovery_code": "2"});
    second_step(&app, &both).await.expect(422);
    let nothing = second_step(&app, &json!({"token": "none", "totp": "123456"}))
        .await
        .expect(401);
    assert_eq!(nothing["code"], "challenge_over");
    let code = &made["recovery_codes"][0];
    second_step(&app, &answer("recovery_code", code))
        .await
        .expect(200);
    let again = first_step(&app, "acme-owner").await.expect(200)["second_factor"].clone();
    let body = json!({"token": again["token"], "recovery_code": code});
    second_step(&app, &body).await.expect(401);
}

#[actix_web::test]
async fn who_is_held_until_they_set_up_a_factor_goes_on_with_it_and_keeps_the_last_one() {
    let app = TestApp::with_name(Clock::system()).await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let viewer = app.log_in("acme-viewer").await;
    add_passkey(&app, &owner).await;
    let call = app.patch("/v1/tenant").by(&owner).if_match(1);
    let change = json!({"second_factor_required": true});
    call.json(&change).send().await.expect(200);
    let held = app.get("/v1/lists").by(&viewer).send().await.expect(403);
    assert_eq!(held["code"], "second_factor_required");
    let me = app.get("/v1/me").by(&viewer).send().await.expect(200);
    let expected = json!({"enrolled": false, "required": true});
    assert_eq!(me["second_factor"], expected);
    let (_, made) = add_passkey(&app, &viewer).await;
    let id = made["passkey"]["id"].as_str().expect("an id");
    app.get("/v1/lists").by(&viewer).send().await.expect(200);
    let path = format!("/v1/auth/passkeys/{id}");
    let last = app.delete(&path).by(&viewer).send().await.expect(409);
    assert_eq!(last["code"], "last_factor");
}

#[actix_web::test]
async fn an_export_asks_for_step_up_and_goes_on_after_it() {
    let app = TestApp::with_clock(Clock::fixed(Clock::system().now())).await;
    app.tenant("acme").await;
    let export = json!({"encoding": "utf-8", "columns": ["email"]});
    let log_in = app.log_in("acme-owner").await;
    // A little younger than ten minutes: a token lives no longer than that.
    let id: Value = app.get("/v1/sessions").by(&log_in).send().await.expect(200);
    let id = id["items"][0]["id"].as_str().expect("an id").to_owned();
    let back = format!(
        "UPDATE session SET stepped_up_at = stepped_up_at - interval '10 minutes' WHERE id = '{id}'"
    );
    app.database.execute_as_owner(&back).await;
    let refused = post(&app, "/v1/exports", &log_in, &export)
        .await
        .expect(403);
    assert_eq!(refused["code"], "step_up_required");
    let question = app
        .post("/v1/auth/step-up-challenges")
        .by(&log_in)
        .send()
        .await
        .expect(200);
    assert_eq!(question["methods"], json!(["password"]));
    let path = "/v1/auth/step-up";
    post(
        &app,
        path,
        &log_in,
        &json!({"password": "wrong wrong wrong"}),
    )
    .await
    .expect(422);
    post(&app, path, &log_in, &json!({"password": TEST_PASSWORD}))
        .await
        .expect(200);
    post(&app, "/v1/exports", &log_in, &export)
        .await
        .expect(202);
    app.database.clock.advance(TimeDelta::minutes(11));
    app.get("/v1/me").by(&log_in).send().await.expect(401);
}

#[actix_web::test]
async fn where_the_service_has_no_name_passkeys_are_told_to_be_impossible() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let answer = app
        .post("/v1/auth/passkey-challenges")
        .by(&token)
        .send()
        .await;
    assert_eq!(answer.expect(409)["code"], "passkeys_impossible");
    let seen = app
        .get("/v1/auth/second-factors")
        .by(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(seen["passkeys_possible"], false);
}

#[actix_web::test]
async fn an_app_is_set_up_and_removed() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let enrolment = app
        .post("/v1/auth/totp")
        .by(&token)
        .send()
        .await
        .expect(201);
    let secret = enrolment["secret"].as_str().expect("a secret");
    assert_eq!(secret.len(), 32);
    assert!(
        enrolment["uri"]
            .as_str()
            .is_some_and(|uri| uri.contains(secret))
    );
    let body = json!({"code": "000000"});
    let wrong = post(&app, "/v1/auth/totp/confirm", &token, &body)
        .await
        .expect(422);
    assert_eq!(wrong["errors"][0]["code"], "wrong_code");
    app.delete("/v1/auth/totp")
        .by(&token)
        .send()
        .await
        .expect(204);
    app.delete("/v1/auth/totp")
        .by(&token)
        .send()
        .await
        .expect(404);
    post(&app, "/v1/auth/totp/confirm", &token, &body)
        .await
        .expect(409);
}

/// Whoever gave the password would otherwise plant a factor of their own, which
/// stays when the person changes it.
#[actix_web::test]
async fn under_a_password_that_somebody_else_gave_no_factor_is_set_up() {
    let app = TestApp::with_name(Clock::system()).await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let body = json!({"login_id": "acme-new", "display_name": "新人", "email": "new@example.jp", "role": "editor",
        "password": TEST_PASSWORD});
    post(&app, "/v1/users", &owner, &body).await.expect(201);
    app.database
        .execute_as_owner("UPDATE tenant SET second_factor_required = true")
        .await;
    let token = app.log_in("acme-new").await;
    for path in ["/v1/auth/totp", "/v1/auth/passkey-challenges"] {
        let refused = app.post(path).by(&token).send().await.expect(403);
        assert_eq!(refused["code"], "password_expired", "{path}");
    }
    // First the password, then the factor.
    let new = "gakubuchi no ura ni kakusu";
    let judged = post(
        &app,
        "/v1/auth/password-checks",
        &token,
        &json!({ "password": new }),
    )
    .await;
    judged.expect(200);
    let body = json!({"current_password": TEST_PASSWORD, "new_password": new});
    post(&app, "/v1/auth/password", &token, &body)
        .await
        .expect(204);
    let held = app.get("/v1/lists").by(&token).send().await.expect(403);
    assert_eq!(held["code"], "second_factor_required");
    add_passkey(&app, &token).await;
    app.get("/v1/lists").by(&token).send().await.expect(200);
}
