//! Transactional mails over HTTP.

use chrono::TimeDelta;
use domain::clock::Clock;
use serde_json::{Value, json};

use crate::support::TestApp;

/// A tenant that may send, and its mail's id.
async fn ready(app: &TestApp) -> (String, Value) {
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    for (noun, body) in [
        (
            "routes",
            json!({"name": "社内", "host": "smtp.example.co.jp", "port": 587, "security": "starttls", "auth": "none"}),
        ),
        ("sender-domains", json!({"domain": "example.co.jp"})),
    ] {
        let call = app.post(&format!("/v1/{noun}")).by(&owner).json(&body);
        call.send().await.expect(201);
    }
    let body = json!({
        "name": "ご注文の確認", "subject": "ご注文 {{ order_no }}", "text": "{{ name | sama }}\n{{ order_no }}",
        "sender_name": "気配り商店", "sender_address": "order@example.co.jp"
    });
    let mail = app
        .post("/v1/mails")
        .by(&owner)
        .json(&body)
        .send()
        .await
        .expect(201);
    (owner, mail["id"].clone())
}

#[actix_web::test]
async fn the_same_call_with_the_same_key_sends_one_mail_and_it_can_be_looked_up() {
    let app = TestApp::new().await;
    let (owner, mail) = ready(&app).await;
    let body = json!({"mail_id": mail, "email": "taro@example.jp", "values": {"order_no": "A-1", "name": "太郎"}});
    let send = || {
        app.post("/v1/transactional-sends")
            .by(&owner)
            .header("Idempotency-Key", "order-A-1")
            .json(&body)
            .send()
    };
    let first = send().await;
    let place = first.header("location").to_owned();
    let sent = first.expect(202);
    assert_eq!(send().await.expect(202), sent);
    assert_eq!(
        app.database.count("SELECT count(*) FROM delivery").await,
        1,
        "once, whatever the caller's line does"
    );
    let found = app.get(&place).by(&owner).send().await.expect(200);
    assert_eq!(found["kind"], "transactional");
    assert_eq!(found["state"], "queued");
    assert_eq!(found["address"], "taro@example.jp");
    assert_eq!(found["contact_id"], Value::Null);
    assert_eq!(found["campaign_name"], "ご注文の確認");

    // It is no campaign, and nobody can steer it as one.
    let campaigns = app.get("/v1/campaigns").by(&owner).send().await.expect(200);
    assert_eq!(campaigns["items"], json!([]));
    let row = format!("/v1/campaigns/{}", found["campaign_id"].as_str().unwrap());
    app.get(&row).by(&owner).send().await.expect(404);
    app.post(&format!("{row}/stop"))
        .by(&owner)
        .send()
        .await
        .expect(404);
}

#[actix_web::test]
async fn the_list_shows_the_newest_first_by_state_and_by_address() {
    let app = TestApp::new().await;
    let (owner, mail) = ready(&app).await;
    for (address, number) in [
        ("a@example.jp", "A-1"),
        ("b@example.jp", "A-2"),
        ("a@example.jp", "A-3"),
    ] {
        let body = json!({"mail_id": mail, "email": address, "values": {"order_no": number}});
        let call = app.post("/v1/transactional-sends").by(&owner).json(&body);
        call.send().await.expect(202);
    }
    let list = async |query: &str| {
        let path = format!("/v1/transactional-sends?{query}");
        app.get(&path).by(&owner).send().await.expect(200)
    };
    let addresses = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|row| row["address"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = list("limit=2").await;
    assert_eq!(addresses(&page), ["a@example.jp", "b@example.jp"]);
    assert_eq!(page["items"][0]["mail_id"], mail);
    let next = page["next_cursor"].as_str().unwrap();
    assert_eq!(
        addresses(&list(&format!("limit=2&cursor={next}")).await),
        ["a@example.jp"]
    );
    assert_eq!(
        addresses(&list("email=b%40EXAMPLE.jp").await),
        ["b@example.jp"]
    );
    assert_eq!(
        addresses(&list("state=accepted").await),
        Vec::<String>::new()
    );
    assert_eq!(addresses(&list("state=queued").await).len(), 3);
    for query in ["email=nobody", "state=gone", "limit=0"] {
        let path = format!("/v1/transactional-sends?{query}");
        app.get(&path).by(&owner).send().await.expect(422);
    }
}

#[actix_web::test]
async fn what_is_wrong_with_a_call_is_said_field_by_field() {
    let app = TestApp::new().await;
    let (owner, mail) = ready(&app).await;
    for (body, pointer, code) in [
        (json!({"mail_id": mail}), "/email", "required"),
        (
            json!({"mail_id": mail, "email": "a@example.jp", "contact_id": mail}),
            "/contact_id",
            "contradiction",
        ),
        (
            json!({"mail_id": mail, "email": "nobody"}),
            "/email",
            "malformed",
        ),
        (
            json!({"mail_id": mail, "contact_id": mail}),
            "/contact_id",
            "unknown",
        ),
        (
            json!({"mail_id": uuid::Uuid::nil(), "email": "a@example.jp"}),
            "/mail_id",
            "unknown",
        ),
        (
            json!({"mail_id": mail, "email": "a@example.jp"}),
            "/values/order_no",
            "required",
        ),
    ] {
        let call = app.post("/v1/transactional-sends").by(&owner).json(&body);
        let problem = call.send().await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
        assert_eq!(problem["errors"][0]["code"], code, "{body}");
    }
    let viewer = app.log_in("acme-viewer").await;
    let body = json!({"mail_id": mail, "email": "a@example.jp", "values": {"order_no": "A-1"}});
    let call = app.post("/v1/transactional-sends").by(&viewer).json(&body);
    call.send().await.expect(403);
    assert_eq!(app.database.count("SELECT count(*) FROM delivery").await, 0);
}

/// The API ends between the COMMIT of a mail and the storing of its answer: from
/// then on it changes no key, but in the transaction that makes the mail.
#[actix_web::test]
async fn a_process_that_ends_behind_the_commit_lets_nobody_send_twice() {
    let clock = Clock::fixed(Clock::system().now());
    let app = TestApp::with_clock(clock.clone()).await;
    let (owner, mail) = ready(&app).await;
    app.database
        .execute_as_owner(
            "CREATE FUNCTION note_mail() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN PERFORM set_config('test.makes_mail', 'yes', true); RETURN NEW; END $$;
             CREATE TRIGGER note_mail BEFORE INSERT ON delivery FOR EACH ROW EXECUTE FUNCTION note_mail();
             CREATE FUNCTION end_process() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF coalesce(current_setting('test.makes_mail', true), '') <> 'yes' THEN RAISE EXCEPTION 'killed'; END IF;
                    RETURN NEW;
                END $$;
             CREATE TRIGGER end_process BEFORE UPDATE ON idempotency_key FOR EACH ROW EXECUTE FUNCTION end_process()",
        )
        .await;
    let body = json!({"mail_id": mail, "email": "taro@example.jp", "values": {"order_no": "A-1"}});
    let send = || {
        app.post("/v1/transactional-sends")
            .by(&owner)
            .header("Idempotency-Key", "order-A-1")
            .json(&body)
            .send()
    };
    let first = send().await;
    clock.advance(TimeDelta::minutes(6));
    let again = send().await;
    assert_eq!(app.database.count("SELECT count(*) FROM delivery").await, 1);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(again.expect(202), first.expect(202));
}
