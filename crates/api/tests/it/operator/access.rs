//! Support access, from both sides.

use actix_web::http::Method;
use api::middleware::access::WATCHED;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::console::{Console, document};
use crate::matrix::fixture::Fixture;

pub const ALL: [&str; 5] = [
    "contacts.read",
    "mails.read",
    "campaigns.read",
    "reports.read",
    "settings.read",
];

/// The kinds of things that the tenants' page of the audit log has words for.
const SUBJECTS: &str = include_str!("../../../../../frontend/src/features/audit/codes.ts");

/// Paths of the looks, behind the support session, with their operation ids.
fn views() -> Vec<(String, String)> {
    let paths = document()["paths"].as_object().expect("paths");
    let views = paths.iter().filter_map(|(path, item)| {
        let inside = path.strip_prefix("/v1/support/{tenant}/{support}")?;
        Some((
            inside.to_owned(),
            item["get"]["operationId"].as_str()?.to_owned(),
        ))
    });
    views.collect()
}

async fn looks(console: &Console, tenant: &str) -> i64 {
    let sql = format!(
        "SELECT count(*) FROM audit_entry WHERE tenant_id = '{tenant}' AND action = 'support.viewed'
         AND actor_kind = 'operator' AND after ->> 'operator' = '山田 太郎' AND request_id IS NOT NULL"
    );
    console.app.database.count(&sql).await
}

#[actix_web::test]
async fn without_a_grant_staff_see_a_tenants_name_and_numbers_and_nothing_else() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let owner = console.app.log_in(&tenant.login_id("owner")).await;
    let person = json!({"email": "hanako@example.jp", "name": "花子"});
    let call = console.app.post("/v1/contacts").by(&owner).json(&person);
    call.send().await.expect(201);
    let seen = console
        .get(&format!("/v1/tenants/{}", tenant.id), &staff.token)
        .await
        .expect(200);
    assert_eq!(seen["tenant"]["contacts"], 1);
    assert_eq!(seen["tenant"]["users"], 3);
    assert!(seen["last_active_at"].is_string());
    let list = console
        .get("/v1/tenants?q=acme", &staff.token)
        .await
        .expect(200);
    assert_eq!(list["items"][0]["name"], "株式会社acme");
    for text in [seen.to_string(), list.to_string()] {
        assert!(
            !text.contains("hanako") && !text.contains("example.jp"),
            "{text}"
        );
    }
    let guess = "0192f0c1-7c1e-7d3a-9b1e-5d2f6a7b8c9d";
    for (inside, operation) in views() {
        let path = format!(
            "/v1/support/{}/{guess}{}",
            tenant.id,
            inside.replace("{id}", guess)
        );
        let answer = console.get(&path, &staff.token).await;
        assert_eq!(answer.status, 403, "{operation}");
        assert_eq!(answer.json()["code"], "no_grant");
    }
    assert_eq!(looks(&console, &tenant.id.to_string()).await, 0);
}

#[actix_web::test]
async fn each_look_of_staff_is_an_entry_of_the_tenants_own_audit_log() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let fixture = Fixture::create(&console.app, "acme").await;
    let grant = console.grant(&tenant, &ALL).await;
    let base = console.open(&tenant, &grant, &staff.token).await;
    let id = tenant.id.to_string();
    for (n, (inside, operation)) in views().into_iter().enumerate() {
        let path = fixture
            .fill(&format!("/v1{inside}"))
            .replacen("/v1", &base, 1);
        let answer = console.get(&path, &staff.token).await;
        assert_eq!(
            answer.status,
            200,
            "{operation}: {}",
            String::from_utf8_lossy(&answer.bytes)
        );
        assert_eq!(
            looks(&console, &id).await,
            i64::try_from(n).unwrap() + 1,
            "{operation}"
        );
        let last = format!(
            "SELECT (after ->> 'operation') || ' ' || subject_kind || ' ' || coalesce(subject_id::text, '-') FROM audit_entry
             WHERE tenant_id = '{id}' AND action = 'support.viewed' ORDER BY id DESC LIMIT 1"
        );
        let last = console.app.database.text(&last).await;
        // People's data stand where everybody who looks stands, too.
        let seen = format!(
            "SELECT count(*) FROM access_entry WHERE tenant_id = '{id}' AND operation = '{operation}' AND actor_kind = 'operator'
             AND actor_id IS NOT NULL AND request_id IS NOT NULL AND at > now() - interval '1 minute'"
        );
        let is_watched = WATCHED.iter().any(|w| w.operation == operation);
        assert_eq!(
            console.app.database.count(&seen).await,
            i64::from(is_watched),
            "{operation}"
        );
        let [named, kind, subject] = last.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{last}");
        };
        assert_eq!(named, operation);
        assert!(
            SUBJECTS.contains(&format!("\"{kind}\"")),
            "{operation} is about {kind}, which has no words"
        );
        assert_eq!(
            subject != "-",
            inside.contains("{id}"),
            "{operation}: {subject}"
        );
    }
    // And the tenant sees how often.
    let owner = console.app.log_in(&tenant.login_id("owner")).await;
    let grants = console
        .app
        .get("/v1/support-grants")
        .by(&owner)
        .send()
        .await
        .expect(200);
    assert_eq!(
        grants["items"][0]["looks"],
        i64::try_from(views().len()).unwrap()
    );
}

