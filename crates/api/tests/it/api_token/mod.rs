//! API tokens over HTTP: how they are made, exchanged, used, replaced and ended.

mod rights;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::clock::Clock;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";

struct Made {
    id: String,
    client: String,
    secret: String,
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

async fn make(app: &TestApp, by: &str, body: Value) -> Made {
    let answer = app.post("/v1/api-tokens").by(by).json(&body).send().await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.expect(201);
    Made {
        id: text(&made["token"]["id"]),
        client: text(&made["token"]["client_id"]),
        secret: text(&made["client_secret"]),
    }
}

async fn access(app: &TestApp, of: &Made) -> String {
    let answer = app.exchange(&of.client, &of.secret).await;
    text(&answer.expect(200)["access_token"])
}

async fn get(app: &TestApp, by: &str, path: &str) -> Answer {
    app.get(path).by(by).send().await
}

/// The database keeps microseconds, and what is left is counted in seconds.
fn whole_seconds() -> Clock {
    let now = Clock::system().now().timestamp();
    Clock::fixed(chrono::DateTime::from_timestamp(now, 0).expect("a time"))
}

async fn setup() -> (TestApp, String) {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    (app, owner)
}

fn system() -> Value {
    json!({"name": "基幹システム", "scopes": ["contacts.write", "contacts.read"]})
}

#[actix_web::test]
async fn a_secret_is_shown_once_and_kept_nowhere() {
    let (app, owner) = setup().await;
    let post = app.post("/v1/api-tokens").by(&owner);
    let answer = post
        .header("Idempotency-Key", "k-1")
        .json(&system())
        .send()
        .await;
    let made = answer.expect(201);
    let secret = text(&made["client_secret"]);
    assert!(secret.starts_with("kkb_") && secret.len() == 53, "{secret}");
    let path = format!("/v1/api-tokens/{}", text(&made["token"]["id"]));
    for path in [path.as_str(), "/v1/api-tokens"] {
        let again = get(&app, &owner, path).await.expect(200).to_string();
        assert!(!again.contains(&secret[4..47]), "{path}");
    }
    for table in ["api_token", "audit_entry", "idempotency_key"] {
        for form in [secret.clone(), hex::encode(&secret)] {
            let found = format!("SELECT count(*) FROM {table} t WHERE t::text LIKE '%{form}%'");
            assert_eq!(app.database.count(&found).await, 0, "{table}");
        }
    }
}

#[actix_web::test]
async fn a_program_gets_an_access_token_of_ten_minutes_that_says_whose_it_is() {
    let (app, owner) = setup().await;
    let made = make(&app, &owner, system()).await;
    let answer = app.exchange(&made.client, &made.secret).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = answer.expect(200);
    assert_eq!(
        (
            &answer["token_type"],
            &answer["expires_in"],
            &answer["scope"]
        ),
        (
            &json!("Bearer"),
            &json!(600),
            &json!("contacts.read contacts.write")
        )
    );
    let token = text(&answer["access_token"]);
    let claims = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1).unwrap())
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(
        (&claims["sub"], &claims["api_token"]),
        (&json!(made.id), &json!(made.id))
    );
    assert!(claims.get("session").is_none());
    let contact = json!({"email": "machine@example.jp"});
    let post = app
        .post("/v1/contacts")
        .by(&token)
        .json(&contact)
        .send()
        .await;
    post.expect(201);
    let done = "SELECT count(*) FROM audit_entry WHERE action = 'contact.created' AND actor_kind = 'token'";
    let mine = format!("{done} AND actor_id = '{}'", made.id);
    assert_eq!(
        app.database.count(&mine).await,
        1,
        "the log names the program"
    );
    let row = get(&app, &owner, &format!("/v1/api-tokens/{}", made.id))
        .await
        .expect(200);
    assert_eq!(row["last_used_ip"], "127.0.0.1");
    assert!(row["last_used_at"].is_string());
}

#[actix_web::test]
async fn the_grant_speaks_as_rfc_6749_says() {
    let (app, owner) = setup().await;
    let made = make(&app, &owner, system()).await;
    let (id, secret) = (&made.client, &made.secret);
    let header = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let ask = async |form: String, header: Option<&str>| {
        let mut call = app.post("/v1/auth/token").raw(FORM, form);
        if let Some(header) = header {
            call = call.header("Authorization", header);
        }
        call.send().await
    };
    let grant = "grant_type=client_credentials";
    let answer = ask(
        format!("{grant}&scope=contacts.read&unknown=1"),
        Some(&header),
    )
    .await;
    let narrow = answer.expect(200);
    assert_eq!(narrow["scope"], "contacts.read");
    let token = text(&narrow["access_token"]);
    get(&app, &token, "/v1/contacts").await.expect(200);
    let contact = json!({"email": "machine@example.jp"});
    let post = app
        .post("/v1/contacts")
        .by(&token)
        .json(&contact)
        .send()
        .await;
    assert_eq!(post.expect(403)["code"], "forbidden", "it asked for less");
    let both = format!("{grant}&client_id={id}&client_secret={secret}");
    let cases = [
        (400, "invalid_request", String::new(), None),
        (
            400,
            "invalid_request",
            format!("{grant}&{grant}&client_id={id}&client_secret={secret}"),
            None,
        ),
        (400, "invalid_request", both.clone(), Some(header.as_str())),
        (400, "invalid_request", grant.to_owned(), Some("Basic %%%")),
        (400, "invalid_request", "%ff=%ff".to_owned(), None),
        (
            400,
            "unsupported_grant_type",
            "grant_type=password".to_owned(),
            None,
        ),
        (
            400,
            "invalid_scope",
            format!("{both}&scope=contacts.read+mails.read"),
            None,
        ),
        (
            400,
            "invalid_scope",
            format!("{both}&scope=users.manage"),
            None,
        ),
        (401, "invalid_client", grant.to_owned(), None),
        (
            401,
            "invalid_client",
            format!("{grant}&client_id={id}&client_secret={}", &secret[..52]),
            None,
        ),
        (
            401,
            "invalid_client",
            format!("{grant}&client_id=nobody&client_secret={secret}"),
            None,
        ),
    ];
    for (status, error, form, header) in cases {
        let answer = ask(form.clone(), header).await;
        let challenge = answer.header("www-authenticate").to_owned();
        let answer = answer.expect(status);
        assert_eq!(answer["error"], error, "{form}");
        assert_eq!(challenge.starts_with("Basic"), status == 401, "{form}");
    }
    let json = app
        .post("/v1/auth/token")
        .json(&json!({"grant_type": "client_credentials"}));
    assert_eq!(json.send().await.expect(400)["error"], "invalid_request");
}

