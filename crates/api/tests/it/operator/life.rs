//! A tenant's life: made, suspended, resumed, given quotas, erased.

use actix_web::http::Method;
use chrono::TimeDelta;
use domain::operator::certificate::Checker;
use domain::operator::erasure::{self, Erasure};
use domain::operator::reseal;
use domain::page::PageRequest;
use domain::secret::Keys;
use domain::testing::TEST_PASSWORD;
use serde_json::{Value, json};

use super::console::Console;
use crate::matrix::fixture::Fixture;

#[actix_web::test]
async fn a_tenant_is_made_and_its_owner_logs_in_with_the_password_shown_once() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let body = json!({"name": "株式会社サンプル", "owner_login_id": "sample-owner", "owner_name": "花子", "owner_email": "hanako@example.jp"});
    let made = console
        .post("/v1/tenants", &staff.token, &body)
        .await
        .expect(201);
    let log_in = json!({"login_id": "sample-owner", "password": made["owner_password"]});
    console
        .app
        .post("/v1/auth/login")
        .json(&log_in)
        .send()
        .await
        .expect(200);
    let again = console.post("/v1/tenants", &staff.token, &body).await;
    assert_eq!(again.status, 409);
    let id = made["tenant"]["id"].as_str().unwrap();
    let by = format!(
        "SELECT DISTINCT actor_kind || ' ' || (actor_id IS NOT NULL) FROM audit_entry WHERE tenant_id = '{id}' AND action = 'tenant.created'"
    );
    assert_eq!(console.app.database.text(&by).await, "operator true");
}

#[actix_web::test]
async fn a_tenant_that_the_trace_does_not_tell_of_is_not_made() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let database = &console.app.database;
    let deny = "REVOKE INSERT (company_name) ON operator_audit FROM kikubari_operator";
    database.execute_as_owner(deny).await;
    let body = json!({"name": "株式会社サンプル", "owner_login_id": "sample-owner", "owner_name": "花子", "owner_email": "hanako@example.jp"});
    // Past the check against the document, which knows no answer of a fault.
    let url = format!("{}/v1/tenants", console.state.config.operator_url);
    let request = awc::Client::default().post(url).bearer_auth(&staff.token);
    let answer = request.send_json(&body).await.unwrap();
    assert_eq!(answer.status(), 500);
    for table in ["tenant", "user_account", "login_directory"] {
        let sql = format!("SELECT count(*) FROM {table}");
        assert_eq!(database.count(&sql).await, 0, "{table}");
    }
}

#[actix_web::test]
async fn nobody_of_a_suspended_tenant_gets_in_and_everybody_is_told_why() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let owner = console.app.log_in(&tenant.login_id("owner")).await;
    let token = json!({"name": "基幹システム", "scopes": ["contacts.read"]});
    let token = console.app.post("/v1/api-tokens").by(&owner).json(&token);
    let token = token.send().await.expect(201);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let client = text(&token["token"]["client_id"]);
    let secret = text(&token["client_secret"]);
    let program = console.app.exchange(&client, &secret).await.expect(200);
    let program = text(&program["access_token"]);
    let path = format!("/v1/tenants/{}", tenant.id);
    let empty = console
        .post(
            &format!("{path}/suspend"),
            &staff.token,
            &json!({"reason": " "}),
        )
        .await;
    assert_eq!(empty.status, 422);
    let reason = json!({"reason": "料金の未払い"});
    let seen = console
        .post(&format!("{path}/suspend"), &staff.token, &reason)
        .await
        .expect(200);
    assert_eq!(seen["tenant"]["state"], "suspended");
    assert_eq!(seen["tenant"]["suspended_reason"], "料金の未払い");
    let log_in = json!({"login_id": tenant.login_id("owner"), "password": TEST_PASSWORD});
    for answer in [
        console.app.get("/v1/me").by(&owner).send().await,
        console.app.get("/v1/contacts").by(&owner).send().await,
        console.app.get("/v1/contacts").by(&program).send().await,
        console.app.exchange(&client, &secret).await,
        console
            .app
            .post("/v1/auth/login")
            .json(&log_in)
            .send()
            .await,
    ] {
        assert_eq!(answer.status, 403);
        assert_eq!(answer.json()["code"], "tenant_suspended");
    }
    // A wrong password learns nothing of it.
    let wrong = json!({"login_id": tenant.login_id("owner"), "password": "not the password"});
    let answer = console.app.post("/v1/auth/login").json(&wrong).send().await;
    assert_eq!(answer.json()["code"], "wrong_credentials");
    assert_eq!(console.app.exchange(&client, "x").await.status, 401);
    let twice = console
        .post(&format!("{path}/suspend"), &staff.token, &reason)
        .await;
    assert_eq!(twice.status, 409);
    let resumed = console
        .call(
            Method::POST,
            &format!("{path}/resume"),
            Some(&staff.token),
            None,
        )
        .await
        .expect(200);
    assert_eq!(resumed["tenant"]["state"], "active");
    console
        .app
        .get("/v1/me")
        .by(&owner)
        .send()
        .await
        .expect(200);
    // Both stand in the tenant's own log.
    let sql = format!(
        "SELECT count(*) FROM audit_entry WHERE tenant_id = '{}' AND action IN ('tenant.suspended', 'tenant.resumed') AND after ->> 'operator' = '山田 太郎'",
        tenant.id
    );
    assert_eq!(console.app.database.count(&sql).await, 2);
}

