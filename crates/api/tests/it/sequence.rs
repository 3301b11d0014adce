//! Sequences (step mail) over HTTP.

use serde_json::{Value, json};

use crate::support::TestApp;

/// A tenant's owner, a mail, and a contact.
async fn ready(app: &TestApp) -> (String, Value, Value) {
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let body = json!({"name": "お礼", "subject": "ご登録ありがとうございます", "text": "はじめに"});
    let mail = app.post("/v1/mails").by(&owner).json(&body);
    let mail = mail.send().await.expect(201);
    let body = json!({"email": "taro@example.jp", "name": "髙橋 太郎"});
    let contact = app.post("/v1/contacts").by(&owner).json(&body);
    let contact = contact.send().await.expect(201);
    (owner, mail["id"].clone(), contact["id"].clone())
}

fn rule(mail: &Value, steps: Value) -> Value {
    let mut steps = steps;
    for step in steps.as_array_mut().unwrap() {
        step["mail_id"] = mail.clone();
    }
    json!({"name": "新規会員へのご案内", "time_zone": "Asia/Tokyo", "entry": {"kind": "manual"}, "steps": steps})
}

#[actix_web::test]
async fn a_sequence_is_written_read_changed_with_its_version_and_deleted() {
    let app = TestApp::new().await;
    let (owner, mail, _) = ready(&app).await;
    let body = rule(
        &mail,
        json!([
            {"delay": 0, "unit": "minutes"},
            {"delay": 3, "unit": "days", "at": "09:00", "condition": {"reaction": "not_opened"}}
        ]),
    );
    let made = app.post("/v1/sequences").by(&owner).json(&body);
    let made = made.send().await.expect(201);
    assert_eq!(made["state"], "draft");
    assert_eq!(made["cap_exempt"], true);
    assert_eq!(made["steps"][1]["condition"]["reaction"], "not_opened");
    let path = format!("/v1/sequences/{}", made["id"].as_str().unwrap());

    // The steps change places; their ids stay.
    let mut changed = body.clone();
    changed["steps"] = json!([made["steps"][1], made["steps"][0]]);
    let put = |version: &str| {
        app.put(&path)
            .by(&owner)
            .header("If-Match", version)
            .json(&changed)
            .send()
    };
    let after = put("\"1\"").await.expect(200);
    assert_eq!(after["steps"][0]["id"], made["steps"][1]["id"]);
    assert_eq!(after["steps"].as_array().unwrap().len(), 2);
    put("\"1\"").await.expect(412);

    app.delete(&path)
        .by(&owner)
        .header("If-Match", "\"2\"")
        .send()
        .await
        .expect(204);
    app.get(&path).by(&owner).send().await.expect(404);
}

