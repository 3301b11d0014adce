//! What a token may, from where, and who may give it that.

use domain::clock::Clock;
use serde_json::json;

use super::{access, get, make, setup, system};
use crate::support::TestApp;

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
    app.own_password("acme-keeper").await;
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
