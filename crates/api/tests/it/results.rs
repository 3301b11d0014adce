//! What became of a campaign: deliveries, people left out, report, file, home
//! page, a person's time line.

use domain::ids::CampaignId;
use domain::testing::{TestTenant, sent_campaign};
use serde_json::{Value, json};

use crate::support::TestApp;

/// A campaign to 300 people that is over.
async fn sent(app: &TestApp) -> (TestTenant, CampaignId, String) {
    let tenant = app.tenant("acme").await;
    let id = sent_campaign(&app.database, tenant.id, 300).await;
    let token = app.log_in("acme-owner").await;
    (tenant, id, token)
}

async fn get(app: &TestApp, token: &str, path: &str) -> Value {
    app.get(path).by(token).send().await.expect(200)
}

#[actix_web::test]
async fn deliveries_are_filtered_and_paged_and_one_tells_all() {
    let app = TestApp::new().await;
    let (_, id, token) = sent(&app).await;
    let list = format!("/v1/campaigns/{id}/deliveries");
    let failed = get(&app, &token, &format!("{list}?state=failed&limit=20")).await;
    assert_eq!(failed["items"].as_array().unwrap().len(), 20);
    let row = &failed["items"][0];
    assert_eq!(row["reason"], "rejected");
    assert_eq!(row["last_reply"]["code"], 550);
    assert_eq!(row["last_reply"]["host"], "mx.example.jp");
    let next = failed["next_cursor"].as_str().unwrap();
    let rest = get(
        &app,
        &token,
        &format!("{list}?state=failed&limit=20&cursor={next}"),
    )
    .await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 10);
    assert_eq!(rest["next_cursor"], Value::Null);

    let found = get(
        &app,
        &token,
        &format!("{list}?q=p27%40&opened=true&clicked=true"),
    )
    .await;
    let one = &found["items"][0];
    assert_eq!(one["name"], "人27");
    let path = format!("/v1/deliveries/{}", one["id"].as_str().unwrap());
    let detail = get(&app, &token, &path).await;
    assert_eq!(detail["campaign_name"], "11月号");
    assert_eq!(detail["address"], one["address"]);
    let kinds: Vec<&str> = detail["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["cancel", "click", "open"]);

    for query in [
        "state=gone",
        "opened=perhaps",
        "limit=201",
        "colour=red",
        "cursor=bm8",
        &format!("reason={}", "x".repeat(65)),
    ] {
        app.get(&format!("{list}?{query}"))
            .by(&token)
            .send()
            .await
            .expect(422);
    }
}

#[actix_web::test]
async fn a_report_adds_up_and_its_file_is_harmless() {
    let app = TestApp::new().await;
    let (_, id, token) = sent(&app).await;
    let report = get(&app, &token, &format!("/v1/campaigns/{id}/report")).await;
    assert_eq!(report["counts"]["audience"], 300);
    assert_eq!(report["counts"]["accepted"], 237);
    assert_eq!(report["rates"]["accepted"], json!(0.79));
    assert_eq!(
        report["reasons"],
        json!([
            {"state": "failed", "reason": "rejected", "count": 30},
            {"state": "skipped", "reason": "unsubscribed", "count": 30},
            {"state": "unknown", "reason": "no_answer", "count": 3}
        ])
    );
    let sum = |name: &str| -> i64 {
        let points = report["timeline"].as_array().unwrap();
        points.iter().map(|p| p[name].as_i64().unwrap()).sum()
    };
    assert_eq!(sum("accepted"), 237);
    assert_eq!(json!(sum("opened")), report["counts"]["opened"]);

    let file = app
        .get(&format!("/v1/campaigns/{id}/report.csv"))
        .by(&token)
        .send()
        .await;
    assert_eq!(file.status, 200);
    assert!(file.header("content-disposition").starts_with("attachment"));
    let text = String::from_utf8(file.bytes).unwrap();
    assert!(text.starts_with("\u{feff}メールアドレス,"));
    assert_eq!(text.lines().count(), 301);

    // A viewer sees the report, and may not carry all addresses out of the house.
    let viewer = app.log_in("acme-viewer").await;
    get(&app, &viewer, &format!("/v1/campaigns/{id}/report")).await;
    let refused = app
        .get(&format!("/v1/campaigns/{id}/report.csv"))
        .by(&viewer)
        .send()
        .await;
    assert_eq!(refused.status, 403);
}