#[actix_web::test]
async fn what_can_not_be_is_refused_at_its_place() {
    let app = TestApp::new().await;
    let (owner, mail, _) = ready(&app).await;
    let table = [
        (
            rule(&mail, json!([{"delay": 366, "unit": "days"}])),
            "/steps/0/delay",
        ),
        (
            rule(&mail, json!([{"delay": 1, "unit": "hours", "at": "09:00"}])),
            "/steps/0/at",
        ),
        (
            rule(&mail, json!([{"delay": 1, "unit": "days", "at": "9時"}])),
            "/steps/0/at",
        ),
        (
            rule(
                &json!(uuid::Uuid::nil()),
                json!([{"delay": 1, "unit": "days"}]),
            ),
            "/steps/0/mail_id",
        ),
        (
            rule(
                &mail,
                json!([{"id": uuid::Uuid::nil(), "delay": 1, "unit": "days"}]),
            ),
            "/steps/0/id",
        ),
        (
            json!({"name": "x", "time_zone": "Asia/Tokyo", "entry": {"kind": "list"}, "steps": []}),
            "/entry/list_id",
        ),
        (
            json!({"name": "x", "time_zone": "Asia/Tokyo", "entry": {"kind": "date"}, "steps": []}),
            "/entry/field",
        ),
    ];
    for (body, pointer) in table {
        let call = app.post("/v1/sequences").by(&owner).json(&body);
        let problem = call.send().await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}

/// Each kind with what belongs to the others: when it is made and when it is changed.
#[actix_web::test]
async fn a_field_that_belongs_to_another_kind_of_entry_is_refused_by_its_name() {
    let app = TestApp::new().await;
    let (owner, _, _) = ready(&app).await;
    let list = json!({"name": "会員"});
    let list = app.post("/v1/lists").by(&owner).json(&list);
    let list = list.send().await.expect(201)["id"].clone();
    let field = json!({"key": "trial_ends_on", "label": "体験終了日", "type": "date"});
    let field = app.post("/v1/contact-fields").by(&owner).json(&field);
    field.send().await.expect(201);
    let body = |entry: &Value| json!({"name": "x", "time_zone": "Asia/Tokyo", "entry": entry, "steps": []});
    let own = [
        json!({"kind": "manual"}),
        json!({"kind": "list", "list_id": list}),
        json!({"kind": "date", "field": "trial_ends_on", "offset_days": -7, "repeat": "once"}),
    ];
    let all =
        json!({"list_id": list, "field": "trial_ends_on", "offset_days": -7, "repeat": "once"});
    for entry in &own {
        let made = app.post("/v1/sequences").by(&owner).json(&body(entry));
        let made = made.send().await.expect(201);
        let path = format!("/v1/sequences/{}", made["id"].as_str().unwrap());
        // What was read can be written back: the fields of other kinds are null there.
        let version = made["version"].as_i64().unwrap();
        let back = app.put(&path).by(&owner).if_match(version);
        back.json(&body(&made["entry"])).send().await.expect(200);
        for (name, value) in all.as_object().unwrap() {
            if entry.get(name).is_some() {
                continue;
            }
            let mut mixed = entry.clone();
            mixed[name] = value.clone();
            let put = app.put(&path).by(&owner).if_match(version + 1);
            for call in [app.post("/v1/sequences").by(&owner), put] {
                let problem = call.json(&body(&mixed)).send().await.expect(422);
                assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{problem}");
                assert_eq!(problem["errors"][0]["pointer"], format!("/entry/{name}"));
                assert_eq!(problem["errors"][0]["code"], "not_of_this_kind");
            }
        }
    }
}

#[actix_web::test]
async fn a_mail_that_is_not_ready_keeps_it_from_beginning_and_can_not_be_deleted() {
    let app = TestApp::new().await;
    let (owner, mail, contact) = ready(&app).await;
    let body = rule(&mail, json!([{"delay": 0, "unit": "minutes"}]));
    let made = app.post("/v1/sequences").by(&owner).json(&body);
    let made = made.send().await.expect(201);
    let path = format!("/v1/sequences/{}", made["id"].as_str().unwrap());
    let begin = app.post(&format!("{path}/activate")).by(&owner);
    let problem = begin.send().await.expect(409);
    assert!(problem["detail"].as_str().unwrap().starts_with("step 1"));
    let people = format!("{path}/people");
    let body = json!({"contact_ids": [contact]});
    let call = app.post(&people).by(&owner).json(&body);
    call.send().await.expect(409);
    let mail = format!("/v1/mails/{}", mail.as_str().unwrap());
    let call = app.delete(&mail).by(&owner).header("If-Match", "\"1\"");
    call.send().await.expect(409);
}

#[actix_web::test]
async fn people_are_put_in_once_listed_with_what_comes_next_and_taken_out() {
    let app = TestApp::new().await;
    let (owner, mail, contact) = ready(&app).await;
    let body = rule(&mail, json!([{"delay": 0, "unit": "minutes"}]));
    let made = app.post("/v1/sequences").by(&owner).json(&body);
    let made = made.send().await.expect(201);
    app.database
        .execute_as_owner("UPDATE sequence SET state = 'active'")
        .await;
    let path = format!("/v1/sequences/{}", made["id"].as_str().unwrap());
    let people = format!("{path}/people");
    let body = json!({"contact_ids": [contact]});
    for (entered, left_out) in [(1, 0), (0, 1)] {
        let call = app.post(&people).by(&owner).json(&body);
        let answer = call.send().await.expect(200);
        assert_eq!(answer, json!({"entered": entered, "left_out": left_out}));
    }
    let page = app.get(&people).by(&owner).send().await.expect(200);
    assert_eq!(page["items"][0]["email"], "taro@example.jp");
    assert_eq!(page["items"][0]["state"], "active");

    let body = json!({"audience": {"all": true}});
    let call = app.post(&format!("{path}/intake-count")).by(&owner);
    let count = call.json(&body).send().await.expect(200);
    let more = count["people"].as_i64().unwrap() + 1;
    let body = json!({"audience": {"all": true}, "confirmed_people": more});
    let call = app.post(&format!("{path}/intakes")).by(&owner).json(&body);
    assert_eq!(call.send().await.expect(409)["code"], "people_changed");
    let body = json!({"audience": {"all": true}, "confirmed_people": count["people"]});
    let call = app.post(&format!("{path}/intakes")).by(&owner).json(&body);
    let intake = call.send().await.expect(202);
    assert_eq!(intake["done_at"], Value::Null);
    let intakes = format!("{path}/intakes");
    let listed = app.get(&intakes).by(&owner).send().await.expect(200);
    assert_eq!(listed["items"][0]["id"], intake["id"]);

    let person = format!("{people}/{}", contact.as_str().unwrap());
    app.delete(&person).by(&owner).send().await.expect(204);
    app.delete(&person).by(&owner).send().await.expect(404);
    let left = format!("{people}?state=left");
    let left = app.get(&left).by(&owner).send().await.expect(200);
    assert_eq!(left["items"][0]["reason"], "removed");
    let results = format!("{path}/results");
    let results = app.get(&results).by(&owner).send().await.expect(200);
    assert_eq!(
        (&results["left"], &results["active"]),
        (&json!(1), &json!(0))
    );
}

#[actix_web::test]
async fn an_audience_of_many_comes_in_with_a_fresh_proof() {
    let app = TestApp::new().await;
    let (owner, mail, _) = ready(&app).await;
    let body = json!({"email": "hanako@example.jp"});
    let call = app.post("/v1/contacts").by(&owner).json(&body);
    call.send().await.expect(201);
    let body = rule(&mail, json!([{"delay": 0, "unit": "minutes"}]));
    let made = app.post("/v1/sequences").by(&owner).json(&body);
    let made = made.send().await.expect(201);
    app.database
        .execute_as_owner(
            "UPDATE sequence SET state = 'active';
             UPDATE session SET stepped_up_at = stepped_up_at - interval '10 minutes';
             UPDATE tenant SET step_up_people = 1",
        )
        .await;
    let path = format!("/v1/sequences/{}", made["id"].as_str().unwrap());
    let body = json!({"audience": {"all": true}});
    let call = app.post(&format!("{path}/intake-count")).by(&owner);
    assert_eq!(call.json(&body).send().await.expect(200)["people"], 2);
    let body = json!({"audience": {"all": true}, "confirmed_people": 2});
    let enter = async || {
        let call = app.post(&format!("{path}/intakes")).by(&owner).json(&body);
        call.send().await
    };
    assert_eq!(enter().await.expect(403)["code"], "step_up_required");
    app.database
        .execute_as_owner("UPDATE tenant SET step_up_people = 2")
        .await;
    enter().await.expect(202);
    let told =
        "SELECT after->>'people' FROM audit_entry WHERE action = 'sequence.audience_entered'";
    assert_eq!(app.database.text(told).await, "2");
}
