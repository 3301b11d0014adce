//! What holds for every path: headers, methods, media types, hosts, limits.

use std::sync::{Arc, Mutex};

use actix_web::http::Method;
use api::state::ApiConfig;
use domain::clock::Clock;
use serde_json::json;

use crate::support::TestApp;

#[actix_web::test]
async fn every_answer_carries_the_security_headers_and_a_request_id() {
    let app = TestApp::new().await;
    for path in ["/health/ready", "/v1/me", "/nothing/here", "/docs/"] {
        let answer = app.get(path).send().await;
        assert!(
            answer
                .header("content-security-policy")
                .contains("script-src 'self'"),
            "{path}"
        );
        assert!(
            !answer
                .header("content-security-policy")
                .contains("script-src 'self' 'unsafe"),
            "{path}"
        );
        // The reader of the API's document makes markup of text by itself.
        assert_eq!(
            answer
                .header("content-security-policy")
                .ends_with("; require-trusted-types-for 'script'; trusted-types default"),
            path != "/docs/",
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
    }
}

#[actix_web::test]
async fn an_undeclared_method_answers_405_with_the_methods_that_there_are() {
    let app = TestApp::new().await;
    let answer = app.delete("/v1/users").send().await;
    assert_eq!(answer.header("allow"), "GET, POST");
    assert_eq!(answer.expect(405)["code"], "method_not_allowed");
    let trace = app.call(Method::TRACE, "/v1/me").send().await;
    assert_eq!(trace.status, 405);
}

#[actix_web::test]
async fn bodies_of_the_wrong_kind_are_told_apart() {
    let app = TestApp::new().await;
    let login = || app.post("/v1/auth/login");
    let form = login()
        .raw("application/x-www-form-urlencoded", "login_id=a&password=b")
        .send()
        .await;
    assert_eq!(form.expect(415)["code"], "unsupported_media_type");
    assert_eq!(
        login()
            .raw("application/json", "{")
            .send()
            .await
            .expect(400)["code"],
        "malformed"
    );
    assert_eq!(
        login().raw("application/json", "{} x").send().await.status,
        422
    );
    let unknown = login()
        .json(&json!({"login_id": "a", "password": "b", "admin": true}))
        .send()
        .await
        .expect(422);
    assert_eq!(unknown["errors"][0]["pointer"], "/admin");
    let huge = login()
        .raw("application/json", vec![b' '; 5 * 1024 * 1024])
        .send()
        .await;
    assert_eq!(huge.expect(413)["code"], "too_large");
}

#[actix_web::test]
async fn a_foreign_host_is_refused() {
    let app = TestApp::new().await;
    let answer = app
        .get("/health/live")
        .header("Host", "evil.example")
        .send()
        .await;
    assert_eq!(answer.status, 421);
}

#[actix_web::test]
async fn requests_over_the_limit_are_told_when_to_come_back() {
    let app = TestApp::with_config(
        Clock::system(),
        ApiConfig {
            rate_limit: 3,
            ..ApiConfig::default()
        },
    )
    .await;
    app.tenant("acme").await;
    let token = app.log_in("acme-viewer").await;
    for left in (0..3).rev() {
        let answer = app.get("/v1/me").by(&token).send().await;
        assert_eq!(answer.status, 200);
        assert!(
            answer.header("ratelimit").contains(&format!("r={left};")),
            "{}",
            answer.header("ratelimit")
        );
    }
    let over = app.get("/v1/me").by(&token).send().await;
    assert!(
        over.header("retry-after")
            .parse::<u32>()
            .is_ok_and(|s| (1..=60).contains(&s))
    );
    assert_eq!(over.expect(429)["code"], "too_many_requests");
}

#[actix_web::test]
async fn files_that_are_none_of_ours_are_not_served() {
    let spa = std::env::temp_dir().join(format!("spa-{}", domain::ids::TenantId::new()));
    std::fs::create_dir_all(spa.join("assets")).unwrap();
    for (name, text) in [
        ("index.html", "<!doctype html><title>page</title>"),
        ("assets/a.js", "1"),
        ("assets/a.js.map", "{}"),
        (".env", "SECRET=1"),
    ] {
        std::fs::write(spa.join(name), text).unwrap();
    }
    let app = TestApp::with_config(
        Clock::system(),
        ApiConfig {
            spa_dir: Some(spa.clone()),
            ..ApiConfig::default()
        },
    )
    .await;
    for path in ["/", "/contacts", "/campaigns/0192/report"] {
        let answer = app.get(path).send().await;
        assert!(
            answer.header("content-type").starts_with("text/html"),
            "{path}"
        );
        assert_eq!(answer.status, 200, "{path}");
    }
    assert!(
        app.get("/assets/a.js")
            .send()
            .await
            .header("cache-control")
            .contains("immutable")
    );
    for path in [
        "/.env",
        "/.git/config",
        "/assets/a.js.map",
        "/assets/../.env",
        "/%2e%2e/etc/passwd",
        "/backup.sql",
        "/login~",
        "/wp-login.php",
        "/v1/nothing",
        "/assets/none.js",
    ] {
        assert_eq!(app.get(path).send().await.status, 404, "{path}");
    }
    std::fs::remove_dir_all(spa).unwrap();
}

#[actix_web::test]
async fn the_log_names_the_route_but_neither_what_was_searched_for_nor_a_token() {
    let written = logged();
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let me = app.get("/v1/me").by(&token).send().await.expect(200);
    let id = domain::ids::UserId::new();
    let answer = app
        .get(&format!("/v1/users/{id}?q=taro@example.jp"))
        .by(&token)
        .send()
        .await;
    let request_id = answer.header("x-request-id").to_owned();
    assert_eq!(answer.status, 404);
    let log = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(&request_id))
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line.contains("/v1/users/{id}") && line.contains("404")),
        "{log}"
    );
    // Who it was, by ids, and why it was refused.
    let served = lines.iter().find(|line| line.contains("request served"));
    for part in [
        tenant.id.to_string().as_str(),
        me["id"].as_str().unwrap(),
        "\"problem\":\"not_found\"",
    ] {
        assert!(
            served.is_some_and(|line| line.contains(part)),
            "{part}: {log}"
        );
    }
    for secret in ["taro@example.jp", &token, domain::testing::TEST_PASSWORD] {
        assert!(!lines.iter().any(|line| line.contains(secret)), "{lines:?}");
    }
}

