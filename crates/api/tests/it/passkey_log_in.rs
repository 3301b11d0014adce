//! Logging in with a passkey alone, over HTTP.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::clock::Clock;
use domain::testing::SoftAuthenticator;
use serde_json::{Value, json};

use crate::second_factor::{add_passkey_with_handle, asserted, bytes};
use crate::support::{Answer, TestApp};

async fn challenge(app: &TestApp) -> Value {
    let path = "/v1/auth/passkey-login-challenges";
    let asked = app.post(path).send().await;
    assert_eq!(asked.header("cache-control"), "no-store");
    asked.expect(200)
}

async fn log_in(
    app: &TestApp,
    asked: &Value,
    handle: &Value,
    key: &mut SoftAuthenticator,
) -> Answer {
    let passkey = asserted(&key.get(&bytes(&asked["challenge"])));
    let body = json!({"token": asked["token"], "user_handle": handle, "passkey": passkey});
    app.post("/v1/auth/passkey-logins").json(&body).send().await
}

#[actix_web::test]
async fn a_passkey_logs_in_by_itself_and_the_challenge_names_nobody() {
    let app = TestApp::with_name(Clock::system()).await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let (mut key, handle) = add_passkey_with_handle(&app, &token).await;
    let asked = challenge(&app).await;
    let fields: Vec<&String> = asked.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["challenge", "expires_in", "rp_id", "token"]);
    assert_eq!(
        (&asked["rp_id"], &asked["expires_in"]),
        (&json!("localhost"), &json!(300))
    );
    let opened = log_in(&app, &asked, &handle, &mut key).await;
    let cookies = opened.header("set-cookie").to_owned();
    assert!(cookies.starts_with("__Host-kikubari_refresh="), "{cookies}");
    let session = opened.expect(200);
    assert_eq!(session["me"]["login_id"], "acme-owner");
    let by = session["access_token"].as_str().expect("a token");
    app.get("/v1/lists").by(by).send().await.expect(200);
    let seen = app
        .get("/v1/auth/second-factors")
        .by(by)
        .send()
        .await
        .expect(200);
    assert_eq!(seen["passkeys"][0]["discoverable"], true);
    let again = log_in(&app, &asked, &handle, &mut key).await.expect(401);
    assert_eq!(again["code"], "challenge_over");
}

#[actix_web::test]
async fn an_unknown_passkey_is_refused_like_a_wrong_one_and_malformed_input_at_its_place() {
    let app = TestApp::with_name(Clock::system()).await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let (mut key, handle) = add_passkey_with_handle(&app, &token).await;
    let asked = challenge(&app).await;
    let mut stranger = SoftAuthenticator::new(&app.state.config.public_url);
    let unknown = log_in(&app, &asked, &handle, &mut stranger)
        .await
        .expect(401);
    let asked = challenge(&app).await;
    let nobody = json!(URL_SAFE_NO_PAD.encode([7; 32]));
    let nobody = log_in(&app, &asked, &nobody, &mut stranger)
        .await
        .expect(401);
    let asked = challenge(&app).await;
    key.origin = "https://evil.example".to_owned();
    let wrong = log_in(&app, &asked, &handle, &mut key).await.expect(401);
    for refused in [&unknown, &nobody, &wrong] {
        assert_eq!(refused["code"], "wrong_passkey");
        assert_eq!(refused["detail"], wrong["detail"]);
    }
    let asked = challenge(&app).await;
    for (handle, code) in [
        ("no base64url!", "malformed"),
        (&*"A".repeat(89), "too_long"),
    ] {
        let refused = log_in(&app, &asked, &json!(handle), &mut key)
            .await
            .expect(422);
        let error = &refused["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!("/user_handle"), &json!(code))
        );
    }
}

#[actix_web::test]
async fn where_the_service_has_no_name_nobody_is_asked_for_a_passkey() {
    let app = TestApp::new().await;
    let path = "/v1/auth/passkey-login-challenges";
    let refused = app.post(path).send().await.expect(409);
    assert_eq!(refused["code"], "passkeys_impossible");
}