#[actix_web::test]
async fn guessing_a_secret_is_slowed_down_and_keeps_nobody_from_logging_in() {
    let app = TestApp::with_clock(whole_seconds()).await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let made = make(&app, &owner, system()).await;
    let other = make(&app, &owner, system()).await;
    for _ in 0..6 {
        app.exchange(&made.client, &other.secret).await.expect(401);
    }
    let slowed = app.exchange(&made.client, &made.secret).await;
    assert!(!slowed.header("retry-after").is_empty());
    slowed.expect(429);
    access(&app, &other).await;
    for n in 0..45 {
        let stranger = format!("stranger-{n}");
        app.exchange(&stranger, &other.secret).await.expect(401);
    }
    let address = app.exchange(&other.client, &other.secret).await;
    address.expect(429);
    app.log_in("acme-owner").await;
}

#[actix_web::test]
async fn an_old_secret_stays_good_for_the_overlap_and_not_longer() {
    let app = TestApp::with_clock(whole_seconds()).await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let old = make(&app, &owner, system()).await;
    let before = access(&app, &old).await;
    let rotate = async |by: &str, days: i64| {
        let path = format!("/v1/api-tokens/{}/rotate", old.id);
        let body = json!({"overlap_days": days});
        app.post(&path).by(by).json(&body).send().await.expect(200)
    };
    let new = Made {
        secret: text(&rotate(&owner, 1).await["client_secret"]),
        id: old.id.clone(),
        client: old.client.clone(),
    };
    get(&app, &before, "/v1/contacts").await.expect(200);
    for secret in [&old, &new] {
        let token = access(&app, secret).await;
        get(&app, &token, "/v1/contacts").await.expect(200);
    }
    app.database
        .clock
        .advance(TimeDelta::hours(23) + TimeDelta::minutes(55));
    let short = app.exchange(&old.client, &old.secret).await.expect(200);
    assert_eq!(
        short["expires_in"], 300,
        "not longer than the secret that it was given for"
    );
    app.database.clock.advance(TimeDelta::minutes(6));
    app.exchange(&old.client, &old.secret).await.expect(401);
    get(&app, &text(&short["access_token"]), "/v1/contacts")
        .await
        .expect(401);
    let token = access(&app, &new).await;
    let owner = app.log_in("acme-owner").await;
    rotate(&owner, 0).await;
    get(&app, &token, "/v1/contacts").await.expect(401);
    app.exchange(&new.client, &new.secret).await.expect(401);
}

#[actix_web::test]
async fn a_token_ends_when_it_is_revoked_and_when_its_time_is_over() {
    let app = TestApp::with_clock(whole_seconds()).await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let mut body = system();
    body["lifetime_days"] = json!(1);
    let (first, second) = (
        make(&app, &owner, body.clone()).await,
        make(&app, &owner, body).await,
    );
    let token = access(&app, &first).await;
    let path = format!("/v1/api-tokens/{}/revoke", first.id);
    for _ in 0..2 {
        let revoked = app.post(&path).by(&owner).send().await.expect(200);
        assert_eq!(revoked["state"], "revoked");
    }
    assert_eq!(
        get(&app, &token, "/v1/contacts").await.expect(401)["code"],
        "token_ended"
    );
    app.exchange(&first.client, &first.secret).await.expect(401);
    let path = format!("/v1/api-tokens/{}/rotate", first.id);
    let rotate = app.post(&path).by(&owner).json(&json!({"overlap_days": 0}));
    assert_eq!(rotate.send().await.expect(409)["code"], "token_revoked");
    let home = get(&app, &owner, "/v1/summary").await.expect(200);
    let problems = home["problems"].as_array().expect("a list");
    let ending = problems.iter().filter(|p| p["kind"] == "api_token_ending");
    let ending: Vec<&Value> = ending.map(|p| &p["subject_id"]).collect();
    assert_eq!(
        ending,
        [&second.id],
        "people are reminded of the one that is good"
    );
    app.database
        .clock
        .advance(TimeDelta::hours(23) + TimeDelta::minutes(55));
    let last = app
        .exchange(&second.client, &second.secret)
        .await
        .expect(200);
    assert_eq!(last["expires_in"], 300);
    app.database.clock.advance(TimeDelta::minutes(6));
    app.exchange(&second.client, &second.secret)
        .await
        .expect(401);
    let owner = app.log_in("acme-owner").await;
    let path = format!("/v1/api-tokens/{}", second.id);
    assert_eq!(
        get(&app, &owner, &path).await.expect(200)["state"],
        "expired"
    );
}
