//! Limits, slow-downs and purges over HTTP.

use domain::delivery::outcome::Reply;
use domain::ids::RouteId;
use domain::limit::meaning::Meaning;
use domain::limit::slow::{self, Subject};
use serde_json::json;

use crate::support::TestApp;

#[actix_web::test]
async fn a_limit_is_set_changed_suspended_and_deleted() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let made = app
        .post("/v1/send-limits")
        .by(&token)
        .json(&json!({"site": "EZweb.ne.jp", "sender_domain": "Example.co.jp", "per_minute": 600}))
        .send()
        .await
        .expect(201);
    assert_eq!(
        (&made["site"], &made["sender_domain"], &made["suspended"]),
        (&json!("au"), &json!("example.co.jp"), &json!(false))
    );
    app.post("/v1/send-limits")
        .by(&token)
        .json(&json!({"site": "au", "sender_domain": "example.co.jp", "per_minute": 1}))
        .send()
        .await
        .expect(409);
    for wrong in [
        json!({"site": "nowhere", "per_minute": 1}),
        json!({"per_minute": 0}),
        json!({"max_sessions": 0}),
        json!({"max_sessions": 1001}),
        json!({"warm_up": {"from": "2026-11-24", "first": 10, "growth": 0, "until": 5}}),
        // PostgreSQL knows no such day.
        json!({"warm_up": {"from": "-9999-01-01", "first": 10, "growth": 1, "until": 50}}),
        json!({"route_id": uuid::Uuid::now_v7(), "per_minute": 1}),
    ] {
        app.post("/v1/send-limits")
            .by(&token)
            .json(&wrong)
            .send()
            .await
            .expect(422);
    }
    let path = format!("/v1/send-limits/{}", made["id"].as_str().unwrap());
    let plan = json!({"from": "2020-01-01", "first": 500, "growth": 50, "until": 50_000});
    let changed = app
        .put(&path)
        .by(&token)
        .if_match(1)
        .json(&json!({"suspended": true, "max_sessions": 5, "warm_up": plan}))
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&changed["max_sessions"], &changed["sessions_in_use"]),
        (&json!(5), &json!(0))
    );
    // A mailer has one open, and another waits.
    app.database
        .execute_as_owner(&format!(
            "INSERT INTO send_session (tenant_id, limit_id, id, holder, worker, leased_until, waits_since)
             SELECT tenant_id, id, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now() + interval '30 s', since
             FROM send_limit, (VALUES (NULL::timestamptz), (now())) AS w (since) WHERE tenant_id = '{}'",
            tenant.id
        ))
        .await;
    let read = app.get(&path).by(&token).send().await.expect(200);
    assert_eq!(read["sessions_in_use"], 1);
    assert_eq!(
        (
            &changed["per_minute"],
            &changed["suspended"],
            &changed["most_today"]
        ),
        (&json!(null), &json!(true), &json!(null)),
        "that plan is long over"
    );
    app.put(&path)
        .by(&token)
        .if_match(1)
        .json(&json!({"per_minute": 5}))
        .send()
        .await
        .expect(412);
    app.delete(&path)
        .by(&token)
        .if_match(2)
        .send()
        .await
        .expect(204);
    let page = app
        .get("/v1/send-limits")
        .by(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(page["items"], json!([]));
}

#[actix_web::test]
async fn a_slow_down_is_seen_and_lifted() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let route = app
        .post("/v1/routes")
        .by(&token)
        .json(&json!({"name": "社内", "host": "smtp.example.jp", "port": 25, "security": "none", "auth": "none"}))
        .send()
        .await
        .expect(201);
    let subject = Subject {
        tenant: tenant.id,
        sender_domain: "example.co.jp".into(),
        route: RouteId(route["id"].as_str().unwrap().parse().unwrap()),
        site: "docomo".into(),
    };
    let reply = Reply {
        code: 421,
        text: "too many connections".into(),
        ..Reply::default()
    };
    slow::down(&app.database.db, &subject, Meaning::TooFast, &reply)
        .await
        .unwrap();
    let page = app
        .get("/v1/send-slowdowns")
        .by(&token)
        .send()
        .await
        .expect(200);
    let seen = &page["items"][0];
    assert_eq!(
        (
            &seen["site"],
            &seen["route_name"],
            &seen["meaning"],
            &seen["reply_code"]
        ),
        (
            &json!("docomo"),
            &json!("社内"),
            &json!("too_fast"),
            &json!(421)
        )
    );
    let path = format!("/v1/send-slowdowns/{}", seen["id"].as_str().unwrap());
    app.delete(&path).by(&token).send().await.expect(204);
    app.delete(&path).by(&token).send().await.expect(404);
}
