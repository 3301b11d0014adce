//! Webhooks over HTTP: the secret once, addresses that are refused, the log.

use serde_json::{Value, json};

use crate::support::{TestApp, contract};

async fn owner(app: &TestApp) -> String {
    app.tenant("acme").await;
    app.log_in("acme-owner").await
}

fn hook() -> Value {
    json!({"url": "https://crm.example.co.jp/hooks", "events": ["message.clicked", "contact.created", "contact.created"]})
}

#[actix_web::test]
async fn a_secret_is_shown_when_it_is_made_and_never_again() {
    let app = TestApp::new().await;
    let token = owner(&app).await;
    let create = app.post("/v1/webhooks").by(&token);
    let create = create.header("Idempotency-Key", "hook-1").json(&hook());
    let answer = create.send().await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.expect(201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    assert_eq!(
        made["events"],
        json!(["message.clicked", "contact.created"])
    );
    // Shown once: the same key shows it no second time.
    let kept = "SELECT count(*) FROM idempotency_key";
    assert_eq!(app.database.count(kept).await, 0);

    let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    let seen = app.get(&path).by(&token).send().await.expect(200);
    let list = app.get("/v1/webhooks").by(&token).send().await.expect(200);
    let change = json!({"description": "CRM"});
    let changed = app.patch(&path).by(&token).if_match(1).json(&change);
    let changed = changed.send().await.expect(200);
    let audit = "SELECT string_agg(coalesce(before::text, '') || coalesce(after::text, ''), '') FROM audit_entry";
    let audit = app.database.text(audit).await;
    for text in [
        seen.to_string(),
        list.to_string(),
        changed.to_string(),
        audit,
    ] {
        assert!(!text.contains("whsec_") && !text.contains(&secret[6..]));
    }
    let rotated = app
        .post(&format!("{path}/rotate-secret"))
        .by(&token)
        .send()
        .await
        .expect(200);
    assert_ne!(rotated["secret"], *secret);
    assert!(rotated["old_secret_until"].is_string());
    app.patch(&path)
        .by(&token)
        .if_match(1)
        .json(&change)
        .send()
        .await
        .expect(412);
    app.delete(&path)
        .by(&token)
        .if_match(3)
        .send()
        .await
        .expect(204);
    app.get(&path).by(&token).send().await.expect(404);
}

#[actix_web::test]
async fn addresses_that_lead_inside_and_events_that_there_are_not_are_refused() {
    let app = TestApp::new().await;
    let token = owner(&app).await;
    for (url, code) in [
        ("http://example.co.jp/", "not_https"),
        ("https://127.0.0.1/", "inside"),
        ("https://[::ffff:169.254.169.254]/", "inside"),
        ("https://0x7f000001/", "inside"),
        ("https://example.co.jp:25/", "port"),
        ("https://a:b@example.co.jp/", "credentials"),
    ] {
        let body = json!({"url": url, "events": ["contact.created"]});
        let answer = app.post("/v1/webhooks").by(&token).json(&body);
        let problem = answer.send().await.expect(422);
        assert_eq!(
            (
                &problem["errors"][0]["pointer"],
                &problem["errors"][0]["code"]
            ),
            (&json!("/url"), &json!(code)),
            "{url}"
        );
    }
    for events in [json!([]), json!(["contact.read"]), json!(["webhook.test"])] {
        let body = json!({"url": "https://example.co.jp/", "events": events});
        let answer = app.post("/v1/webhooks").by(&token).json(&body);
        answer.send().await.expect(422);
    }
    for n in 0..10 {
        let body =
            json!({"url": format!("https://example.co.jp/{n}"), "events": ["contact.created"]});
        let answer = app.post("/v1/webhooks").by(&token).json(&body);
        answer.send().await.expect(201);
    }
    let one_more = app.post("/v1/webhooks").by(&token).json(&hook());
    assert_eq!(
        one_more.send().await.expect(409)["code"],
        "too_many_webhooks"
    );
}

#[actix_web::test]
async fn a_test_event_stands_in_the_log_and_can_be_sent_again() {
    let app = TestApp::new().await;
    let token = owner(&app).await;
    let made = app.post("/v1/webhooks").by(&token).json(&hook());
    let made = made.send().await.expect(201);
    let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    let get = async |path: String| app.get(&path).by(&token).send().await.expect(200);
    for _ in 0..3 {
        let test = app.post(&format!("{path}/test")).by(&token);
        assert_eq!(test.send().await.expect(202)["type"], "webhook.test");
    }
    let page = get(format!("{path}/messages?limit=2&state=pending")).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = get(format!(
        "{path}/messages?limit=2&state=pending&cursor={cursor}"
    ))
    .await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        get(format!("{path}/messages?type=contact.created")).await["items"],
        json!([])
    );
    let message = format!(
        "{path}/messages/{}",
        page["items"][0]["id"].as_str().unwrap()
    );
    let detail = get(message.clone()).await;
    let body: Value = serde_json::from_str(detail["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&body["type"], body["data"].as_array().unwrap().len()),
        (&json!("webhook.test"), 1)
    );
    app.database
        .execute_as_owner("UPDATE webhook_message SET state = 'failed', reason = 'given_up', attempts = 12, finished_at = now(), due_at = NULL")
        .await;
    let one = app.post(&format!("{message}/replay")).by(&token);
    assert_eq!(one.send().await.expect(202)["state"], "pending");
    let since = json!({"since": "2026-01-01T00:00:00Z"});
    let all = app.post(&format!("{path}/replay")).by(&token).json(&since);
    assert_eq!(all.send().await.expect(202)["messages"], 2);
    let off = json!({"enabled": false});
    app.patch(&path)
        .by(&token)
        .if_match(1)
        .json(&off)
        .send()
        .await
        .expect(200);
    for action in ["test", "replay"] {
        let call = app.post(&format!("{path}/{action}")).by(&token);
        let call = if action == "replay" {
            call.json(&since)
        } else {
            call
        };
        assert_eq!(call.send().await.expect(409)["code"], "webhook_off");
    }
}

#[actix_web::test]
async fn the_document_has_what_each_event_holds() {
    let document = contract::document();
    let webhooks = document["webhooks"].as_object().unwrap();
    for topic in domain::webhook::Topic::ALL {
        let body = &webhooks[topic.as_str()]["post"]["requestBody"]["content"]["application/json"];
        let item = body["schema"]["properties"]["data"]["items"]["$ref"]
            .as_str()
            .unwrap();
        let name = item.strip_prefix("#/components/schemas/").unwrap();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{topic:?}"
        );
    }
}