/// What the program logs from here on.
fn logged() -> Arc<Mutex<Vec<u8>>> {
    let written = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&written);
    tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || Buffer(Arc::clone(&writer)))
        .init();
    written
}

/// Operations that take JSON, with the names of what they take.
fn bodies() -> Vec<(Method, String, Vec<String>)> {
    let document = serde_json::to_value(api::openapi::document()).unwrap();
    let schemas = &document["components"]["schemas"];
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let Some(name) = schema["$ref"].as_str() else {
                continue;
            };
            let schema = &schemas[name.rsplit('/').next().unwrap()];
            let Some(properties) = schema["properties"].as_object() else {
                continue;
            };
            let method = method.to_ascii_uppercase().parse().unwrap();
            let path = path.split('/');
            let id = "0192f0c1-7c1e-7d3a-9b1e-5d2f6a7b8c9d";
            let path: Vec<&str> = path
                .map(|p| if p.starts_with('{') { id } else { p })
                .collect();
            let names = properties.keys().cloned().collect();
            found.push((method, path.join("/"), names));
        }
    }
    found
}

#[actix_web::test]
async fn nothing_of_a_body_that_is_refused_stands_in_the_log() {
    let written = logged();
    let config = ApiConfig {
        rate_limit: 1_000_000,
        ..ApiConfig::default()
    };
    let app = TestApp::with_config(Clock::system(), config).await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let bodies = bodies();
    let is_there = |wanted: &str| {
        let mut names = bodies.iter().flat_map(|(_, _, names)| names);
        names.any(|name| name == wanted)
    };
    for name in ["password", "totp", "new_password", "current_password"] {
        assert!(is_there(name), "{name}");
    }
    for (method, path, names) in &bodies {
        // What no field takes, and one value each of the wrong type.
        let mut sent = vec![json!("Marker-in-a-text")];
        sent.extend(names.iter().map(|name| json!({ name: 918_273_645 })));
        sent.extend(
            names
                .iter()
                .map(|name| json!({ name: {"Marker-in-a-name": 1} })),
        );
        for body in sent {
            let call = app.call(method.clone(), path).by(&token).if_match(1);
            let status = call.json(&body).send().await.status;
            assert!(!status.is_server_error(), "{method} {path} {body}");
        }
    }
    let log = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    let lines = log.lines().filter(|line| line.contains("request served"));
    assert!(lines.count() > 200, "{log}");
    for marker in ["918273645", "Marker-in-a"] {
        let told = log.lines().find(|line| line.contains(marker));
        assert_eq!(told, None);
    }
}

struct Buffer(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
