//! Log-in, refresh and log-out over HTTP.

use awc::cookie::{Cookie, SameSite};
use domain::session::password::Who;
use domain::testing::TEST_PASSWORD;
use serde_json::json;

use crate::support::{Answer, TestApp};

fn refresh_cookie(answer: &Answer) -> Cookie<'static> {
    Cookie::parse(answer.header("set-cookie").to_owned()).expect("a cookie")
}

async fn log_in(app: &TestApp, login_id: &str) -> Answer {
    app.post("/v1/auth/login")
        .json(&json!({"login_id": login_id, "password": TEST_PASSWORD}))
        .send()
        .await
}

async fn refresh(app: &TestApp, cookie: &Cookie<'static>) -> Answer {
    app.post("/v1/auth/refresh")
        .header("Origin", &app.state.config.public_url)
        .header("X-Kikubari-Client", "web")
        .cookie(cookie)
        .send()
        .await
}

#[actix_web::test]
async fn the_refresh_cookie_is_for_this_host_over_tls_and_out_of_reach_of_scripts() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let cookie = refresh_cookie(&log_in(&app, "acme-owner").await);
    assert_eq!(cookie.name(), "__Host-kikubari_refresh");
    assert_eq!(
        (cookie.secure(), cookie.http_only()),
        (Some(true), Some(true))
    );
    assert_eq!(
        (cookie.same_site(), cookie.path(), cookie.domain()),
        (Some(SameSite::Strict), Some("/"), None)
    );
}

#[actix_web::test]
async fn a_refresh_gives_a_working_token_and_a_new_cookie() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let first = refresh_cookie(&log_in(&app, "acme-owner").await);
    let answer = refresh(&app, &first).await;
    let second = refresh_cookie(&answer);
    assert_ne!(first.value(), second.value());
    let token = answer.expect(200)["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert_eq!(
        app.get("/v1/me").by(&token).send().await.expect(200)["login_id"],
        "acme-owner"
    );
}

#[actix_web::test]
async fn a_refresh_from_another_site_is_refused_and_the_session_lives_on() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let cookie = refresh_cookie(&log_in(&app, "acme-owner").await);
    let without_origin = app
        .post("/v1/auth/refresh")
        .header("X-Kikubari-Client", "web")
        .cookie(&cookie)
        .send()
        .await;
    assert_eq!(without_origin.expect(403)["code"], "foreign_request");
    let foreign = app
        .post("/v1/auth/refresh")
        .header("Origin", "https://evil.example")
        .header("X-Kikubari-Client", "web");
    assert_eq!(
        foreign.cookie(&cookie).send().await.expect(403)["code"],
        "foreign_request"
    );
    let plain = app
        .post("/v1/auth/refresh")
        .header("Origin", &app.state.config.public_url)
        .cookie(&cookie)
        .send()
        .await;
    assert_eq!(plain.expect(403)["code"], "foreign_request");
    refresh(&app, &cookie).await.expect(200);
}

#[actix_web::test]
async fn log_out_ends_the_session_and_takes_the_cookie_away() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let answer = log_in(&app, "acme-owner").await;
    let cookie = refresh_cookie(&answer);
    let token = answer.expect(200)["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let out = app
        .post("/v1/auth/logout")
        .header("Origin", &app.state.config.public_url)
        .header("X-Kikubari-Client", "web")
        .cookie(&cookie)
        .send()
        .await;
    assert_eq!(out.status, 204);
    assert_eq!(refresh_cookie(&out).value(), "");
    assert_eq!(
        app.get("/v1/me").by(&token).send().await.expect(401)["code"],
        "session_ended"
    );
    assert_eq!(
        refresh(&app, &cookie).await.expect(401)["code"],
        "session_ended"
    );
}

#[actix_web::test]
async fn a_disabled_person_is_out_at_once() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let editor = app.log_in("acme-editor").await;
    let people = app.get("/v1/users").by(&owner).send().await.expect(200);
    let row = people["items"]
        .as_array()
        .expect("items")
        .iter()
        .find(|u| u["login_id"] == "acme-editor")
        .expect("the editor");
    let path = format!("/v1/users/{}", row["id"].as_str().expect("an id"));
    let version = row["version"].as_i64().expect("a version");
    app.patch(&path)
        .by(&owner)
        .if_match(version)
        .json(&json!({"disabled": true}))
        .send()
        .await
        .expect(200);
    app.get("/v1/me").by(&editor).send().await.expect(401);
    log_in(&app, "acme-editor").await.expect(401);
    app.patch(&path)
        .by(&owner)
        .if_match(version)
        .json(&json!({"disabled": false}))
        .send()
        .await
        .expect(412);
}

#[actix_web::test]
async fn the_last_owner_cannot_be_taken_away() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let path = format!("/v1/users/{}", tenant.owner_id);
    for change in [json!({"disabled": true}), json!({"role": "viewer"})] {
        let answer = app
            .patch(&path)
            .by(&owner)
            .if_match(1)
            .json(&change)
            .send()
            .await;
        assert_eq!(answer.expect(409)["code"], "last_owner");
    }
}

#[actix_web::test]
async fn a_log_in_too_many_at_a_time_hears_so_at_once_and_when_to_come_back() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let hasher = app.state.hasher.clone();
    let crowd: Vec<_> = std::iter::from_fn(|| hasher.enter(Who::Stranger).ok()).collect();
    for login_id in ["acme-owner", "nobody-here"] {
        let refused = log_in(&app, login_id).await;
        assert_eq!(refused.header("retry-after"), "3");
        assert_eq!(refused.expect(503)["code"], "overloaded", "{login_id}");
    }
    drop(crowd);
    log_in(&app, "acme-owner").await.expect(200);
}
