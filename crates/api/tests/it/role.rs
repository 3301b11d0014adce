//! Roles over HTTP: own ones, and that nobody gives more than they have.

use domain::testing::TEST_PASSWORD;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

async fn create(app: &TestApp, by: &str, name: &str, permissions: Value) -> Answer {
    let body = json!({"name": name, "permissions": permissions});
    app.post("/v1/roles").by(by).json(&body).send().await
}

async fn add(app: &TestApp, by: &str, login_id: &str, role: &Value) -> Answer {
    let body = json!({"login_id": login_id, "display_name": login_id, "email": "a@example.jp", "role": role,
        "password": TEST_PASSWORD});
    let answer = app.post("/v1/users").by(by).json(&body).send().await;
    app.own_password(login_id).await;
    answer
}

fn path(noun: &str, row: &Value) -> String {
    format!("/v1/{noun}/{}", row["id"].as_str().expect("an id"))
}

#[actix_web::test]
async fn an_own_role_holds_at_once_and_stays_while_people_have_it() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let role = create(
        &app,
        &owner,
        "編集のみ",
        json!(["contacts.read", "contacts.write"]),
    )
    .await;
    let role = role.expect(201);
    let user = add(&app, &owner, "acme-own", &role["key"])
        .await
        .expect(201);
    assert_eq!(
        (&user["role"], &user["role_name"]),
        (&role["key"], &json!("編集のみ"))
    );
    let told = "SELECT after->>'role' || ' ' || (after->>'password') FROM audit_entry
        WHERE action = 'user.created' AND after->>'login_id' = 'acme-own'";
    assert_eq!(
        app.database.text(told).await,
        format!("{} temporary", role["key"].as_str().unwrap()),
        "what they may from the first day on, and how they came by their password"
    );
    let token = app.log_in("acme-own").await;
    let contact = async |email: &str| {
        let body = json!({ "email": email });
        app.post("/v1/contacts").by(&token).json(&body).send().await
    };
    contact("a@example.jp").await.expect(201);
    let less = json!({"name": "閲覧のみ", "permissions": ["contacts.read"]});
    let change = app
        .patch(&path("roles", &role))
        .by(&owner)
        .if_match(1)
        .json(&less);
    let changed = change.send().await.expect(200);
    assert_eq!(
        (&changed["people"], &changed["version"]),
        (&json!(1), &json!(2))
    );
    contact("b@example.jp").await.expect(403);
    let told = app.database.text("SELECT before->'permissions' || (after->'permissions') FROM audit_entry WHERE action = 'role.updated'");
    assert_eq!(
        told.await,
        r#"["contacts.read", "contacts.write", "contacts.read"]"#
    );
    let delete = async |version: i64| {
        app.delete(&path("roles", &role))
            .by(&owner)
            .if_match(version)
            .send()
            .await
    };
    let refused = delete(2).await.expect(409);
    assert_eq!(refused["code"], "role_in_use");
    assert!(
        refused["detail"].as_str().unwrap().starts_with("1 "),
        "{refused}"
    );
    let other = json!({"role": "viewer"});
    let change = app
        .patch(&path("users", &user))
        .by(&owner)
        .if_match(1)
        .json(&other);
    change.send().await.expect(200);
    delete(1).await.expect(412);
    delete(2).await.expect(204);
    assert_eq!(delete(2).await.expect(404)["code"], "not_found");
}

