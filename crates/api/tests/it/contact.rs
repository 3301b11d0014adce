//! Contacts, own fields, lists and suppression over HTTP.

use serde_json::json;

use crate::support::TestApp;

#[actix_web::test]
async fn a_contact_is_added_changed_and_deleted_with_its_version() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let field =
        json!({"key": "plan", "label": "プラン", "type": "choice", "choices": ["gold", "silver"]});
    app.post("/v1/contact-fields")
        .by(&token)
        .json(&field)
        .send()
        .await
        .expect(201);
    let list = app
        .post("/v1/lists")
        .by(&token)
        .json(&json!({"name": "月刊"}))
        .send()
        .await
        .expect(201);
    let new = json!({"email": "a..b@DOCOMO.ne.jp", "name": "髙橋 一郎", "fields": {"plan": "gold"}, "list_ids": [list["id"]]});
    let contact = app
        .post("/v1/contacts")
        .by(&token)
        .json(&new)
        .send()
        .await
        .expect(201);
    assert_eq!(contact["email"], "a..b@DOCOMO.ne.jp");
    assert_eq!(contact["lists"][0]["status"], "subscribed");
    let path = format!("/v1/contacts/{}", contact["id"].as_str().unwrap());

    let same = json!({"email": "\"a..b\"@docomo.ne.jp"});
    let taken = app
        .post("/v1/contacts")
        .by(&token)
        .json(&same)
        .send()
        .await
        .expect(409);
    assert_eq!(taken["code"], "email_taken");

    app.patch(&path)
        .by(&token)
        .json(&json!({"name": "x"}))
        .send()
        .await
        .expect(428);
    let wrong = json!({"fields": {"plan": "bronze", "nope": 1}});
    let invalid = app
        .patch(&path)
        .by(&token)
        .if_match(1)
        .json(&wrong)
        .send()
        .await
        .expect(422);
    assert_eq!(invalid["errors"].as_array().unwrap().len(), 2);
    let change = json!({"name": "高橋", "fields": {"plan": null}, "status": "disabled"});
    let changed = app
        .patch(&path)
        .by(&token)
        .if_match(1)
        .json(&change)
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&changed["name"], &changed["fields"], &changed["version"]),
        (&json!("高橋"), &json!({}), &json!(2))
    );
    app.patch(&path)
        .by(&token)
        .if_match(1)
        .json(&change)
        .send()
        .await
        .expect(412);

    app.delete(&path)
        .by(&token)
        .if_match(2)
        .send()
        .await
        .expect(204);
    app.get(&path).by(&token).send().await.expect(404);
    let list = app
        .get(&format!("/v1/lists/{}", list["id"].as_str().unwrap()))
        .by(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(list["member_count"], 0);
}

#[actix_web::test]
async fn ids_of_another_tenant_inside_bodies_are_unknown() {
    let app = TestApp::new().await;
    let (acme, other) = (app.tenant("acme").await, app.tenant("other").await);
    let (token, foreign) = (
        app.log_in(&acme.login_id("owner")).await,
        app.log_in(&other.login_id("owner")).await,
    );
    let list = app
        .post("/v1/lists")
        .by(&foreign)
        .json(&json!({"name": "theirs"}))
        .send()
        .await
        .expect(201);
    let contact = app
        .post("/v1/contacts")
        .by(&foreign)
        .json(&json!({"email": "a@example.jp"}))
        .send()
        .await
        .expect(201);

    let new = json!({"email": "b@example.jp", "list_ids": [list["id"]]});
    let refused = app
        .post("/v1/contacts")
        .by(&token)
        .json(&new)
        .send()
        .await
        .expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/list_ids/0");
    let own = app
        .post("/v1/lists")
        .by(&token)
        .json(&json!({"name": "ours"}))
        .send()
        .await
        .expect(201);
    let members = format!("/v1/lists/{}/members", own["id"].as_str().unwrap());
    let refused = app
        .post(&members)
        .by(&token)
        .json(&json!({"contact_ids": [contact["id"]]}))
        .send()
        .await
        .expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/contact_ids/0");
    let in_folder = json!({"name": "x", "folder_id": list["id"]});
    app.post("/v1/lists")
        .by(&token)
        .json(&in_folder)
        .send()
        .await
        .expect(422);
    for path in [
        format!("/v1/contacts/{}", contact["id"].as_str().unwrap()),
        format!("/v1/lists/{}", list["id"].as_str().unwrap()),
    ] {
        app.get(&path).by(&token).send().await.expect(404);
    }
}

