//! The log-in of the console.

use actix_web::http::Method;
use chrono::TimeDelta;
use domain::operator::token::OperatorTokens;
use domain::operator::{account, log_in, reseal};
use domain::secret::Keys;
use domain::session::Device;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::console::{Console, PASSWORD, document};
use crate::support::Answer;

/// Every operation of the document that is not log-in itself, with harmless ids.
fn guarded() -> Vec<(Method, String)> {
    let paths = document()["paths"].as_object().expect("paths");
    let id = "0192f0c1-7c1e-7d3a-9b1e-5d2f6a7b8c9d";
    let mut all = Vec::new();
    for (path, item) in paths {
        if path.starts_with("/v1/auth/") || path.starts_with("/health/") {
            continue;
        }
        let filled = path
            .split('/')
            .map(|part| if part.starts_with('{') { id } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for method in item.as_object().expect("operations").keys() {
            let method = method.to_ascii_uppercase().parse().expect("a method");
            all.push((method, filled.clone()));
        }
    }
    assert!(all.len() > 30, "{} operations", all.len());
    all
}

async fn refused_everywhere(console: &Console, token: Option<&str>) {
    for (method, path) in guarded() {
        let body = json!({});
        let body = (method != Method::GET && method != Method::DELETE).then_some(&body);
        let answer = console.call(method.clone(), &path, token, body).await;
        assert_eq!(answer.status, 401, "{method} {path} with {token:?}");
    }
}

#[actix_web::test]
async fn nothing_works_without_a_second_factor() {
    let console = Console::new().await;
    refused_everywhere(&console, None).await;
    let (db, hasher) = (&console.state.db, &console.state.hasher);
    let one_time = account::add(db, hasher, "yamada", "山田").await.unwrap();
    let step = console
        .first_step("yamada", one_time.expose_secret())
        .await
        .expect(200);
    assert_eq!(step["step"], "setup");
    let ticket = step["ticket"].as_str().unwrap();
    refused_everywhere(&console, Some(ticket)).await;
    // No code, a wrong one, and no password of one's own.
    for code in ["", "000000"] {
        let body = json!({"ticket": ticket, "code": code, "new_password": PASSWORD});
        assert_eq!(console.second_step(&body).await.status, 401, "{code:?}");
    }
    let body = json!({"ticket": ticket, "code": "000000"});
    assert_eq!(console.second_step(&body).await.status, 422);
    // Nor the one-time password for one's own: others know it.
    let body =
        json!({"ticket": ticket, "code": "000000", "new_password": one_time.expose_secret()});
    let answer = console.second_step(&body).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["errors"][0]["code"], "used_before");
    // However the session's row came about: without a factor it is not alive.
    let open = "UPDATE operator_session SET stage = 'open'";
    console.app.database.execute_as_owner(open).await;
    let session = console
        .app
        .database
        .text("SELECT id FROM operator_session LIMIT 1")
        .await;
    let account = console
        .app
        .database
        .text("SELECT id FROM operator_account LIMIT 1")
        .await;
    let token = console
        .state
        .tokens
        .issue(account.parse().unwrap(), session.parse().unwrap(), db.now())
        .unwrap();
    // Reading only: of a write whose body does not fit that may be said first.
    for (method, path) in guarded()
        .into_iter()
        .filter(|(method, _)| *method == Method::GET)
    {
        let answer = console
            .call(method, &path, Some(token.expose_secret()), None)
            .await;
        assert_eq!(answer.status, 401, "{path} with a session without factor");
    }
}

#[actix_web::test]
async fn a_person_sets_their_factor_up_once_and_logs_in_with_it_from_then_on() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    assert_eq!(
        console.get("/v1/me", &staff.token).await.expect(200)["name"],
        "山田 太郎"
    );
    let again = console.log_in(&staff).await;
    console.get("/v1/me", &again).await.expect(200);
    // The one-time password and the seed stand nowhere in the clear.
    let kept = "SELECT password_hash || encode(factor_sealed, 'hex') FROM operator_account";
    let kept = console.app.database.text(kept).await;
    assert!(kept.starts_with("$argon2id$"), "{kept}");
    // Every entry has the person's name.
    let audit = console.get("/v1/audit", &again).await.expect(200);
    let actions: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        ["operator.logged_in", "operator.logged_in", "operator.added"]
    );
}