#[actix_web::test]
async fn builtin_roles_stay_and_names_are_told_apart() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let owner = app.log_in("acme-owner").await;
    let roles = app.get("/v1/roles").by(&owner).send().await.expect(200);
    let keys: Vec<&str> = roles["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["key"].as_str().unwrap())
        .collect();
    assert_eq!(
        keys,
        ["owner", "admin", "editor", "approver", "analyst", "viewer"]
    );
    let viewer = &roles["items"][5];
    let change = app.patch(&path("roles", viewer)).by(&owner).if_match(1);
    let change = change
        .json(&json!({"permissions": ["contacts.export"]}))
        .send()
        .await;
    assert_eq!(change.expect(409)["code"], "builtin_role");
    let delete = app
        .delete(&path("roles", viewer))
        .by(&owner)
        .if_match(1)
        .send()
        .await;
    assert_eq!(delete.expect(409)["code"], "builtin_role");
    let taken = create(&app, &owner, "編集者", json!(["mails.read"])).await;
    assert_eq!(taken.expect(409)["code"], "name_taken");
    let unfit = create(
        &app,
        &owner,
        " ",
        json!(["mails.read", "no.such", "tenant.own"]),
    )
    .await
    .expect(422);
    let pointers: Vec<&Value> = unfit["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["pointer"])
        .collect();
    assert_eq!(pointers, ["/name", "/permissions/1", "/permissions/2"]);
}

#[actix_web::test]
async fn nobody_gives_more_than_they_have() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    tenant.add(&app.database.db, "admin").await;
    let owner = app.log_in("acme-owner").await;
    // May manage people and roles, and little else.
    let few = json!([
        "settings.read",
        "users.manage",
        "roles.manage",
        "contacts.read"
    ]);
    let role = create(&app, &owner, "人事", few).await.expect(201);
    add(&app, &owner, "acme-hr", &role["key"]).await.expect(201);
    let strong = create(
        &app,
        &owner,
        "書き出し",
        json!(["contacts.read", "contacts.export"]),
    )
    .await
    .expect(201);
    let hr = app.log_in("acme-hr").await;
    let refused = |answer: Answer| assert_eq!(answer.expect(403)["code"], "beyond_own_permissions");
    for role in [
        json!("owner"),
        json!("admin"),
        json!("viewer"),
        strong["key"].clone(),
    ] {
        refused(add(&app, &hr, "acme-new", &role).await);
    }
    refused(
        create(
            &app,
            &hr,
            "もっと",
            json!(["contacts.read", "contacts.export"]),
        )
        .await,
    );
    for change in [
        json!({"name": "改名"}),
        json!({"permissions": ["contacts.read"]}),
    ] {
        let path = path("roles", &strong);
        refused(
            app.patch(&path)
                .by(&hr)
                .if_match(1)
                .json(&change)
                .send()
                .await,
        );
    }
    refused(
        app.delete(&path("roles", &strong))
            .by(&hr)
            .if_match(1)
            .send()
            .await,
    );
    let own = json!({"permissions": ["contacts.read", "users.manage", "tokens.manage"]});
    refused(
        app.patch(&path("roles", &role))
            .by(&hr)
            .if_match(1)
            .json(&own)
            .send()
            .await,
    );
    // What they have they give.
    let small = create(&app, &hr, "連絡先を見る", json!(["contacts.read"]))
        .await
        .expect(201);
    let user = add(&app, &hr, "acme-new", &small["key"]).await.expect(201);
    let raise = json!({"role": strong["key"]});
    refused(
        app.patch(&path("users", &user))
            .by(&hr)
            .if_match(1)
            .json(&raise)
            .send()
            .await,
    );
}

#[actix_web::test]
async fn who_may_more_is_not_changed_by_who_may_less() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    tenant.add(&app.database.db, "admin").await;
    let admin = app.log_in("acme-admin").await;
    let owner = format!("/v1/users/{}", tenant.owner_id);
    for change in [
        json!({"password": "another good password"}),
        json!({"email": "admin@example.jp"}),
        json!({"disabled": true}),
        json!({"role": "viewer"}),
    ] {
        let answer = app
            .patch(&owner)
            .by(&admin)
            .if_match(1)
            .json(&change)
            .send()
            .await;
        assert_eq!(
            answer.expect(403)["code"],
            "beyond_own_permissions",
            "{change}"
        );
    }
    // Nor are their factors taken away, links sent to them, or invitations of theirs moved.
    let reset = app.delete(&format!("{owner}/second-factors")).by(&admin);
    assert_eq!(
        reset.send().await.expect(403)["code"],
        "beyond_own_permissions"
    );
    let invited = json!({"login_id": "acme-second", "display_name": "二人目", "email": "b@example.jp", "role": "owner"});
    let by_owner = app.log_in("acme-owner").await;
    let call = app.post("/v1/users").by(&by_owner).json(&invited);
    let second = call.send().await.expect(201);
    let second = path("users", &second);
    for call in [
        app.post(&format!("{owner}/password-reset")),
        app.post(&format!("{second}/invitation")),
        app.delete(&format!("{second}/invitation")),
    ] {
        let refused = call.by(&admin).send().await.expect(403);
        assert_eq!(refused["code"], "beyond_own_permissions");
    }
    let users = app.get("/v1/users").by(&admin).send().await.expect(200);
    let myself = users["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|u| u["login_id"] == "acme-admin");
    let path = path("users", myself.unwrap());
    let raise = app
        .patch(&path)
        .by(&admin)
        .if_match(1)
        .json(&json!({"role": "owner"}))
        .send()
        .await;
    assert_eq!(raise.expect(403)["code"], "beyond_own_permissions");
}