#[actix_web::test]
async fn what_can_not_be_taken_back_takes_a_code_of_the_last_minutes() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let path = format!("/v1/tenants/{}", tenant.id);
    let clock = console.app.database.clock.clone();
    let quotas = json!({"contacts": 2, "users": 3, "storage": 10, "mails": 5});
    let another = json!({"name": "株式会社サンプル", "owner_login_id": "sample-owner", "owner_name": "花子", "owner_email": "hanako@example.jp"});
    let guarded = [
        (Method::POST, "/v1/tenants".to_owned(), another, 201),
        (Method::PUT, format!("{path}/quotas"), quotas, 200),
        (
            Method::POST,
            format!("{path}/suspend"),
            json!({"reason": "解約"}),
            200,
        ),
        (Method::POST, format!("{path}/resume"), json!({}), 200),
        (
            Method::POST,
            format!("{path}/suspend"),
            json!({"reason": "解約"}),
            200,
        ),
        (
            Method::POST,
            format!("{path}/erasure"),
            json!({"confirm_name": "株式会社acme"}),
            202,
        ),
        (Method::DELETE, format!("{path}/erasure"), json!({}), 204),
    ];
    for (method, what, body, status) in guarded {
        // The session is still open: a token of its renewal stands for that.
        clock.advance(TimeDelta::minutes(6));
        let session = console.fresh_token(&staff.login_id).await;
        let call = async || {
            console
                .call(method.clone(), &what, Some(&session), Some(&body))
                .await
        };
        assert_eq!(call().await.expect(403)["code"], "code_required", "{what}");
        let used = console.code(&staff);
        console.step_up(&staff, &session).await;
        let again = json!({"code": used});
        let twice = console.post("/v1/auth/step-up", &session, &again).await;
        assert_eq!(twice.expect(403)["code"], "wrong_code", "counts once");
        assert_eq!(call().await.status, status, "{what}");
    }
    let sql = "SELECT count(*) FROM operator_audit WHERE action = 'operator.stepped_up'";
    assert_eq!(console.app.database.count(sql).await, 7);
}

#[actix_web::test]
async fn over_a_quota_nothing_more_is_taken_and_the_tenant_sees_its_numbers() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let owner = console.app.log_in(&tenant.login_id("owner")).await;
    let path = format!("/v1/tenants/{}/quotas", tenant.id);
    let quotas = json!({"contacts": 2, "users": 3, "storage": 10, "mails": 5});
    console
        .call(Method::PUT, &path, Some(&staff.token), Some(&quotas))
        .await
        .expect(200);
    let add = async |n: i32| {
        let person = json!({"email": format!("p{n}@example.jp")});
        console
            .app
            .post("/v1/contacts")
            .by(&owner)
            .json(&person)
            .send()
            .await
    };
    let first = add(1).await.expect(201);
    add(2).await.expect(201);
    let third = add(3).await;
    assert_eq!(third.status, 409);
    assert_eq!(third.json()["code"], "quota_contacts");
    let user = json!({"login_id": "one-more", "display_name": "新人", "email": "new@example.jp", "role": "viewer", "password": TEST_PASSWORD});
    let answer = console
        .app
        .post("/v1/users")
        .by(&owner)
        .json(&user)
        .send()
        .await;
    assert_eq!(answer.json()["code"], "quota_users");
    let file = console
        .app
        .post("/v1/imports?filename=a.csv")
        .by(&owner)
        .raw("text/csv", "email\nlong@example.jp\n")
        .send()
        .await;
    assert_eq!(file.json()["code"], "quota_storage");
    let seen = console
        .app
        .get("/v1/tenant/usage")
        .by(&owner)
        .send()
        .await
        .expect(200);
    assert_eq!(seen["contacts"], json!({"used": 2, "quota": 2}));
    assert_eq!(seen["users"], json!({"used": 3, "quota": 3}));
    assert_eq!(seen["mails"], json!({"used": 0, "quota": 5}));
    // Who makes room may go on.
    let id = first["id"].as_str().unwrap();
    let call = console
        .app
        .delete(&format!("/v1/contacts/{id}"))
        .by(&owner)
        .if_match(1);
    assert_eq!(call.send().await.status, 204);
    add(3).await.expect(201);
    let wrong = json!({"contacts": -1, "users": 0, "storage": null, "mails": null});
    let answer = console
        .call(Method::PUT, &path, Some(&staff.token), Some(&wrong))
        .await;
    assert_eq!(answer.status, 422);
}

