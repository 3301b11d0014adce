//! Forgotten passwords, invitations, password rules and networks over HTTP.

use api::state::ApiConfig;
use awc::cookie::{Cookie, SameSite};
use domain::clock::Clock;
use domain::system_mail::{self, Outcome};
use domain::testing::TEST_PASSWORD;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const NEW: &str = "gakubuchi no ura ni kakusu";

async fn log_in(app: &TestApp, login_id: &str, password: &str) -> Answer {
    app.post("/v1/auth/login")
        .json(&json!({"login_id": login_id, "password": password}))
        .send()
        .await
}

async fn ask(app: &TestApp, login: &str) -> Answer {
    app.post("/v1/auth/reset-requests")
        .json(&json!({ "login": login }))
        .send()
        .await
}

/// The links of the product's mails that are due.
async fn links(app: &TestApp) -> Vec<String> {
    app.state.background.settled().await;
    let db = &app.database.db;
    let mut links = Vec::new();
    for mail in system_mail::claim(db, &app.state.keys, 100)
        .await
        .expect("mails")
    {
        system_mail::settle(db, mail.tenant, mail.id, 1, &Outcome::Sent)
            .await
            .expect("settled");
        links.extend(mail.secret.map(|secret| secret.expose_secret().to_owned()));
    }
    links
}

async fn use_link(app: &TestApp, path: &str, token: &str, password: &str) -> Answer {
    app.post(path)
        .json(&json!({"token": token, "new_password": password}))
        .send()
        .await
}

fn browser_cookie(answer: &Answer) -> Cookie<'static> {
    let cookies = answer.headers.get_all("set-cookie");
    cookies
        .map(|value| Cookie::parse(value.to_str().expect("readable").to_owned()).expect("a cookie"))
        .find(|cookie| cookie.name() == "__Host-kikubari_browser")
        .expect("the browser is remembered")
}

#[actix_web::test]
async fn asking_for_a_link_answers_the_same_for_known_and_unknown_people() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let mut seen = Vec::new();
    for login in [
        "acme-owner",
        "owner@acme.example.jp",
        "nobody",
        "no id!",
        "",
    ] {
        let answer = ask(&app, login).await;
        let headers = ["content-type", "content-length", "set-cookie"];
        seen.push((
            answer.status,
            answer.bytes.clone(),
            headers.map(|name| answer.header(name).to_owned()),
        ));
    }
    assert_eq!(seen[0].0, 202);
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(links(&app).await.len(), 1, "one a minute");
}

#[actix_web::test]
async fn a_link_sets_a_password_once_and_logs_nobody_in() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let before = app.log_in("acme-owner").await;
    assert_eq!(ask(&app, "acme-owner").await.status, 202);
    let token = links(&app).await.pop().expect("a link");
    let look = app
        .post("/v1/auth/link-checks")
        .json(&json!({"token": token, "password": "1q2w3e4r5t6y"}))
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&look["purpose"], &look["login_id"], &look["min_length"]),
        (&json!("password_reset"), &json!("acme-owner"), &json!(12))
    );
    assert_eq!(look["password"]["problems"][0]["code"], "leaked");
    let leaked = use_link(&app, "/v1/auth/resets", &token, "1q2w3e4r5t6y").await;
    let leaked = leaked.expect(422);
    assert_eq!(
        (
            &leaked["errors"][0]["pointer"],
            &leaked["errors"][0]["code"]
        ),
        (&json!("/new_password"), &json!("leaked"))
    );
    let done = use_link(&app, "/v1/auth/resets", &token, NEW).await;
    assert_eq!(done.status, 204);
    let cookie = browser_cookie(&done);
    assert_eq!(
        (cookie.secure(), cookie.http_only(), cookie.same_site()),
        (Some(true), Some(true), Some(SameSite::Strict))
    );
    assert_eq!((cookie.path(), cookie.domain()), (Some("/"), None));
    assert!(
        !done
            .headers
            .get_all("set-cookie")
            .any(|c| c.to_str().is_ok_and(|c| c.contains("refresh"))),
        "no session"
    );
    app.get("/v1/me").by(&before).send().await.expect(401);
    log_in(&app, "acme-owner", TEST_PASSWORD).await.expect(401);
    log_in(&app, "acme-owner", NEW).await.expect(200);
    let again = use_link(&app, "/v1/auth/resets", &token, "thimble volcano quartz").await;
    assert_eq!(again.expect(422)["errors"][0]["code"], "link_invalid");
    for token in ["", "x", "AAAA", &"A".repeat(64)] {
        let refused = use_link(&app, "/v1/auth/resets", token, NEW).await;
        assert_eq!(refused.expect(422)["errors"][0]["code"], "link_invalid");
    }
}