#[actix_web::test]
async fn a_draft_tells_who_would_be_left_out_and_has_an_empty_report() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let make = async |path: &str, body: Value| {
        let made = app
            .post(path)
            .by(&token)
            .json(&body)
            .send()
            .await
            .expect(201);
        made["id"].as_str().unwrap().to_owned()
    };
    let list = make("/v1/lists", json!({"name": "会員"})).await;
    make(
        "/v1/contacts",
        json!({"email": "yes@example.jp", "list_ids": [list]}),
    )
    .await;
    make(
        "/v1/contacts",
        json!({"email": "no@blocked.example", "list_ids": [list]}),
    )
    .await;
    make(
        "/v1/suppressions",
        json!({"kind": "domain", "value": "blocked.example", "reason": "manual"}),
    )
    .await;
    let draft = make(
        "/v1/campaigns",
        json!({"name": "下書き", "audience": {"list_ids": [list]}}),
    )
    .await;
    let left_out = get(&app, &token, &format!("/v1/campaigns/{draft}/left-out")).await;
    assert_eq!(left_out["items"].as_array().unwrap().len(), 1);
    assert_eq!(left_out["items"][0]["address"], "no@blocked.example");
    assert_eq!(left_out["items"][0]["reason"], "suppressed_domain");
    let none = get(
        &app,
        &token,
        &format!("/v1/campaigns/{draft}/left-out?reason=bounced"),
    )
    .await;
    assert_eq!(none["items"], json!([]));
    let report = get(&app, &token, &format!("/v1/campaigns/{draft}/report")).await;
    assert_eq!(report["counts"]["audience"], 0);
    assert_eq!(
        (&report["rates"]["opened"], &report["timeline"]),
        (&Value::Null, &json!([]))
    );
    let deliveries = get(&app, &token, &format!("/v1/campaigns/{draft}/deliveries")).await;
    assert_eq!(deliveries["items"], json!([]));
}

#[actix_web::test]
async fn the_home_page_tells_what_wants_a_hand() {
    let app = TestApp::new().await;
    let (_, id, token) = sent(&app).await;
    let summary = get(&app, &token, "/v1/summary").await;
    assert_eq!(summary["recent"][0]["id"], id.to_string());
    assert_eq!(summary["contacts"], json!({"active": 300, "total": 300}));
    let kinds: Vec<&str> = summary["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "campaign_failed",
            "campaign_unknown",
            "legal_missing",
            "route_missing",
            "domain_missing"
        ]
    );
}

#[actix_web::test]
async fn a_persons_time_line_has_everything_newest_first_page_by_page() {
    let app = TestApp::new().await;
    let (_, id, token) = sent(&app).await;
    let found = get(
        &app,
        &token,
        &format!("/v1/campaigns/{id}/deliveries?q=p27%40"),
    )
    .await;
    let contact = found["items"][0]["contact_id"].as_str().unwrap().to_owned();
    let list = app
        .post("/v1/lists")
        .by(&token)
        .json(&json!({"name": "会員"}))
        .send()
        .await
        .expect(201);
    let list_id = list["id"].as_str().unwrap();
    app.call(
        actix_web::http::Method::PUT,
        &format!("/v1/contacts/{contact}/subscriptions/{list_id}"),
    )
    .by(&token)
    .json(&json!({"status": "subscribed"}))
    .send()
    .await
    .expect(200);
    app.post(&format!("/v1/contacts/{contact}/consents"))
        .by(&token)
        .json(&json!({"kind": "given", "source": "電話", "wording": "案内を送ってよい"}))
        .send()
        .await
        .expect(201);
    app.patch(&format!("/v1/contacts/{contact}"))
        .by(&token)
        .if_match(1)
        .json(&json!({"name": "改名"}))
        .send()
        .await
        .expect(200);
    app.post("/v1/suppressions")
        .by(&token)
        .json(
            &json!({"kind": "address", "value": found["items"][0]["address"], "reason": "manual"}),
        )
        .send()
        .await
        .expect(201);

    let mut entries: Vec<Value> = Vec::new();
    let mut path = format!("/v1/contacts/{contact}/timeline?limit=3");
    loop {
        let page = get(&app, &token, &path).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        entries.extend(items.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) => {
                path = format!("/v1/contacts/{contact}/timeline?limit=3&cursor={cursor}");
            }
            None => break,
        }
    }
    let kinds: Vec<&str> = entries
        .iter()
        .map(|e| e["kind"].as_str().unwrap())
        .collect();
    let mut expected = [
        "suppressed",
        "updated",
        "consent_given",
        "subscribed",
        "cancelled",
        "clicked",
        "opened",
        "accepted",
        "created",
    ];
    let mut sorted = kinds.clone();
    sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    let at = |entry: &Value| entry["at"].as_str().unwrap().to_owned();
    assert!(
        entries.windows(2).all(|pair| at(&pair[0]) >= at(&pair[1])),
        "{kinds:?}"
    );
    let clicked = entries.iter().find(|e| e["kind"] == "clicked").unwrap();
    assert_eq!(clicked["summary"]["url"], "https://example.jp/one");
    assert_eq!(clicked["summary"]["campaign_name"], "11月号");
    let subscribed = entries.iter().find(|e| e["kind"] == "subscribed").unwrap();
    assert_eq!(subscribed["summary"]["list_name"], "会員");
    app.get(&format!("/v1/contacts/{contact}/timeline?cursor=bm8"))
        .by(&token)
        .send()
        .await
        .expect(422);
}
