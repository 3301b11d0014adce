//! Sending rules over HTTP: quiet hours of the company and of one campaign,
//! the frequency cap.

use serde_json::{Value, json};

use crate::support::TestApp;

#[actix_web::test]
async fn the_companys_rules_are_set_kept_and_taken_away_and_what_is_wrong_is_said() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let change = async |version: i64, body: Value| {
        let call = app
            .patch("/v1/tenant")
            .by(&owner)
            .if_match(version)
            .json(&body);
        call.send().await
    };
    let rules = json!({"sending_hours": {"from": "09:00", "until": "20:00"}, "frequency_cap": {"mails": 3, "days": 7}});
    let set = change(1, rules.clone()).await.expect(200);
    assert_eq!(set["sending_hours"], rules["sending_hours"]);
    assert_eq!(set["frequency_cap"], rules["frequency_cap"]);
    let kept = change(2, json!({"idle_minutes": 60})).await.expect(200);
    assert_eq!(kept["sending_hours"], rules["sending_hours"]);
    for (body, pointer) in [
        (
            json!({"sending_hours": {"from": "9:00", "until": "20:00"}}),
            "/sending_hours/from",
        ),
        (
            json!({"sending_hours": {"from": "09:00", "until": "09:00"}}),
            "/sending_hours/until",
        ),
        (
            json!({"frequency_cap": {"mails": 0, "days": 7}}),
            "/frequency_cap/mails",
        ),
        (
            json!({"frequency_cap": {"mails": 3, "days": 91}}),
            "/frequency_cap/days",
        ),
    ] {
        let problem = change(3, body).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    let gone = change(3, json!({"sending_hours": null, "frequency_cap": null}))
        .await
        .expect(200);
    assert_eq!(
        (&gone["sending_hours"], &gone["frequency_cap"]),
        (&Value::Null, &Value::Null)
    );
}

#[actix_web::test]
async fn a_campaign_can_have_hours_of_its_own_or_none() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let body = json!({"name": "11月号", "hours": {"mode": "own", "own": {"from": "22:00", "until": "02:00"}}});
    let made = app
        .post("/v1/campaigns")
        .by(&owner)
        .json(&body)
        .send()
        .await
        .expect(201);
    assert_eq!(made["hours"], body["hours"]);
    assert_eq!(
        made["waits_until"],
        Value::Null,
        "a draft waits for nothing"
    );
    let path = format!("/v1/campaigns/{}", made["id"].as_str().unwrap());
    let change = async |version: i64, hours: Value| {
        let body = json!({"hours": hours});
        app.patch(&path)
            .by(&owner)
            .if_match(version)
            .json(&body)
            .send()
            .await
    };
    let any = change(1, json!({"mode": "any"})).await.expect(200);
    assert_eq!(any["hours"], json!({"mode": "any", "own": null}));
    for (hours, code) in [
        (json!({"mode": "own"}), "required"),
        (
            json!({"mode": "any", "own": {"from": "09:00", "until": "20:00"}}),
            "contradiction",
        ),
    ] {
        let problem = change(2, hours).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "/hours/own");
        assert_eq!(problem["errors"][0]["code"], code);
    }
    let plain = app
        .post("/v1/campaigns")
        .by(&owner)
        .json(&json!({"name": "12月号"}));
    assert_eq!(plain.send().await.expect(201)["hours"]["mode"], "tenant");
}

#[actix_web::test]
async fn a_calendar_of_a_time_that_the_database_does_not_know_is_refused() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let look = async |from: &str, until: &str| {
        let path = format!("/v1/campaign-calendar?from={from}T00:00:00Z&until={until}T00:00:00Z");
        app.get(&path).by(&owner).send().await
    };
    look("2026-11-01", "2026-12-01").await.expect(200);
    for (from, until) in [("-9999-01-01", "-9999-01-02"), ("1999-12-01", "2000-01-01")] {
        let problem = look(from, until).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "/from");
    }
}