#[actix_web::test]
async fn a_browser_of_an_earlier_log_in_gets_in_while_strangers_guess() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let cookie = browser_cookie(&log_in(&app, "acme-owner", TEST_PASSWORD).await);
    for _ in 0..6 {
        let wrong = log_in(&app, "acme-owner", "wrong wrong wrong").await;
        wrong.expect(401);
    }
    let slowed = log_in(&app, "acme-owner", TEST_PASSWORD).await;
    assert!(slowed.header("retry-after").parse::<u64>().is_ok());
    slowed.expect(429);
    let own = app
        .post("/v1/auth/login")
        .cookie(&cookie)
        .json(&json!({"login_id": "acme-owner", "password": TEST_PASSWORD}));
    own.send().await.expect(200);
}

#[actix_web::test]
async fn a_new_person_is_invited_comes_in_and_is_active() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let person = json!({"login_id": "newcomer", "display_name": "新人", "email": "new@acme.example.jp", "role": "viewer"});
    let made = app.post("/v1/users").by(&owner).json(&person);
    let made = made.send().await.expect(201);
    assert_eq!(made["state"], "invited");
    assert!(made["invitation_expires_at"].is_string());
    let first = links(&app).await.pop().expect("an invitation");
    let path = format!("/v1/users/{}/invitation", made["id"].as_str().unwrap());
    let again = app.post(&path).by(&owner).send().await.expect(200);
    assert_eq!(again["state"], "invited");
    let second = links(&app).await.pop().expect("another one");
    let accept = "/v1/auth/invitation-acceptances";
    use_link(&app, accept, &first, NEW).await.expect(422);
    assert_eq!(app.delete(&path).by(&owner).send().await.status, 204);
    use_link(&app, accept, &second, NEW).await.expect(422);
    let row = |all: Value| all["items"].as_array().unwrap().last().unwrap().clone();
    let listed = row(app.get("/v1/users").by(&owner).send().await.expect(200));
    assert_eq!(
        (&listed["state"], &listed["invitation_expires_at"]),
        (&json!("invited"), &Value::Null)
    );
    app.post(&path).by(&owner).send().await.expect(200);
    let third = links(&app).await.pop().expect("a third one");
    use_link(&app, accept, &third, NEW).await.expect(204);
    log_in(&app, "newcomer", NEW).await.expect(200);
    let listed = row(app.get("/v1/users").by(&owner).send().await.expect(200));
    assert_eq!(listed["state"], "active");
    let too_late = app.post(&path).by(&owner).send().await.expect(409);
    assert_eq!(too_late["code"], "not_invited");
}

#[actix_web::test]
async fn a_password_that_somebody_else_gave_has_to_be_changed_first() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let person = json!({"login_id": "given", "display_name": "新人", "email": "new@acme.example.jp", "role": "editor", "password": "thimble volcano quartz"});
    let made = app.post("/v1/users").by(&owner).json(&person);
    assert_eq!(made.send().await.expect(201)["state"], "active");
    let opened = log_in(&app, "given", "thimble volcano quartz")
        .await
        .expect(200);
    assert_eq!(opened["me"]["password"]["must_change"], true);
    let token = opened["access_token"].as_str().unwrap();
    let refused = app.get("/v1/contacts").by(token).send().await.expect(403);
    assert_eq!(refused["code"], "password_expired");
    let change = json!({"current_password": "thimble volcano quartz", "new_password": NEW});
    let changed = app.post("/v1/auth/password").by(token).json(&change);
    changed.send().await.expect(204);
    app.get("/v1/contacts").by(token).send().await.expect(200);
    let judged = app
        .post("/v1/auth/password-checks")
        .by(token)
        .json(&json!({"password": "given-given-given"}))
        .send()
        .await
        .expect(200);
    assert_eq!(judged["problems"][0]["code"], "contains_name");
}