#[actix_web::test]
async fn a_tenant_is_erased_with_a_certificate_and_another_one_keeps_every_row() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    console.app.tenant("rival").await;
    let theirs = Fixture::create(&console.app, "rival").await;
    Fixture::create(&console.app, "acme").await;
    let owner = console.app.log_in(&tenant.login_id("owner")).await;
    for parent in [None, Some(())] {
        // Folders in folders: rows of a table that refer to each other.
        let folders = console
            .app
            .get("/v1/folders?kind=mail")
            .by(&owner)
            .send()
            .await
            .expect(200);
        let parent = parent.map(|()| folders["items"][0]["id"].clone());
        let body = json!({"kind": "mail", "name": format!("フォルダ {}", parent.is_some()), "parent_id": parent});
        console
            .app
            .post("/v1/folders")
            .by(&owner)
            .json(&body)
            .send()
            .await
            .expect(201);
    }
    let before = theirs.snapshot(&console.app).await;
    let path = format!("/v1/tenants/{}", tenant.id);
    let now = json!({"confirm_name": "株式会社acme"});
    let early = console
        .post(&format!("{path}/erasure"), &staff.token, &now)
        .await;
    assert_eq!(early.json()["code"], "not_suspended");
    let reason = json!({"reason": "解約"});
    console
        .post(&format!("{path}/suspend"), &staff.token, &reason)
        .await
        .expect(200);
    let wrong = json!({"confirm_name": "株式会社rival"});
    assert_eq!(
        console
            .post(&format!("{path}/erasure"), &staff.token, &wrong)
            .await
            .status,
        422
    );
    let people = format!(
        "SELECT count(*) FROM user_account WHERE tenant_id = '{}'",
        tenant.id
    );
    let people = console.app.database.count(&people).await;
    console
        .post(&format!("{path}/erasure"), &staff.token, &now)
        .await
        .expect(202);

    let (db, keys) = (&console.state.db, &console.state.keys);
    assert!(erasure::run_once(db, keys).await.unwrap());
    assert!(!erasure::run_once(db, keys).await.unwrap());

    let sql = format!(
        "SELECT coalesce(sum((xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I WHERE tenant_id = ''{}''', relname), false, true, '')))[1]::text::bigint), 0)
         FROM pg_class c WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
           AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND attname = 'tenant_id')",
        tenant.id
    );
    assert_eq!(console.app.database.count(&sql).await, 0, "rows are left");
    let gone = format!("SELECT count(*) FROM tenant WHERE id = '{}'", tenant.id);
    assert_eq!(console.app.database.count(&gone).await, 0);
    assert_eq!(theirs.snapshot(&console.app).await, before);
    console.app.tenant("acme").await; // Its login ids are free again.

    let list = console.get("/v1/erasures", &staff.token).await.expect(200);
    let done = &list["items"][0];
    assert_eq!(done["certificate_valid"], true);
    assert_eq!(done["requested_by"], "山田 太郎");
    let text: serde_json::Value =
        serde_json::from_str(done["certificate"].as_str().unwrap()).unwrap();
    assert_eq!(text["tenant"]["name"], "株式会社acme");
    let counts = text["rows_deleted_by_table"].as_object().unwrap();
    for table in [
        "contact",
        "delivery",
        "audit_entry",
        "user_account",
        "login_directory",
        "folder",
        "file_chunk",
        "support_grant",
    ] {
        assert!(counts[table].as_i64().unwrap() > 0, "{table} in {counts:?}");
    }
    assert_eq!(counts["user_account"], people);
    certificates_are_checked_when_their_key_has_left_the_file(&console).await;
    // One changed digit, and it is none of ours.
    console.app.database.execute_as_owner("UPDATE tenant_erasure SET certificate = replace(certificate, '\"rows_left\": 0', '\"rows_left\": 1')").await;
    let list = console.get("/v1/erasures", &staff.token).await.expect(200);
    assert_eq!(list["items"][0]["certificate_valid"], false);
}