#[actix_web::test]
async fn a_code_counts_once() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let code = console.code(&staff);
    let mut answers: Vec<Answer> = Vec::new();
    for _ in 0..2 {
        let step = console.first_step("yamada", PASSWORD).await.expect(200);
        let body = json!({"ticket": step["ticket"], "code": code});
        answers.push(console.second_step(&body).await);
    }
    assert_eq!(answers[0].status, 200);
    assert_eq!(answers[1].status, 401);
    assert_eq!(answers[1].json()["code"], "wrong_code");
}

#[actix_web::test]
async fn guessing_codes_voids_the_ticket_and_is_slowed_down() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let step = console.first_step("yamada", PASSWORD).await.expect(200);
    let with = |code: &str| json!({"ticket": step["ticket"], "code": code});
    for _ in 0..5 {
        assert_eq!(
            console.second_step(&with("000000")).await.json()["code"],
            "wrong_code"
        );
    }
    let right = console.code(&staff);
    let answer = console.second_step(&with(&right)).await;
    assert_eq!(answer.json()["code"], "session_ended", "the ticket is void");
    // With another one the person's codes wait, wherever they come from.
    let step = console.first_step("yamada", PASSWORD).await.expect(200);
    let with = |code: &str| json!({"ticket": step["ticket"], "code": code});
    let wrong = console.second_step(&with("000000")).await;
    assert_eq!(wrong.json()["code"], "wrong_code");
    assert_eq!(console.second_step(&with(&right)).await.status, 429);
}

#[actix_web::test]
async fn a_one_time_password_is_over_after_a_day_and_a_disabled_person_is_out_at_once() {
    let console = Console::new().await;
    let (db, hasher) = (&console.state.db, &console.state.hasher);
    let one_time = account::add(db, hasher, "suzuki", "鈴木").await.unwrap();
    let staff = console.staff("yamada").await;
    account::disable(db, "yamada").await.unwrap();
    assert_eq!(console.get("/v1/me", &staff.token).await.status, 401);
    assert_eq!(console.first_step("yamada", PASSWORD).await.status, 401);
    console.app.database.clock.advance(TimeDelta::hours(25));
    let late = console.first_step("suzuki", one_time.expose_secret()).await;
    assert_eq!(late.json()["code"], "wrong_credentials");
}

#[actix_web::test]
async fn an_idle_session_of_staff_ends_after_fifteen_minutes_and_any_after_eight_hours() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let cookie = cookie_of(&console, &staff).await;
    let clock = console.app.database.clock.clone();
    clock.advance(TimeDelta::minutes(16));
    assert_eq!(refresh(&console, &cookie).await.status, 401, "idle");
    let mut cookie = cookie_of(&console, &staff).await;
    for _ in 0..48 {
        clock.advance(TimeDelta::minutes(10));
        let answer = refresh(&console, &cookie).await;
        if answer.status == 401 {
            return;
        }
        cookie = set_cookie(&answer);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        console.get("/v1/me", &token).await.expect(200);
    }
    panic!("alive after eight hours");
}

#[actix_web::test]
async fn a_refresh_token_of_staff_that_returns_ends_the_session() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let first = cookie_of(&console, &staff).await;
    let renewed = refresh(&console, &first).await;
    let token = renewed.json()["access_token"].as_str().unwrap().to_owned();
    console.app.database.clock.advance(TimeDelta::seconds(11));
    assert_eq!(refresh(&console, &first).await.status, 401);
    assert_eq!(console.get("/v1/me", &token).await.status, 401);
}