#[actix_web::test]
async fn all_other_sessions_are_ended_at_once() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let here = app.log_in("acme-owner").await;
    let there = [
        app.log_in("acme-owner").await,
        app.log_in("acme-owner").await,
    ];
    let editor = app.log_in("acme-editor").await;
    assert_eq!(
        app.delete("/v1/sessions").by(&here).send().await.status,
        204
    );
    for token in &there {
        app.get("/v1/me").by(token).send().await.expect(401);
    }
    for token in [&here, &editor] {
        app.get("/v1/me").by(token).send().await.expect(200);
    }
}

#[actix_web::test]
async fn who_may_logs_one_person_out_or_all_and_stays() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let here = app.log_in("acme-owner").await;
    let users = app.get("/v1/users").by(&here).send().await.expect(200);
    let (editor, viewer) = (
        app.log_in("acme-editor").await,
        app.log_in("acme-viewer").await,
    );
    let of = |n: usize| {
        format!(
            "/v1/users/{}/sessions",
            users["items"][n]["id"].as_str().unwrap()
        )
    };
    let own = app.delete(&of(0)).by(&here).send().await.expect(409);
    assert_eq!(own["code"], "own_sessions");
    app.delete(&of(1)).by(&here).send().await.expect(204);
    app.get("/v1/me").by(&editor).send().await.expect(401);
    app.get("/v1/me").by(&viewer).send().await.expect(200);
    let all = "/v1/tenant/sessions";
    app.delete(all).by(&viewer).send().await.expect(403);
    app.delete(all).by(&here).send().await.expect(204);
    app.get("/v1/me").by(&viewer).send().await.expect(401);
    app.get("/v1/me").by(&here).send().await.expect(200);
    app.log_in("acme-viewer").await;
}

#[actix_web::test]
async fn the_networks_are_asked_with_the_address_that_the_proxy_names() {
    let config = ApiConfig {
        trusted_proxies: "127.0.0.0/8".into(),
        ..ApiConfig::default()
    };
    let app = TestApp::with_config(Clock::system(), config).await;
    app.tenant("acme").await;
    let from = |ip: &'static str| ("X-Forwarded-For", ip);
    let owner = app.log_in("acme-owner").await;
    let (name, office) = from("198.51.100.66, 203.0.113.9");
    let save = |networks: Value, version| {
        app.patch("/v1/tenant")
            .by(&owner)
            .header(name, office)
            .if_match(version)
            .json(&json!({ "allowed_networks": networks }))
            .send()
    };
    let refused = save(json!(["198.51.100.0/24"]), 1).await.expect(422);
    assert_eq!(refused["errors"][0]["code"], "own_address_missing");
    let refused = save(json!(["203.0.113.0/24", "office"]), 1)
        .await
        .expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/allowed_networks/1");
    let saved = save(json!(["203.0.113.77/24"]), 1).await.expect(200);
    assert_eq!(
        (&saved["allowed_networks"], &saved["your_address"]),
        (&json!(["203.0.113.0/24"]), &json!("203.0.113.9"))
    );
    let inside = app.get("/v1/me").by(&owner).header(name, office);
    inside.send().await.expect(200);
    let (name, home) = from("203.0.113.9, 198.51.100.66");
    let outside = app.get("/v1/me").by(&owner).header(name, home);
    assert_eq!(
        outside.send().await.expect(403)["code"],
        "address_not_allowed"
    );
}
