//! API tokens over HTTP: how they are made, exchanged, used, replaced and ended.

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

#[actix_web::test]
async fn a_token_works_from_its_networks_only_and_a_try_from_elsewhere_is_in_the_log() {
    let (app, owner) = setup().await;
    let mut body = system();
    body["allowed_ips"] = json!(["203.0.113.7", "127.0.0.0/8", "2001:DB8::1/32"]);
    let made = make(&app, &owner, body).await;
    let path = format!("/v1/api-tokens/{}", made.id);
    let row = get(&app, &owner, &path).await.expect(200);
    let networks = json!(["127.0.0.0/8", "203.0.113.7/32", "2001:db8::/32"]);
    assert_eq!(row["allowed_ips"], networks);
    let token = access(&app, &made).await;
    get(&app, &token, "/v1/contacts").await.expect(200);
    let away = json!({"allowed_ips": ["203.0.113.7"]});
    let change = app.patch(&path).by(&owner).if_match(1).json(&away);
    change.send().await.expect(200);
    get(&app, &token, "/v1/contacts").await.expect(401);
    let wrong_place = app.exchange(&made.client, &made.secret).await.expect(401);
    let wrong_secret = app.exchange(&made.client, "kkb_").await.expect(401);
    assert_eq!(
        wrong_place, wrong_secret,
        "who has a stolen secret does not learn that it is right"
    );
    let told = "SELECT count(*) FROM audit_entry WHERE action = 'api_token.refused_address'";
    assert_eq!(app.database.count(told).await, 1);
    let bad =
        json!({"name": "x", "scopes": ["mails.read"], "allowed_ips": ["203.0.113.0/33", "here"]});
    let refused = app
        .post("/v1/api-tokens")
        .by(&owner)
        .json(&bad)
        .send()
        .await
        .expect(422);
    assert_eq!(refused["errors"][1]["pointer"], "/allowed_ips/1");
}

#[actix_web::test]
async fn nobody_makes_or_sees_a_secret_that_may_more_than_they() {
    let (app, owner) = setup().await;
    let body = json!({"name": "連携の担当", "permissions": ["tokens.manage", "contacts.read"]});
    let role = app
        .post("/v1/roles")
        .by(&owner)
        .json(&body)
        .send()
        .await
        .expect(201);
    let body = json!({"login_id": "acme-keeper", "display_name": "係", "email": "k@example.jp",
        "role": role["key"], "password": domain::testing::TEST_PASSWORD});
    app.post("/v1/users")
        .by(&owner)
        .json(&body)
        .send()
        .await
        .expect(201);
    let keeper = app.log_in("acme-keeper").await;
    let more = app
        .post("/v1/api-tokens")
        .by(&keeper)
        .json(&system())
        .send()
        .await;
    assert_eq!(more.expect(403)["code"], "beyond_own_permissions");
    let small = json!({"name": "読むだけ", "scopes": ["contacts.read"]});
    let own = make(&app, &keeper, small).await;
    let path = format!("/v1/api-tokens/{}", own.id);
    let wider = json!({"scopes": ["contacts.read", "contacts.export"]});
    let wider = app
        .patch(&path)
        .by(&keeper)
        .if_match(1)
        .json(&wider)
        .send()
        .await;
    assert_eq!(wider.expect(403)["code"], "beyond_own_permissions");
    let strong = make(&app, &owner, system()).await;
    let path = format!("/v1/api-tokens/{}", strong.id);
    let rotate = app.post(&format!("{path}/rotate")).by(&keeper);
    let rotate = rotate.json(&json!({"overlap_days": 0})).send().await;
    assert_eq!(rotate.expect(403)["code"], "beyond_own_permissions");
    let weaker = json!({"scopes": ["contacts.read"]});
    let weaker = app
        .patch(&path)
        .by(&keeper)
        .if_match(1)
        .json(&weaker)
        .send()
        .await;
    assert_eq!(weaker.expect(403)["code"], "beyond_own_permissions");
    let revoke = app.post(&format!("{path}/revoke")).by(&keeper).send().await;
    revoke.expect(200);
}

#[actix_web::test]
async fn what_decides_who_gets_in_is_no_scope() {
    let (app, owner) = setup().await;
    for scope in [
        "users.manage",
        "roles.manage",
        "tokens.manage",
        "security.manage",
        "tenant.own",
    ] {
        let body = json!({"name": "x", "scopes": ["mails.read", scope]});
        let refused = app
            .post("/v1/api-tokens")
            .by(&owner)
            .json(&body)
            .send()
            .await
            .expect(422);
        assert_eq!(refused["errors"][0]["pointer"], "/scopes/1", "{scope}");
    }
    let body = json!({"name": "設定", "scopes": ["settings.read", "settings.write"]});
    let token = access(&app, &make(&app, &owner, body).await).await;
    let name = app
        .patch("/v1/tenant")
        .by(&token)
        .if_match(1)
        .json(&json!({"locale": "en"}));
    name.send().await.expect(200);
    let idle = app
        .patch("/v1/tenant")
        .by(&token)
        .if_match(2)
        .json(&json!({"idle_minutes": 1440}));
    let refused = idle.send().await.expect(403);
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("security.manage"),
        "{refused}"
    );
    assert_eq!(
        get(&app, &token, "/v1/me").await.expect(403)["code"],
        "person_required"
    );
}

#[actix_web::test]
async fn keys_and_limits_are_each_tokens_own() {
    let config = api::state::ApiConfig {
        rate_limit: 8,
        ..Default::default()
    };
    let app = TestApp::with_config(Clock::system(), config).await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let (first, second) = (
        make(&app, &owner, system()).await,
        make(&app, &owner, system()).await,
    );
    let (one, two) = (access(&app, &first).await, access(&app, &second).await);
    let post = async |token: &str, email: &str| {
        let body = json!({ "email": email });
        let call = app
            .post("/v1/contacts")
            .by(token)
            .header("Idempotency-Key", "k-1");
        call.json(&body).send().await
    };
    let made = post(&one, "a@example.jp").await.expect(201);
    assert_eq!(
        post(&one, "a@example.jp").await.expect(201),
        made,
        "the same key again"
    );
    post(&two, "b@example.jp").await.expect(201);
    while get(&app, &one, "/v1/contacts").await.status == 200 {}
    get(&app, &one, "/v1/contacts").await.expect(429);
    get(&app, &two, "/v1/contacts").await.expect(200);
}

#[actix_web::test]
async fn a_token_outlives_who_made_it_and_says_so() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let admin = tenant.add(&app.database.db, "admin").await;
    let owner = app.log_in("acme-owner").await;
    let made = make(&app, &app.log_in("acme-admin").await, system()).await;
    let path = format!("/v1/users/{admin}");
    let disable = app
        .patch(&path)
        .by(&owner)
        .if_match(1)
        .json(&json!({"disabled": true}));
    disable.send().await.expect(200);
    let token = access(&app, &made).await;
    get(&app, &token, "/v1/contacts").await.expect(200);
    let row = get(&app, &owner, &format!("/v1/api-tokens/{}", made.id))
        .await
        .expect(200);
    assert_eq!(row["created_by"]["disabled"], true);
}