#[actix_web::test]
async fn a_revoked_grant_ends_the_next_look() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let grant = console.grant(&tenant, &ALL).await;
    let base = console.open(&tenant, &grant, &staff.token).await;
    console
        .get(&format!("{base}/contacts"), &staff.token)
        .await
        .expect(200);
    let owner = console.app.log_in(&tenant.login_id("owner")).await;
    let path = format!("/v1/support-grants/{grant}/revoke");
    let revoked = console.app.post(&path).by(&owner).send().await.expect(200);
    assert_eq!(revoked["active"], false);
    let answer = console.get(&format!("{base}/contacts"), &staff.token).await;
    assert_eq!(answer.status, 403);
    let again = format!("/v1/tenants/{}/support-sessions", tenant.id);
    let answer = console
        .post(&again, &staff.token, &json!({"grant_id": grant}))
        .await;
    assert_eq!(answer.status, 403);
    assert_eq!(looks(&console, &tenant.id.to_string()).await, 1);
}

#[actix_web::test]
async fn an_expired_grant_ends_the_next_look() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let grant = console.grant(&tenant, &ALL).await;
    let base = console.open(&tenant, &grant, &staff.token).await;
    console
        .get(&format!("{base}/contacts"), &staff.token)
        .await
        .expect(200);
    let over = "UPDATE support_grant SET created_at = created_at - interval '2 days', expires_at = now() - interval '1 second'";
    console.app.database.execute_as_owner(over).await;
    let answer = console.get(&format!("{base}/contacts"), &staff.token).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["code"], "no_grant");
}

#[actix_web::test]
async fn a_support_session_is_of_one_tenant_one_person_and_one_log_in() {
    let console = Console::new().await;
    let (yamada, suzuki) = (console.staff("yamada").await, console.staff("suzuki").await);
    let tenant = console.app.tenant("acme").await;
    let rival = console.app.tenant("rival").await;
    let grant = console.grant(&tenant, &ALL).await;
    let base = console.open(&tenant, &grant, &yamada.token).await;
    let path = format!("{base}/contacts");
    console.get(&path, &yamada.token).await.expect(200);
    assert_eq!(
        console.get(&path, &suzuki.token).await.status,
        403,
        "another person"
    );
    let elsewhere = path.replace(&tenant.id.to_string(), &rival.id.to_string());
    assert_eq!(
        console.get(&elsewhere, &yamada.token).await.status,
        403,
        "another tenant"
    );
    let path_of_rival = format!("/v1/tenants/{}/support-sessions", rival.id);
    let answer = console
        .post(&path_of_rival, &yamada.token, &json!({"grant_id": grant}))
        .await;
    assert_eq!(answer.status, 404, "another tenant's grant");
    let again = console.log_in(&yamada).await;
    assert_eq!(
        console.get(&path, &again).await.status,
        403,
        "another log-in"
    );
    let close = base.replace("/v1/support/", "/v1/tenants/").replacen(
        &format!("{}/", tenant.id),
        &format!("{}/support-sessions/", tenant.id),
        1,
    );
    let closed = console
        .call(Method::DELETE, &close, Some(&yamada.token), None)
        .await;
    assert_eq!(closed.status, 204);
    assert_eq!(
        console.get(&path, &yamada.token).await.status,
        403,
        "closed"
    );
    assert_eq!(looks(&console, &rival.id.to_string()).await, 0);
}

