//! Routes over HTTP.

use serde_json::{Value, json};

use crate::support::TestApp;

fn relay() -> Value {
    json!({
        "name": "契約リレー", "host": "SMTP.Example.JP.", "port": 587, "security": "starttls",
        "auth": "plain", "username": "acme", "password": "relay-password-7Q"
    })
}

#[actix_web::test]
async fn a_route_is_added_changed_and_deleted_and_its_password_never_comes_back() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let made = app
        .post("/v1/routes")
        .by(&token)
        .json(&relay())
        .send()
        .await;
    assert_eq!(made.header("etag"), "\"1\"");
    let made = made.expect(201);
    assert_eq!(
        (&made["host"], &made["has_password"], &made["max_sessions"]),
        (&json!("smtp.example.jp"), &json!(true), &json!(10))
    );
    assert!(!made.to_string().contains("relay-password"));
    let path = format!("/v1/routes/{}", made["id"].as_str().unwrap());

    let renamed = json!({"name": "新リレー", "password": null, "username": null});
    let changed = app
        .patch(&path)
        .by(&token)
        .if_match(1)
        .json(&renamed)
        .send()
        .await
        .expect(200);
    assert_eq!(
        (
            &changed["name"],
            &changed["has_password"],
            &changed["username"]
        ),
        (&json!("新リレー"), &json!(true), &json!("acme"))
    );
    app.patch(&path)
        .by(&token)
        .if_match(1)
        .json(&renamed)
        .send()
        .await
        .expect(412);
    app.patch(&path)
        .by(&token)
        .json(&renamed)
        .send()
        .await
        .expect(428);

    let open = json!({"auth": "none", "security": "none"});
    let changed = app
        .patch(&path)
        .by(&token)
        .if_match(2)
        .json(&open)
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&changed["has_password"], &changed["username"]),
        (&json!(false), &json!(""))
    );
    let page = app.get("/v1/routes").by(&token).send().await.expect(200);
    assert_eq!(page["items"][0]["version"], 3);
    app.delete(&path)
        .by(&token)
        .if_match(3)
        .send()
        .await
        .expect(204);
    app.get(&path).by(&token).send().await.expect(404);
}

#[actix_web::test]
async fn a_route_that_can_not_work_is_refused_field_by_field() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let wrong = json!({
        "name": "", "host": "smtp.example.jp\r\nQUIT", "port": 0, "security": "none",
        "auth": "plain", "username": "a\nb", "max_sessions": 501
    });
    let refused = app
        .post("/v1/routes")
        .by(&token)
        .json(&wrong)
        .send()
        .await
        .expect(422);
    let pointers: Vec<&str> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        pointers,
        [
            "/name",
            "/host",
            "/port",
            "/max_sessions",
            "/username",
            "/password",
            "/security"
        ]
    );
    let unknown = json!({"name": "a", "host": "b.jp", "port": 25, "security": "none", "auth": "none", "pass": "x"});
    app.post("/v1/routes")
        .by(&token)
        .json(&unknown)
        .send()
        .await
        .expect(422);
    app.post("/v1/routes")
        .by(&token)
        .json(&relay())
        .send()
        .await
        .expect(201);
    let twice = app
        .post("/v1/routes")
        .by(&token)
        .json(&relay())
        .send()
        .await
        .expect(409);
    assert_eq!(twice["code"], "name_taken");
}

#[actix_web::test]
async fn a_route_that_a_campaign_names_is_kept() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let route = app
        .post("/v1/routes")
        .by(&token)
        .json(&relay())
        .send()
        .await
        .expect(201);
    let campaign = json!({"name": "11月号", "route_id": route["id"], "audience": {"all": true}});
    app.post("/v1/campaigns")
        .by(&token)
        .json(&campaign)
        .send()
        .await
        .expect(201);
    let path = format!("/v1/routes/{}", route["id"].as_str().unwrap());
    let kept = app
        .delete(&path)
        .by(&token)
        .if_match(1)
        .send()
        .await
        .expect(409);
    assert_eq!(kept["code"], "route_in_use");
}