#[actix_web::test]
async fn neither_sides_token_opens_anything_on_the_other() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let owner = console.app.log_in(&tenant.login_id("owner")).await;
    refused_everywhere(&console, Some(&owner)).await;
    for path in ["/v1/me", "/v1/contacts", "/v1/tenant"] {
        let answer = console.app.get(path).by(&staff.token).send().await;
        assert_eq!(answer.status, 401, "{path}");
    }
    // The operator's operations are not there for tenants at all.
    let answer = console.app.get("/v1/tenants").by(&owner).send().await;
    assert_eq!(answer.status, 404);
    let tenants = serde_json::to_string(&api::openapi::document()).unwrap();
    assert!(
        !tenants.contains("operator_session"),
        "the tenants' document"
    );
}

#[actix_web::test]
async fn a_proxy_that_is_named_by_its_address_alone_says_where_people_come_from() {
    for (proxies, status) in [("127.0.0.1", 401), ("127.0.0.0/8", 401), ("10.0.0.7", 403)] {
        let console = Console::behind(proxies, "10.1.0.0/16").await;
        console.state.config.check().unwrap();
        let forwarded = [("X-Forwarded-For", "10.1.2.3")];
        let answer = console
            .call_with(Method::GET, "/v1/me", None, None, &forwarded)
            .await;
        assert_eq!(answer.status, status, "{proxies}");
    }
}

pub async fn cookie_of(console: &Console, staff: &super::console::Staff) -> String {
    let step = console
        .first_step(&staff.login_id, PASSWORD)
        .await
        .expect(200);
    let body = json!({"ticket": step["ticket"], "code": console.code(staff)});
    let answer = console.second_step(&body).await;
    console.app.database.clock.advance(TimeDelta::seconds(30));
    set_cookie(&answer)
}

/// `name=value`; the flags are what they have to be.
fn set_cookie(answer: &Answer) -> String {
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.bytes)
    );
    let set = answer.header("set-cookie").to_owned();
    for flag in [
        "__Host-kikubari_operator=",
        "HttpOnly",
        "Secure",
        "SameSite=Strict",
        "Path=/",
    ] {
        assert!(set.contains(flag), "{flag} in {set}");
    }
    set.split(';').next().unwrap().to_owned()
}

pub async fn refresh(console: &Console, cookie: &str) -> Answer {
    with_cookie(console, "/v1/auth/refresh", cookie).await
}

pub async fn with_cookie(console: &Console, path: &str, cookie: &str) -> Answer {
    let origin = console.state.config.operator_url.clone();
    let headers = [
        ("Cookie", cookie),
        ("Origin", origin.as_str()),
        ("X-Kikubari-Client", "web"),
    ];
    console
        .call_with(Method::POST, path, None, None::<&Value>, &headers)
        .await
}

#[actix_web::test]
async fn a_new_master_key_of_the_console_logs_nobody_out_and_the_app_goes_on() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let (old, new) = ([42; 32], [43; 32]);
    let both = Keys::ring(&[new, old], &[]).expect("a ring");
    let db = &console.state.db;
    let tokens = OperatorTokens::new(&both).expect("tokens");
    tokens
        .check(&staff.token, db.now())
        .expect("signed with the old key");
    assert_eq!(reseal::run(db, &both).await.expect("sealed anew"), 1);
    assert_eq!(reseal::run(db, &both).await.expect("a second time"), 0);

    // The old key is gone.
    let alone = Keys::from_master(&new).expect("keys");
    let tokens = OperatorTokens::new(&alone).expect("tokens");
    tokens
        .check(&staff.token, db.now())
        .expect_err("its key is gone");
    let hasher = &console.state.hasher;
    let password = PASSWORD.to_owned().into();
    let step = log_in::begin(
        db,
        hasher,
        &alone,
        "yamada",
        password,
        Device::default(),
        None,
    );
    let Ok(log_in::Step::Code { ticket }) = step.await else {
        panic!("a code is asked for");
    };
    let second = log_in::Second {
        ticket: ticket.expose_secret().to_owned(),
        code: console.code(&staff),
        new_password: None,
        device: Device::default(),
        request_id: None,
    };
    log_in::finish(db, hasher, &alone, &tokens, second)
        .await
        .expect("the app's codes count");
}