#[actix_web::test]
async fn contacts_are_paged_sorted_searched_and_filtered() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    for (email, name) in [
        ("c@example.jp", "山田 花子"),
        ("a@docomo.ne.jp", "山本"),
        ("b@example.jp", "鈴木"),
    ] {
        app.post("/v1/contacts")
            .by(&token)
            .json(&json!({"email": email, "name": name}))
            .send()
            .await
            .expect(201);
    }
    let emails = async |query: &str| {
        let page = app
            .get(&format!("/v1/contacts?{query}"))
            .by(&token)
            .send()
            .await
            .expect(200);
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|c| c["email"].as_str().unwrap().chars().next().unwrap())
            .collect::<String>()
    };
    assert_eq!(emails("").await, "bac");
    assert_eq!(emails("sort=created_at").await, "cab");
    assert_eq!(emails("sort=email").await, "abc");
    assert_eq!(emails("sort=-name").await, "bca");
    assert_eq!(emails("q=%E5%B1%B1%E7%94%B0").await, "c");
    assert_eq!(emails("q=%E5%B1%B1&sort=email").await, "ac");
    assert_eq!(emails("q=example%20%E9%88%B4").await, "b");
    assert_eq!(emails("status=bounced").await, "");
    let first = app
        .get("/v1/contacts?sort=email&limit=2&count=true")
        .by(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(first["total"], 3);
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(
        emails(&format!("sort=email&limit=2&cursor={cursor}")).await,
        "c"
    );
    app.get(&format!("/v1/contacts?sort=name&cursor={cursor}"))
        .by(&token)
        .send()
        .await
        .expect(422);
    app.get("/v1/contacts?sort=search")
        .by(&token)
        .send()
        .await
        .expect(422);
}

#[actix_web::test]
async fn a_viewer_reads_and_changes_nothing() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("viewer")).await;
    app.get("/v1/contacts").by(&token).send().await.expect(200);
    for (path, body) in [
        ("/v1/contacts", json!({"email": "a@example.jp"})),
        (
            "/v1/contact-fields",
            json!({"key": "a", "label": "A", "type": "text"}),
        ),
        ("/v1/lists", json!({"name": "a"})),
        (
            "/v1/suppressions",
            json!({"kind": "domain", "value": "example.jp"}),
        ),
    ] {
        app.post(path)
            .by(&token)
            .json(&body)
            .send()
            .await
            .expect(403);
    }
}

#[actix_web::test]
async fn consents_and_suppressions_are_kept_on_record() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("editor")).await;
    let contact = app
        .post("/v1/contacts")
        .by(&token)
        .json(&json!({"email": "a@example.jp"}))
        .send()
        .await
        .expect(201);
    let path = format!("/v1/contacts/{}/consents", contact["id"].as_str().unwrap());
    let given =
        json!({"kind": "given", "source": "paper", "wording": "同意します", "ip": "203.0.113.5"});
    let consent = app
        .post(&path)
        .by(&token)
        .json(&given)
        .send()
        .await
        .expect(201);
    assert_eq!(
        (&consent["address"], &consent["ip"]),
        (&json!("a@example.jp"), &json!("203.0.113.5"))
    );
    let ledger = app.get(&path).by(&token).send().await.expect(200);
    assert_eq!(ledger["items"].as_array().unwrap().len(), 1);

    let block = json!({"kind": "domain", "value": "@Example.JP"});
    let row = app
        .post("/v1/suppressions")
        .by(&token)
        .json(&block)
        .send()
        .await
        .expect(201);
    assert_eq!(row["value"], "example.jp");
    app.post("/v1/suppressions")
        .by(&token)
        .json(&block)
        .send()
        .await
        .expect(409);
    let found = app
        .get("/v1/suppressions?q=exam")
        .by(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let id = format!("/v1/suppressions/{}", row["id"].as_str().unwrap());
    app.delete(&id).by(&token).send().await.expect(204);
    app.delete(&id).by(&token).send().await.expect(404);
}