#[actix_web::test]
async fn staff_look_only_at_what_was_granted() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let grant = console.grant(&tenant, &["campaigns.read"]).await;
    let base = console.open(&tenant, &grant, &staff.token).await;
    console
        .get(&format!("{base}/campaigns"), &staff.token)
        .await
        .expect(200);
    for inside in [
        "contacts",
        "mails",
        "lists",
        "suppressions",
        "sender-domains",
        "tenant",
    ] {
        let answer = console.get(&format!("{base}/{inside}"), &staff.token).await;
        assert_eq!(answer.status, 403, "{inside}");
        assert_eq!(answer.json()["code"], "forbidden");
    }
}

#[actix_web::test]
async fn staff_change_and_export_nothing_and_see_neither_people_who_log_in_nor_secrets() {
    let named: Vec<String> = views()
        .into_iter()
        .map(|(_, operation)| operation)
        .collect();
    for operation in &named {
        assert!(
            operation.starts_with("get_") || operation.starts_with("list_"),
            "{operation}"
        );
        for word in [
            "export", "user", "session", "route", "token", "webhook", "file", "audit", "role",
        ] {
            assert!(!operation.contains(word), "{operation}");
        }
    }
    let paths = document()["paths"].as_object().expect("paths");
    for (path, item) in paths
        .iter()
        .filter(|(path, _)| path.starts_with("/v1/support/"))
    {
        let methods: Vec<&String> = item.as_object().unwrap().keys().collect();
        assert_eq!(methods, ["get"], "{path}");
    }
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let grant = console.grant(&tenant, &ALL).await;
    let base = console.open(&tenant, &grant, &staff.token).await;
    for inside in [
        "exports",
        "users",
        "sessions",
        "routes",
        "auth/password",
        "contacts/export",
    ] {
        let answer = console.get(&format!("{base}/{inside}"), &staff.token).await;
        assert_eq!(answer.status, 404, "{inside}");
    }
    let person = json!({"email": "x@example.jp"});
    let answer = console
        .call(
            Method::POST,
            &format!("{base}/contacts"),
            Some(&staff.token),
            Some(&person),
        )
        .await;
    assert!(
        [404, 405].contains(&answer.status.as_u16()),
        "{}",
        answer.status
    );
    assert_eq!(
        console
            .app
            .database
            .count("SELECT count(*) FROM contact")
            .await,
        0
    );
}

#[actix_web::test]
async fn what_can_not_be_granted_is_refused() {
    let console = Console::new().await;
    let tenant = console.app.tenant("acme").await;
    let owner = console.app.log_in(&tenant.login_id("owner")).await;
    let good = json!({"reason": "お問い合わせ", "permissions": ["reports.read"], "hours": 72});
    let mut refused: Vec<(&str, Value, &str)> = vec![
        ("reason", json!(" "), "/reason"),
        ("hours", json!(0), "/hours"),
        ("hours", json!(73), "/hours"),
        ("permissions", json!([]), "/permissions"),
        (
            "permissions",
            json!(["reports.read", "reports.read"]),
            "/permissions/1",
        ),
    ];
    for never in [
        "contacts.export",
        "users.manage",
        "settings.write",
        "campaigns.send",
        "support.grant",
        "nonsense",
    ] {
        refused.push(("permissions", json!([never]), "/permissions/0"));
    }
    for (field, value, pointer) in refused {
        let mut body = good.clone();
        body[field] = value;
        let answer = console
            .app
            .post("/v1/support-grants")
            .by(&owner)
            .json(&body)
            .send()
            .await;
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    console
        .app
        .post("/v1/support-grants")
        .by(&owner)
        .json(&good)
        .send()
        .await
        .expect(201);
    console.app.database.clock.advance(TimeDelta::hours(25));
}