/// The one certificate of the console, before and after a rotation of its keys.
async fn certificates_are_checked_when_their_key_has_left_the_file(console: &Console) {
    let (db, keys) = (&console.state.db, &console.state.keys);
    let listed = erasure::list(db, None, &PageRequest::default()).await;
    let finished = listed.unwrap().items.remove(0);
    let here = Checker::load(db, keys).await.unwrap();
    let first = here.signer(&finished).unwrap().clone();
    assert!(first.in_key_file);
    let text: Value = serde_json::from_str(finished.certificate.as_deref().unwrap()).unwrap();
    assert_eq!(text["key_id"], first.kid.as_str());
    assert_eq!(text["public_key_ed25519"], first.base64().as_str());
    // The old key is out of the file.
    let next = Keys::from_master(&[9; 32]).unwrap();
    let later = Checker::load(db, &next).await.unwrap();
    let old = later.signer(&finished).unwrap();
    assert_eq!((old.in_key_file, &old.kid), (false, &first.kid));
    for tampered in [
        Erasure {
            certificate: finished
                .certificate
                .as_ref()
                .map(|text| text.replace("left\": 0", "left\": 1")),
            ..finished.clone()
        },
        Erasure {
            signature: Some(vec![0; 64]),
            ..finished.clone()
        },
        Erasure {
            hash: Some(vec![0; 32]),
            ..finished.clone()
        },
    ] {
        assert!(later.signer(&tampered).is_none());
    }
    // The rotation keeps the keys of the ring, so that none is forgotten by the way.
    let known = "SELECT count(*) FROM certificate_key";
    assert_eq!(console.app.database.count(known).await, 1);
    let ring = Keys::ring(&[[9; 32], [42; 32]], &[]).unwrap();
    reseal::run(db, &ring).await.unwrap();
    reseal::run(db, &ring).await.unwrap();
    assert_eq!(console.app.database.count(known).await, 2);
    let rewrites = "SELECT count(*) FROM pg_class WHERE relname = 'certificate_key' AND has_table_privilege('kikubari_operator', oid, 'UPDATE, DELETE, TRUNCATE')";
    assert_eq!(console.app.database.count(rewrites).await, 0);
    console
        .app
        .database
        .execute_as_owner("DELETE FROM certificate_key")
        .await;
    let stranger = Checker::load(db, &next).await.unwrap();
    assert!(
        stranger.signer(&finished).is_none(),
        "nobody vouches for it"
    );
}

#[actix_web::test]
async fn an_erasure_waits_seven_days_and_can_be_taken_back_until_it_begins() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let path = format!("/v1/tenants/{}", tenant.id);
    console
        .post(
            &format!("{path}/suspend"),
            &staff.token,
            &json!({"reason": "解約"}),
        )
        .await
        .expect(200);
    console
        .post(&format!("{path}/erasure"), &staff.token, &json!({}))
        .await
        .expect(202);
    let twice = console
        .post(&format!("{path}/erasure"), &staff.token, &json!({}))
        .await;
    assert_eq!(twice.json()["code"], "erasure_waits");
    let resume = console
        .call(
            Method::POST,
            &format!("{path}/resume"),
            Some(&staff.token),
            None,
        )
        .await;
    assert_eq!(resume.json()["code"], "erasure_waits");
    let (db, keys) = (&console.state.db, &console.state.keys);
    let clock = console.app.database.clock.clone();
    clock.advance(TimeDelta::days(6));
    assert!(!erasure::run_once(db, keys).await.unwrap());
    let staff = console.log_in(&staff).await;
    let cancelled = console
        .call(
            Method::DELETE,
            &format!("{path}/erasure"),
            Some(&staff),
            None,
        )
        .await;
    assert_eq!(cancelled.status, 204);
    clock.advance(TimeDelta::days(2));
    assert!(!erasure::run_once(db, keys).await.unwrap());
    assert_eq!(
        console
            .app
            .database
            .count("SELECT count(*) FROM tenant")
            .await,
        1
    );
}
