//! The limit of soft bounces, and the reset.

use serde_json::json;

use crate::support::TestApp;

#[actix_web::test]
async fn the_limit_of_soft_bounces_is_1_to_10_or_off() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let first = app.get("/v1/tenant").by(&token).send().await.expect(200);
    assert_eq!(first["soft_bounce_limit"], 3);
    let change = |version: i64, body: serde_json::Value| {
        let call = app.patch("/v1/tenant").by(&token);
        call.if_match(version).json(&body).send()
    };
    for bad in [0, 11, -1] {
        let answer = change(1, json!({ "soft_bounce_limit": bad }))
            .await
            .expect(422);
        assert_eq!(answer["errors"][0]["pointer"], "/soft_bounce_limit");
    }
    let off = change(1, json!({ "soft_bounce_limit": null }))
        .await
        .expect(200);
    assert!(off["soft_bounce_limit"].is_null());
    // What is left out stays.
    let same = change(2, json!({ "idle_minutes": 60 })).await.expect(200);
    assert!(same["soft_bounce_limit"].is_null());
    let ten = change(3, json!({ "soft_bounce_limit": 10 }))
        .await
        .expect(200);
    assert_eq!(ten["soft_bounce_limit"], 10);
}

#[actix_web::test]
async fn a_reset_of_bounces_is_a_job() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let new = json!({ "email": "taro@example.jp" });
    let contact = app.post("/v1/contacts").by(&token).json(&new);
    let contact = contact.send().await.expect(201);
    assert_eq!(contact["soft_bounces"], 0);
    for body in [json!({}), json!({ "contact_ids": [contact["id"]] })] {
        let job = app.post("/v1/bounce-resets").by(&token).json(&body);
        let job = job.send().await.expect(202);
        assert_eq!(job["kind"], "bounce_reset");
        let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
        app.get(&path).by(&token).send().await.expect(200);
    }
    let nobody = json!({ "contact_ids": [uuid::Uuid::now_v7()] });
    let refused = app.post("/v1/bounce-resets").by(&token).json(&nobody);
    let refused = refused.send().await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/contact_ids/0");
}