#[actix_web::test]
async fn a_route_has_a_weight_and_says_when_it_does_not_answer() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let mut body = relay();
    body["weight"] = json!(0);
    let refused = app.post("/v1/routes").by(&token).json(&body).send().await;
    assert_eq!(refused.expect(422)["errors"][0]["pointer"], "/weight");
    body["weight"] = json!(300);
    body["auth"] = json!("xoauth2");
    body["password"] = json!("t".repeat(4000));
    let made = app
        .post("/v1/routes")
        .by(&token)
        .json(&body)
        .send()
        .await
        .expect(201);
    assert_eq!(
        (&made["weight"], &made["auth"], &made["health"]),
        (&json!(300), &json!("xoauth2"), &Value::Null)
    );

    let id: uuid::Uuid = made["id"].as_str().unwrap().parse().unwrap();
    let now = app.database.db.now();
    let seen = domain::route::Health {
        failures: 3,
        error: "no connection\0 to smtp.example.jp".into(),
        failed_at: now,
        retry_at: now + chrono::TimeDelta::seconds(4),
        recovered_at: None,
    };
    let id = domain::ids::RouteId(id);
    domain::route::health::note(&app.database.db, tenant.id, id, seen)
        .await
        .unwrap();
    let listed = app.get("/v1/routes").by(&token).send().await.expect(200);
    let health = &listed["items"][0]["health"];
    assert_eq!(
        (&health["down"], &health["failures"], &health["error"]),
        (
            &json!(true),
            &json!(3),
            &json!("no connection to smtp.example.jp")
        )
    );
}

#[actix_web::test]
async fn a_direct_route_has_no_relay_and_forgets_the_one_it_had() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let mut wrong = relay();
    wrong["kind"] = json!("direct");
    wrong["source_address"] = json!("mail.example.jp");
    let refused = app.post("/v1/routes").by(&token).json(&wrong).send().await;
    let refused = refused.expect(422);
    let pointers: Vec<&Value> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| &error["pointer"])
        .collect();
    assert_eq!(
        pointers,
        [
            "/host",
            "/port",
            "/security",
            "/auth",
            "/username",
            "/password",
            "/source_address"
        ]
    );
    let made = app
        .post("/v1/routes")
        .by(&token)
        .json(&relay())
        .send()
        .await
        .expect(201);
    let path = format!("/v1/routes/{}", made["id"].as_str().unwrap());
    let direct =
        json!({"kind": "direct", "helo": "Mail.Example.JP", "source_address": "203.0.113.10"});
    let changed = app
        .patch(&path)
        .by(&token)
        .if_match(1)
        .json(&direct)
        .send()
        .await
        .expect(200);
    assert_eq!(
        (
            &changed["host"],
            &changed["security"],
            &changed["has_password"]
        ),
        (&Value::Null, &Value::Null, &json!(false))
    );
    assert_eq!(
        (&changed["helo"], &changed["source_address"]),
        (&json!("mail.example.jp"), &json!("203.0.113.10"))
    );
    let back = json!({"kind": "relay"});
    app.patch(&path)
        .by(&token)
        .if_match(2)
        .json(&back)
        .send()
        .await
        .expect(422);
}

#[actix_web::test]
async fn a_password_that_is_kept_goes_only_where_it_was_meant_to() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let made = app.post("/v1/routes").by(&token).json(&relay());
    let made = made.send().await.expect(201);
    let path = format!("/v1/routes/{}", made["id"].as_str().unwrap());
    let kept = "SELECT encode(password_sealed, 'hex') FROM route";
    let sealed = app.database.text(kept).await;
    let change = async |version: i64, body: &Value| {
        let call = app.patch(&path).by(&token).if_match(version).json(body);
        call.send().await
    };
    for body in [
        json!({"host": "attacker.example"}),
        json!({"port": 465}),
        json!({"security": "tls"}),
        json!({"username": "somebody-else"}),
    ] {
        let refused = change(1, &body).await.expect(422);
        assert_eq!(
            (
                &refused["errors"][0]["pointer"],
                &refused["errors"][0]["code"]
            ),
            (&json!("/password"), &json!("required_anew")),
            "{body}"
        );
    }
    // The same host in other letters, and what has nothing to do with it.
    let same = json!({"host": "SMTP.example.jp", "auth": "login", "name": "改名", "weight": 50});
    change(1, &same).await.expect(200);
    assert_eq!(app.database.text(kept).await, sealed);
    let moved = json!({"host": "smtp2.example.jp", "password": "the-other-password"});
    let moved = change(2, &moved).await.expect(200);
    assert_eq!(
        (&moved["host"], &moved["has_password"]),
        (&json!("smtp2.example.jp"), &json!(true))
    );
    assert_ne!(app.database.text(kept).await, sealed);
    // Without a log-in there is nothing to send.
    let open = json!({"auth": "none", "host": "smtp3.example.jp"});
    let open = change(3, &open).await.expect(200);
    assert_eq!(open["has_password"], false);
}
